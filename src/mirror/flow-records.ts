/**
 * The memory of a mirror: a record for each flow, in pages that neither move nor shrink.
 */
import { ENTRY } from '../record/layout.js';
import { Extensions } from './extensions.js';

const PAGE_BITS = 12;
const PAGE_SLOTS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SLOTS - 1;

const RECORD_WORDS = ENTRY.size / 4;

interface Page {
  readonly records: Uint32Array;
  /** The last dump during which the flow was seen, or heard of. */
  readonly dumps: Uint32Array;
  readonly flags: Uint8Array;
}

/** Flags of a slot. */
export const FLOW = {
  /** There is a flow. */
  taken: 1,
  /** An event came: its end will be one, too. */
  speaks: 2,
  /** An event came while the dump runs. */
  heard: 4,
  /** It began while the dump runs: the dump may show the flow before it on the same tuple. */
  isNew: 8,
  /** All that is known of it are events that came while the dump runs. */
  isBare: 16,
  /** It has ended while the dump runs, which may still show it. */
  ended: 32,
} as const;

export class FlowRecords {
  private readonly pages: Page[] = [];
  private readonly extensions = new Extensions();
  /** Slots that were given back. */
  private readonly free: number[] = [];
  private used = 0;

  /** Slots are below it. */
  get end(): number {
    return this.used;
  }

  /** Returns a slot whose record is zeroed. */
  take(): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot >>> PAGE_BITS === this.pages.length) this.pages.push(newPage());
    this.set(slot, FLOW.taken);
    return slot;
  }

  give(slot: number): void {
    const { dumps, flags } = this.page(slot);
    const index = slot & PAGE_MASK;
    this.words(slot).fill(0, this.at(slot), this.at(slot) + RECORD_WORDS);
    dumps[index] = 0;
    flags[index] = 0;
    this.extensions.delete(slot);
    this.free.push(slot);
  }

  /** The memory of its record, which begins at `at(slot)`. */
  words(slot: number): Uint32Array {
    return this.page(slot).records;
  }

  at(slot: number): number {
    return (slot & PAGE_MASK) * RECORD_WORDS;
  }

  /** The words of its extension; `undefined`: it has none. */
  extension(slot: number): Uint32Array | undefined {
    return this.extensions.get(slot);
  }

  setExtension(slot: number, words: Uint32Array | undefined): void {
    if (words === undefined) this.extensions.delete(slot);
    else this.extensions.set(slot, words);
  }

  dump(slot: number): number {
    return this.page(slot).dumps[slot & PAGE_MASK] as number;
  }

  see(slot: number, dump: number): void {
    this.page(slot).dumps[slot & PAGE_MASK] = dump;
  }

  has(slot: number, flag: number): boolean {
    return ((this.page(slot).flags[slot & PAGE_MASK] as number) & flag) !== 0;
  }

  set(slot: number, flag: number): void {
    const { flags } = this.page(slot);
    flags[slot & PAGE_MASK] = (flags[slot & PAGE_MASK] as number) | flag;
  }

  clear(slot: number, flag: number): void {
    const { flags } = this.page(slot);
    flags[slot & PAGE_MASK] = (flags[slot & PAGE_MASK] as number) & ~flag;
  }

  /** Clears flags of all. */
  clearAll(flags: number): void {
    for (const page of this.pages) {
      for (let index = 0; index < PAGE_SLOTS; index++) {
        page.flags[index] = (page.flags[index] as number) & ~flags;
      }
    }
  }

  private page(slot: number): Page {
    return this.pages[slot >>> PAGE_BITS] as Page;
  }
}

function newPage(): Page {
  return {
    records: new Uint32Array(PAGE_SLOTS * RECORD_WORDS),
    dumps: new Uint32Array(PAGE_SLOTS),
    flags: new Uint8Array(PAGE_SLOTS),
  };
}
