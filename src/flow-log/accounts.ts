/**
 * Keeps the counters that readings showed and records reported of each flow, by its slot, in pages
 * that do not move.
 */
const PAGE_BITS = 12;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** Packets and bytes of the original direction, then of the reply. */
export type Counts = readonly [number, number, number, number];

export const NOTHING: Counts = [0, 0, 0, 0];

const NUMBER = 0;
const PARTS = 1;
const UNTIL = 2;
const SEEN = 3;
const REPORTED = SEEN + NOTHING.length;
const STRIDE = REPORTED + NOTHING.length;

/** A copy of one. */
export interface Account {
  readonly number: number;
  /** How many records it has. */
  readonly parts: number;
  /** The end of the last record, in milliseconds since 1970; `undefined` before the first one. */
  readonly until: number | undefined;
  /** The sum of the kernel's counts that readings have shown. */
  readonly seen: Counts;
  readonly reported: Counts;
}

export class Accounts {
  private readonly pages: Float64Array[] = [];

  get(slot: number): Account {
    const { page, at } = this.place(slot);
    const counts = (from: number): Counts => [
      page[at + from] as number,
      page[at + from + 1] as number,
      page[at + from + 2] as number,
      page[at + from + 3] as number,
    ];
    const until = page[at + UNTIL] as number;
    return {
      number: page[at + NUMBER] as number,
      parts: page[at + PARTS] as number,
      until: Number.isNaN(until) ? undefined : until,
      seen: counts(SEEN),
      reported: counts(REPORTED),
    };
  }

  set(slot: number, { number, parts, until, seen, reported }: Account): void {
    const { page, at } = this.place(slot);
    page[at + NUMBER] = number;
    page[at + PARTS] = parts;
    page[at + UNTIL] = until ?? Number.NaN;
    page.set(seen, at + SEEN);
    page.set(reported, at + REPORTED);
  }

  private place(slot: number): { page: Float64Array; at: number } {
    const index = slot >>> PAGE_BITS;
    while (this.pages.length <= index) {
      this.pages.push(new Float64Array(STRIDE << PAGE_BITS));
    }
    return { page: this.pages[index] as Float64Array, at: (slot & PAGE_MASK) * STRIDE };
  }
}

/** `one + other - less`, number by number. */
export function sumOf(one: Counts, other: Counts, less: Counts = NOTHING): Counts {
  return [
    one[0] + other[0] - less[0],
    one[1] + other[1] - less[1],
    one[2] + other[2] - less[2],
    one[3] + other[3] - less[3],
  ];
}

export function isSmaller(one: Counts, other: Counts): boolean {
  return one[0] < other[0] || one[1] < other[1] || one[2] < other[2] || one[3] < other[3];
}
