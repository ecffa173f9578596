/**
 * The largest of many counts, and the sum of the others.
 */
export class Largest<Key> {
  private readonly limit: number;
  private kept: (readonly [key: Key, count: number])[] = [];
  /** A count has to be larger to be kept. */
  private least = 0;
  private sum = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(key: Key, count: number): void {
    this.sum += count;
    if (count <= this.least) return;
    this.kept.push([key, count]);
    // Twice as many, so that each sorting takes in `limit` new ones.
    if (this.kept.length === 2 * this.limit) this.cut();
  }

  /** The largest first; of equal counts the one that was added first. */
  top(): readonly (readonly [key: Key, count: number])[] {
    this.cut();
    return this.kept;
  }

  /** The sum of the counts that are not in `top()`. */
  rest(): number {
    return this.top().reduce((rest, [, count]) => rest - count, this.sum);
  }

  private cut(): void {
    this.kept.sort(([, one], [, other]) => other - one);
    if (this.kept.length < this.limit) return;
    this.kept.length = this.limit;
    this.least = this.kept.at(-1)?.[1] ?? 0;
  }
}
