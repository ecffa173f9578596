/**
 * The memory of a mirror: a record for each flow, in pages that do not move.
 */
import { ENTRY } from '../record/layout.js';
import { Extensions } from './extensions.js';

const PAGE_BITS = 12;
export const PAGE_SLOTS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SLOTS - 1;

const RECORD_WORDS = ENTRY.size / 4;
const SEEN = ENTRY.seen / 4;

interface Page {
  readonly records: Uint32Array;
  /** The last dump during which the flow was seen, or heard of. */
  readonly dumps: Uint32Array;
  readonly flags: Uint8Array;
  /** When the time of a silent flow is over; `NEVER` for the others. */
  readonly expiries: Uint32Array;
  /** How many of its flows are silent. */
  silent: number;
}

/** Flags of a slot. */
export const FLOW = {
  /** There is a flow. */
  taken: 1,
  /** An event came: its end will be one, too. A flow of which none came may be silent. */
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

const NEVER = 0xffff_ffff;

const isSilent = (flags: number) =>
  (flags & (FLOW.taken | FLOW.speaks | FLOW.ended)) === FLOW.taken;

export class FlowRecords {
  private readonly pages: Page[] = [];
  private readonly extensions = new Extensions();
  /** Slots that were given back. */
  private readonly free: number[] = [];
  private used = 0;
  private silentCount = 0;

  /** Slots are below it. */
  get end(): number {
    return this.used;
  }

  /** Flows that no event came of. */
  get silent(): number {
    return this.silentCount;
  }

  /** Returns a slot whose record is zeroed. */
  take(): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot >>> PAGE_BITS === this.pages.length) this.pages.push(newPage());
    this.set(slot, FLOW.taken);
    return slot;
  }

  give(slot: number): void {
    const { dumps, records } = this.page(slot);
    records.fill(0, this.at(slot), this.at(slot) + RECORD_WORDS);
    dumps[slot & PAGE_MASK] = 0;
    this.setFlags(slot, 0);
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

  /** When the kernel spoke of it, in ticks of the clock: beside the rest of what is read of it. */
  time(slot: number): number {
    return this.page(slot).records[this.at(slot) + SEEN] as number;
  }

  see(slot: number, dump: number, time: number): void {
    const { dumps, records } = this.page(slot);
    dumps[slot & PAGE_MASK] = dump;
    records[this.at(slot) + SEEN] = time;
  }

  has(slot: number, flag: number): boolean {
    return (this.flags(slot) & flag) !== 0;
  }

  /** Whether there is a flow that has not ended. */
  isLive(slot: number): boolean {
    return (this.flags(slot) & (FLOW.taken | FLOW.ended)) === FLOW.taken;
  }

  isSilent(slot: number): boolean {
    return isSilent(this.flags(slot));
  }

  set(slot: number, flag: number): void {
    this.setFlags(slot, this.flags(slot) | flag);
  }

  clear(slot: number, flag: number): void {
    this.setFlags(slot, this.flags(slot) & ~flag);
  }

  /** Clears flags of all that no count depends on. */
  clearAll(flags: number): void {
    for (const page of this.pages) {
      for (let index = 0; index < PAGE_SLOTS; index++) {
        page.flags[index] = (page.flags[index] as number) & ~flags;
      }
    }
  }

  /** The first silent slot from `from` on, -1 when there is none; it looks at pages that have some. */
  nextSilent(from: number): number {
    for (let slot = from; slot < this.used; ) {
      if (this.page(slot).silent === 0) slot = (slot | PAGE_MASK) + 1;
      else if (this.isSilent(slot)) return slot;
      else slot++;
    }
    return -1;
  }

  /** The tick at which the time of a silent flow is over; `undefined`: it has none. */
  setExpiry(slot: number, tick: number | undefined): void {
    const expiry = tick === undefined || tick > NEVER ? NEVER : tick;
    this.page(slot).expiries[slot & PAGE_MASK] = expiry;
  }

  /** The first silent slot from `from` on whose time is over, -1 when there is none. */
  nextExpired(from: number, tick: number): number {
    for (let first = from & ~PAGE_MASK; first < this.used; first += PAGE_SLOTS) {
      const { silent, expiries } = this.page(first);
      if (silent === 0) continue;
      for (let index = Math.max(from - first, 0); index < PAGE_SLOTS; index++) {
        if ((expiries[index] as number) <= tick) return first + index;
      }
    }
    return -1;
  }

  private flags(slot: number): number {
    return this.page(slot).flags[slot & PAGE_MASK] as number;
  }

  private setFlags(slot: number, flags: number): void {
    const page = this.page(slot);
    const index = slot & PAGE_MASK;
    const more = Number(isSilent(flags)) - Number(isSilent(page.flags[index] as number));
    page.flags[index] = flags;
    if (!isSilent(flags)) page.expiries[index] = NEVER;
    page.silent += more;
    this.silentCount += more;
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
    expiries: new Uint32Array(PAGE_SLOTS).fill(NEVER),
    silent: 0,
  };
}
