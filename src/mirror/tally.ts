/**
 * How many flows there are of each number.
 */
export class Tally {
  private readonly counts = new Map<number, number>();

  /** 0 is not counted. */
  add(number: number, more: 1 | -1): void {
    if (number === 0) return;
    const count = (this.counts.get(number) ?? 0) + more;
    if (count === 0) this.counts.delete(number);
    else this.counts.set(number, count);
  }

  forEach(visit: (number: number, count: number) => void): void {
    for (const [number, count] of this.counts) visit(number, count);
  }
}
