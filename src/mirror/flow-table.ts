/**
 * The flows of a mirror, by either of their tuples.
 */
import type { Entry } from '../entry/entry.js';
import { EntryView } from '../entry/view.js';
import { ENTRY, ENTRY_PRESENT, EXTENSION } from '../record/layout.js';
import { uint16, uint32 } from '../record/words.js';
import { FLOW, FlowRecords } from './flow-records.js';
import { extensionBits, type FlowRecord, mergedExtension, mergeRecord } from './merge.js';
import { TICKS_PER_SECOND } from './ticks.js';
import { isPlain, TupleHash, type TuplePlace, zoneOf } from './tuple-hash.js';

const ORIGINAL = ENTRY.original / 4;
const REPLY = ENTRY.reply / 4;
const SEEN = ENTRY.seen / 4;

export class FlowTable {
  readonly records = new FlowRecords();
  private readonly byOriginal = new TupleHash(this.records, ORIGINAL, entryZone);
  /** Those whose reply tuple does not follow from the original. */
  private readonly byReply = new TupleHash(this.records, REPLY, entryZone);
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The slot of the flow with the original tuple of this record, -1 when there is none. */
  findOriginal(record: FlowRecord): number {
    const { words, at } = record;
    const tuple = at + ORIGINAL;
    return this.byOriginal.find(words, tuple, zoneOf(words, tuple, entryZone(words, at)));
  }

  /** The slot of a flow that has the tuple in one direction or the other, and has not ended. */
  find({ words, at, zone }: TuplePlace): number {
    const { byOriginal, byReply } = this;
    const slot = byOriginal.findEither(words, at, zone, byReply);
    return slot === -1 ? byReply.find(words, at, zone) : slot;
  }

  record(slot: number): FlowRecord {
    const { records } = this;
    return {
      words: records.words(slot),
      at: records.at(slot),
      extension: records.extension(slot),
    };
  }

  /** Notes when the time of a silent flow is over: its end may be no event. */
  noteExpiry(slot: number): void {
    const { records } = this;
    if (!records.isSilent(slot)) return;
    const words = records.words(slot);
    const at = records.at(slot);
    const has = (words[at + ENTRY.present / 4] as number) & ENTRY_PRESENT.timeout;
    const left = TICKS_PER_SECOND * (words[at + ENTRY.timeout / 4] as number);
    records.setExpiry(slot, has === 0 ? undefined : records.time(slot) + left);
  }

  add(record: FlowRecord): number {
    const { records } = this;
    const slot = records.take();
    this.write(slot, record);
    this.byOriginal.add(slot);
    this.addReply(slot);
    this.count++;
    return slot;
  }

  /** Replaces what is known of the flow. The original tuple is the same. */
  replace(slot: number, record: FlowRecord): void {
    this.deleteReply(slot);
    this.write(slot, record);
    this.addReply(slot);
  }

  /** Takes over what an event has. */
  merge(slot: number, message: FlowRecord): void {
    const flow = this.record(slot);
    mergeRecord(flow, message);
    const extension = mergedExtension(flow, message);
    if (extension !== undefined) this.records.setExtension(slot, extension);
  }

  /** The flow has ended. Its original tuple is still found, until `delete`. */
  end(slot: number): void {
    this.deleteReply(slot);
    this.records.set(slot, FLOW.ended);
    this.count--;
  }

  /** Adds an ended flow that the table did not have. */
  addEnded(record: FlowRecord): void {
    this.end(this.add(record));
  }

  /** A flow began on the tuple of one that has ended. */
  revive(slot: number, record: FlowRecord): void {
    this.records.clear(slot, FLOW.ended);
    this.write(slot, record);
    this.addReply(slot);
    this.count++;
  }

  delete(slot: number): void {
    if (!this.records.has(slot, FLOW.ended)) this.end(slot);
    this.byOriginal.delete(slot);
    this.records.give(slot);
  }

  private write(slot: number, record: FlowRecord): void {
    const { records } = this;
    const at = records.at(slot);
    const words = records.words(slot);
    // Word by word: a subarray for each would be garbage, and takes longer.
    // When it was seen, the last one, stays.
    for (let word = 0; word < SEEN; word++) {
      words[at + word] = record.words[record.at + word] as number;
    }
    const extensionPresent = extensionBits(record);
    words[at + ENTRY.extensionPresent / 4] = extensionPresent;
    records.setExtension(slot, extensionPresent === 0 ? undefined : record.extension);
  }

  private addReply(slot: number): void {
    if (!this.isPlain(slot)) this.byReply.add(slot);
  }

  private deleteReply(slot: number): void {
    if (!this.isPlain(slot)) this.byReply.delete(slot);
  }

  private isPlain(slot: number): boolean {
    const at = this.records.at(slot);
    return isPlain(this.records.words(slot), at + ORIGINAL, at + REPLY);
  }
}

function entryZone(words: Uint32Array, at: number): number {
  return uint16(words, at, ENTRY.zone);
}

/** The record of an entry of a stream, in the memory of its slab. */
export function recordOf(entry: Entry): FlowRecord {
  return EntryView.look(entry, (words, at) => ({ words, at, extension: extensionIn(words, at) }));
}

function extensionIn(words: Uint32Array, at: number): Uint32Array | undefined {
  if (uint32(words, at, ENTRY.extensionPresent) === 0) return undefined;
  const from = 2 * uint16(words, at, ENTRY.extension);
  const bytes =
    EXTENSION.size +
    uint16(words, from, EXTENSION.helperLength) +
    uint16(words, from, EXTENSION.securityContextLength);
  return words.subarray(from, from + ((bytes + 3) >>> 2));
}
