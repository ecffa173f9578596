/**
 * How many flows there are of each number.
 */
export class Tally {
  private readonly counts: Uint32Array;

  /** For numbers below `end`. */
  constructor(end: number) {
    this.counts = new Uint32Array(end);
  }

  /** 0 is not counted. */
  add(number: number, more: 1 | -1): void {
    this.counts[number] = (this.counts[number] as number) + more;
  }

  forEach(visit: (number: number, count: number) => void): void {
    for (let number = 1; number < this.counts.length; number++) {
      const count = this.counts[number] as number;
      if (count > 0) visit(number, count);
    }
  }
}
