/**
 * The first of many in an order of numbers; what has none stands behind all others.
 */
export class Ranking<Item> {
  readonly #limit: number;
  #kept: { readonly item: Item; readonly value: number; readonly second: number }[] = [];
  #last: { readonly value: number; readonly second: number } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param value NaN: it has none.
   * @param second Decides between equal values.
   * @param make Called only if it stands among the first, so far.
   */
  add(value: number, second: number, make: () => Item): void {
    const known = Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
    const last = this.#last;
    if (last !== undefined) {
      if (known < last.value || (known === last.value && second <= last.second)) return;
    }
    this.#kept.push({ item: make(), value: known, second });
    // Twice as many, so that each sorting takes in `limit` new ones.
    if (this.#kept.length >= 2 * this.#limit) this.#cut();
  }

  /** Of equals the one that was added first. */
  first(): Item[] {
    this.#cut();
    return this.#kept.map(({ item }) => item);
  }

  #cut(): void {
    this.#kept.sort((one, other) =>
      one.value === other.value ? other.second - one.second : other.value > one.value ? 1 : -1,
    );
    if (this.#kept.length < this.#limit) return;
    this.#kept.length = this.#limit;
    this.#last = this.#kept.at(-1);
  }
}
