/**
 * The flows of a mirror, with what is kept about them: indexes, counts and changes.
 *
 * @module
 */
import type { Entry, EntryBase } from '../entry/entry.js';
import type { EntryKey } from '../entry/key.js';
import { EntryView } from '../entry/view.js';
import { ENTRY, ENTRY_PRESENT } from '../record/layout.js';
import { ChangeFeed } from './change-feed.js';
import { COUNTED, type CountedName, INDEXED, type IndexName } from './dimensions.js';
import { mirrorFullError } from './errors.js';
import { FlowIndex } from './flow-index.js';
import { FlowTable } from './flow-table.js';
import { type FlowListener, Follower } from './follower.js';
import { type FlowRecord, mergedExtension, mergeRecord, RECORD_WORDS } from './merge.js';
import { Snapshots } from './snapshots.js';
import { Tally } from './tally.js';
import { TICKS_PER_SECOND, ticksNow } from './ticks.js';
import type { TuplePlace } from './tuple-hash.js';

/** How fresh what a mirror knows of a flow is. */
export interface Freshness {
  /** How many milliseconds ago the kernel spoke of the flow, to a tenth of a second. */
  readonly confirmedMsAgo: number;
  /**
   * Whether an event about the flow came: then its end will be one, too. Otherwise it may be one of
   * those that send none, and the mirror checks it by its timeout and every `recheckInterval`.
   */
  readonly sendsEvents: boolean;
}

export class LiveTable implements FlowListener {
  readonly table = new FlowTable();
  readonly follower = new Follower(this.table, this);
  readonly feed = new ChangeFeed();
  readonly indexes: Readonly<Partial<Record<IndexName, FlowIndex>>>;
  readonly tallies: Readonly<Record<CountedName, Tally>> = {
    protocol: new Tally(COUNTED.protocol.end),
    state: new Tally(COUNTED.state.end),
  };
  private readonly allIndexes: readonly FlowIndex[];
  private readonly maxEntries: number;
  private readonly snapshots = new Snapshots();

  constructor(indexes: readonly IndexName[], maxEntries: number) {
    const made = indexes.map((name) => [name, new FlowIndex(INDEXED[name])] as const);
    this.indexes = Object.fromEntries(made);
    this.allIndexes = made.map(([, index]) => index);
    this.maxEntries = maxEntries;
  }

  get size(): number {
    return this.table.size;
  }

  // What the follower tells ----------------------------------------------------------------

  added(slot: number): void {
    if (this.size > this.maxEntries) throw mirrorFullError(this.maxEntries);
    const { words, at } = this.table.record(slot);
    for (const index of this.allIndexes) index.put(slot, words, at);
    this.count(words, at, 1);
    if (this.feed.isRead) this.feed.added(this.entryAt(slot));
  }

  changed(slot: number, change: () => void): void {
    const { words, at, extension } = this.table.record(slot);
    const before = this.feed.isRead
      ? { ...copyOf(words, at), extension: extension?.slice(), seconds: this.secondsOld(slot) }
      : undefined;
    this.count(words, at, -1);
    change();
    this.count(words, at, 1);
    for (const index of this.allIndexes) index.put(slot, words, at);
    if (before === undefined || isAlike(before, this.table.record(slot))) return;
    this.feed.changed(this.snapshots.entryOf(before, before.seconds), this.entryAt(slot));
  }

  removed(slot: number, last: FlowRecord | undefined): void {
    const record = this.table.record(slot);
    const { words, at } = record;
    for (const index of this.allIndexes) index.delete(slot);
    this.count(words, at, -1);
    if (!this.feed.isRead) return;
    const final = last && this.snapshots.entryOf(mergedWith(record, last), 0);
    this.feed.removed(this.entryAt(slot), final);
  }

  // What is asked --------------------------------------------------------------------------

  find(tuple: TuplePlace): Entry | undefined {
    const slot = this.table.find(tuple);
    return slot === -1 ? undefined : this.entryAt(slot);
  }

  freshness(tuple: TuplePlace): Freshness | undefined {
    const slot = this.table.find(tuple);
    if (slot === -1) return undefined;
    const { records } = this.table;
    const age = ticksNow() - records.time(slot);
    return {
      confirmedMsAgo: (age * 1000) / TICKS_PER_SECOND,
      sendsEvents: !records.isSilent(slot),
    };
  }

  /** A copy of what is known of the flow, with the seconds that it has left by now. */
  entryAt(slot: number): Entry {
    return this.snapshots.entryOf(this.table.record(slot), this.secondsOld(slot));
  }

  keyOf(slot: number): EntryKey {
    const { words, at } = this.table.record(slot);
    const { protocolNumber, original, zone } = new EntryView(words, at) as EntryBase;
    return { protocol: protocolNumber, original, ...(zone !== 0 && { zone }) };
  }

  /**
   * For how many seconds the kernel has not spoken of the flow, as of the last event, or the last
   * second: to look at the clock takes as long as half a lookup.
   */
  secondsOld(slot: number): number {
    return Math.floor((this.follower.time - this.table.records.time(slot)) / TICKS_PER_SECOND);
  }

  private count(words: Uint32Array, at: number, more: 1 | -1): void {
    const { protocol, state } = this.tallies;
    protocol.add(COUNTED.protocol.number(words, at), more);
    state.add(COUNTED.state.number(words, at), more);
  }
}

function copyOf(words: Uint32Array, at: number): { words: Uint32Array; at: number } {
  return { words: words.slice(at, at + RECORD_WORDS), at: 0 };
}

/** The flow with what its last event has. */
function mergedWith(flow: FlowRecord, last: FlowRecord): FlowRecord {
  const merged = { ...copyOf(flow.words, flow.at), extension: flow.extension };
  const extension = mergedExtension(merged, last) ?? flow.extension;
  mergeRecord(merged, last);
  const present = ENTRY.present / 4;
  const final = (last.words[last.at + present] as number) & ENTRY_PRESENT.final;
  merged.words[present] = ((merged.words[present] as number) | final) >>> 0;
  return { ...merged, extension };
}

/** Words that change without a change: seconds, references, counters. */
const PASSING = new Set([
  ENTRY.timeout / 4,
  ENTRY.use / 4,
  ENTRY.seen / 4,
  ENTRY.extension >>> 2,
  ...Array.from({ length: 8 }, (_, word) => ENTRY.originalPackets / 4 + word),
]);
const LASTING = Array.from({ length: RECORD_WORDS }, (_, word) => word).filter(
  (word) => !PASSING.has(word) && word !== ENTRY.present / 4,
);
const LASTING_BITS = ~(
  ENTRY_PRESENT.timeout |
  ENTRY_PRESENT.use |
  ENTRY_PRESENT.originalCounters |
  ENTRY_PRESENT.replyCounters
);

/** Whether two records of a flow differ in nothing that lasts. */
function isAlike(one: FlowRecord, other: FlowRecord): boolean {
  const present = ENTRY.present / 4;
  const bits = (record: FlowRecord) => (record.words[record.at + present] as number) & LASTING_BITS;
  if (bits(one) !== bits(other)) return false;
  for (const word of LASTING) {
    if (one.words[one.at + word] !== other.words[other.at + word]) return false;
  }
  const [a, b] = [one.extension, other.extension];
  if (a === b || a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((word, index) => word === b[index]);
}
