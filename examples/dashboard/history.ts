/**
 * Keeps the last rows of some columns of numbers: so many, in memory of a fixed size.
 */
export class History<Column extends string> {
  readonly #columns: readonly Column[];
  readonly #capacity: number;
  readonly #values: Float64Array;
  #rows = 0;

  constructor(columns: readonly Column[], capacity: number) {
    this.#columns = columns;
    this.#capacity = capacity;
    this.#values = new Float64Array(columns.length * capacity);
  }

  /** `null`: not known. The row replaces the oldest one when there is no room. */
  add(row: Readonly<Record<Column, number | null>>): void {
    const at = (this.#rows++ % this.#capacity) * this.#columns.length;
    this.#columns.forEach((column, index) => {
      this.#values[at + index] = row[column] ?? Number.NaN;
    });
  }

  /** Each column, the oldest row first. */
  toJSON(): Record<Column, (number | null)[]> {
    const first = Math.max(0, this.#rows - this.#capacity);
    const valuesOf = (index: number) =>
      Array.from({ length: this.#rows - first }, (_, row) => {
        const at = ((first + row) % this.#capacity) * this.#columns.length;
        const value = this.#values[at + index] ?? Number.NaN;
        return Number.isNaN(value) ? null : value;
      });
    return Object.fromEntries(
      this.#columns.map((column, index) => [column, valuesOf(index)]),
    ) as Record<Column, (number | null)[]>;
  }
}
