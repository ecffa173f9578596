/**
 * Entries and their parts as views over records: nothing is decoded before it is
 * read.
 */
import { setImmediate } from 'node:timers/promises';
import { type InspectOptions, inspect } from 'node:util';
import {
  DCCP_ROLES,
  DCCP_STATES,
  type Family,
  nameOf,
  type Protocol,
  protocolName,
  SCTP_STATES,
  STATUS_FLAGS,
  TCP_STATES,
  type TcpState,
} from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import {
  ENTRY,
  ENTRY_PRESENT,
  EXTENSION,
  EXTENSION_PRESENT,
  FAMILY_NUMBERS,
  SLAB,
  TUPLE,
} from '../record/layout.js';
import type { MasterTuple, Tuple } from '../record/tuple.js';
import { MasterTupleView, tupleAt } from '../record/tuple-view.js';
import {
  bigint64,
  byteShift,
  bytes,
  int32,
  number64,
  slabCount,
  uint8,
  uint16,
  uint32,
} from '../record/words.js';
import type {
  Counters,
  CountersJson,
  DccpInfo,
  DirectionCounters,
  DirectionCountersJson,
  Entry,
  EntryBase,
  EntryJson,
  Nat,
  SctpInfo,
  SequenceAdjust,
  SequenceAdjustment,
  Status,
  Synproxy,
  TcpDirection,
  TcpInfo,
} from './entry.js';
import { countersJson, entryJson } from './json.js';
import { conntrackLine } from './line.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

// As in tuple-view.ts: what is read of every entry is short, and counts words.
const PRESENT = ENTRY.present / 4;
const ORIGINAL = ENTRY.original / 4;
const REPLY = ENTRY.reply / 4;
const ORIGINAL_COUNTERS = ENTRY.originalPackets / 4;
const REPLY_COUNTERS = ENTRY.replyPackets / 4;
const STATE = ENTRY.state >>> 2;
const STATE_SHIFT = byteShift(ENTRY.state);
const HAS_TCP = ENTRY_PRESENT.tcpState;
const HAS_COUNTERS = ENTRY_PRESENT.originalCounters | ENTRY_PRESENT.replyCounters;

function directionAt(words: Uint32Array, record: number, field: number): DirectionCountersView {
  return new DirectionCountersView(words, record + field);
}

function countersAt(words: Uint32Array, record: number): CountersView | undefined {
  return ((words[record + PRESENT] as number) & HAS_COUNTERS) === HAS_COUNTERS
    ? new CountersView(words, record)
    : undefined;
}

function tcpAt(words: Uint32Array, record: number): TcpView | undefined {
  return ((words[record + PRESENT] as number) & HAS_TCP) === 0
    ? undefined
    : new TcpView(words, record);
}

function tcpStateAt(words: Uint32Array, record: number): TcpState {
  return nameOf(TCP_STATES, ((words[record + STATE] as number) >>> STATE_SHIFT) & 0xff);
}

class DirectionCountersView implements DirectionCounters {
  private readonly words: Uint32Array;
  private readonly at: number;

  constructor(words: Uint32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get packets(): number {
    return number64(this.words, this.at);
  }

  get bytes(): number {
    return number64(this.words, this.at + 2);
  }

  get packetsBig(): bigint {
    return bigint64(this.words, this.at);
  }

  get bytesBig(): bigint {
    return bigint64(this.words, this.at + 2);
  }

  toJSON(): DirectionCountersJson {
    return countersJson(this);
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    const exact = Number.isSafeInteger(this.packets) && Number.isSafeInteger(this.bytes);
    const { packets, bytes, packetsBig, bytesBig } = this;
    return format(exact ? { packets, bytes } : { packetsBig, bytesBig }, options);
  }
}

class CountersView implements Counters {
  private readonly words: Uint32Array;
  private readonly at: number;

  constructor(words: Uint32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get original(): DirectionCounters {
    return directionAt(this.words, this.at, ORIGINAL_COUNTERS);
  }

  get reply(): DirectionCounters {
    return directionAt(this.words, this.at, REPLY_COUNTERS);
  }

  toJSON(): CountersJson {
    return { original: countersJson(this.original), reply: countersJson(this.reply) };
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    const { original, reply } = this;
    return format({ original, reply }, options);
  }
}

class TcpView implements TcpInfo {
  private readonly words: Uint32Array;
  private readonly at: number;

  constructor(words: Uint32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get state(): TcpState {
    return tcpStateAt(this.words, this.at);
  }

  get original(): TcpDirection {
    return presentFields({
      windowScale: this.byte(ENTRY_PRESENT.tcpOriginalWindowScale, ENTRY.tcpOriginalWindowScale),
      flags: this.byte(ENTRY_PRESENT.tcpOriginalFlags, ENTRY.tcpOriginalFlags),
      flagsMask: this.byte(ENTRY_PRESENT.tcpOriginalFlags, ENTRY.tcpOriginalFlags + 1),
    });
  }

  get reply(): TcpDirection {
    return presentFields({
      windowScale: this.byte(ENTRY_PRESENT.tcpReplyWindowScale, ENTRY.tcpReplyWindowScale),
      flags: this.byte(ENTRY_PRESENT.tcpReplyFlags, ENTRY.tcpReplyFlags),
      flagsMask: this.byte(ENTRY_PRESENT.tcpReplyFlags, ENTRY.tcpReplyFlags + 1),
    });
  }

  toJSON(): TcpInfo {
    const { state, original, reply } = this;
    return { state, original, reply };
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    return format(this.toJSON(), options);
  }

  private byte(present: number, field: number): number | undefined {
    const { words, at } = this;
    return ((words[at + PRESENT] as number) & present) !== 0 ? uint8(words, at, field) : undefined;
  }
}

/** One boolean for each word of STATUS_FLAGS, made from the list. */
class StatusView {
  readonly bits: number;

  constructor(bits: number) {
    this.bits = bits;
  }

  toJSON(): Status {
    const flags = STATUS_FLAGS.map((flag, bit) => [flag, (this.bits & (1 << bit)) !== 0] as const);
    return { bits: this.bits, ...Object.fromEntries(flags) } as Status;
  }

  [inspect.custom](): string {
    const set = STATUS_FLAGS.filter((_, bit) => (this.bits & (1 << bit)) !== 0);
    return `0x${this.bits.toString(16)} <${set.join(' ')}>`;
  }
}

STATUS_FLAGS.forEach((flag, bit) => {
  Object.defineProperty(StatusView.prototype, flag, {
    get(this: StatusView): boolean {
      return (this.bits & (1 << bit)) !== 0;
    },
  });
});

export class EntryView implements EntryBase {
  private readonly words: Uint32Array;
  private readonly at: number;

  constructor(words: Uint32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get family(): Family {
    return this.uint8(ENTRY.original + TUPLE.family) === FAMILY_NUMBERS.ipv6 ? 'ipv6' : 'ipv4';
  }

  get protocolNumber(): number {
    return this.uint8(ENTRY.original + TUPLE.protocol);
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  get original(): Tuple {
    return tupleAt(this.words, this.at, ORIGINAL);
  }

  get reply(): Tuple {
    return tupleAt(this.words, this.at, REPLY);
  }

  get id(): number {
    return this.uint32(ENTRY.id);
  }

  get zone(): number {
    return this.uint16(ENTRY.zone);
  }

  get status(): Status {
    return new StatusView(this.uint32(ENTRY.status)) as StatusView & Status;
  }

  get assured(): boolean {
    return this.status.assured;
  }

  get timeout(): number | undefined {
    return this.has(ENTRY_PRESENT.timeout) ? this.uint32(ENTRY.timeout) : undefined;
  }

  get mark(): number | undefined {
    return this.has(ENTRY_PRESENT.mark) ? this.uint32(ENTRY.mark) : undefined;
  }

  get use(): number | undefined {
    return this.has(ENTRY_PRESENT.use) ? this.uint32(ENTRY.use) : undefined;
  }

  get tcp(): TcpInfo | undefined {
    return tcpAt(this.words, this.at);
  }

  get sctp(): SctpInfo | undefined {
    if (!this.has(ENTRY_PRESENT.sctpState)) return undefined;
    return presentFields({
      state: nameOf(SCTP_STATES, this.uint8(ENTRY.state)),
      originalTag: this.has(ENTRY_PRESENT.sctpOriginalTag)
        ? this.uint32(ENTRY.sctpOriginalTag)
        : undefined,
      replyTag: this.has(ENTRY_PRESENT.sctpReplyTag) ? this.uint32(ENTRY.sctpReplyTag) : undefined,
    });
  }

  get dccp(): DccpInfo | undefined {
    if (!this.has(ENTRY_PRESENT.dccpState)) return undefined;
    return presentFields({
      state: nameOf(DCCP_STATES, this.uint8(ENTRY.state)),
      role: this.has(ENTRY_PRESENT.dccpRole)
        ? nameOf(DCCP_ROLES, this.uint8(ENTRY.dccpRole))
        : undefined,
      handshakeSequence: this.has(ENTRY_PRESENT.dccpHandshakeSequence)
        ? this.uint64(ENTRY.dccpHandshakeSequence)
        : undefined,
    });
  }

  get counters(): Counters | undefined {
    return countersAt(this.words, this.at);
  }

  get startTimeNs(): bigint | undefined {
    return this.has(ENTRY_PRESENT.startTime) ? this.uint64(ENTRY.startTime) : undefined;
  }

  get stopTimeNs(): bigint | undefined {
    return this.has(ENTRY_PRESENT.stopTime) ? this.uint64(ENTRY.stopTime) : undefined;
  }

  get startTime(): Date | undefined {
    return dateOf(this.startTimeNs);
  }

  get stopTime(): Date | undefined {
    return dateOf(this.stopTimeNs);
  }

  get labels(): bigint | undefined {
    if (!this.extended(EXTENSION_PRESENT.labels)) return undefined;
    // Bit n is bit n % 8 of byte n / 8, whatever the host.
    const labels = bytes(this.words, this.extension(), EXTENSION.labels, 16);
    return (labels.readBigUInt64LE(8) << 64n) | labels.readBigUInt64LE(0);
  }

  get helper(): string | undefined {
    if (!this.extended(EXTENSION_PRESENT.helper)) return undefined;
    return this.text(0, this.extensionLength(EXTENSION.helperLength));
  }

  get securityContext(): string | undefined {
    if (!this.extended(EXTENSION_PRESENT.securityContext)) return undefined;
    return this.text(
      this.extensionLength(EXTENSION.helperLength),
      this.extensionLength(EXTENSION.securityContextLength),
    );
  }

  get master(): MasterTuple | undefined {
    if (!this.extended(EXTENSION_PRESENT.master)) return undefined;
    return new MasterTupleView(this.words, this.extension() + EXTENSION.master / 4);
  }

  get nat(): Nat | undefined {
    const { sourceNat, destinationNat } = this.status;
    if (!sourceNat && !destinationNat) return undefined;
    const { reply } = this;
    return presentFields({
      source: sourceNat
        ? presentFields({ address: reply.destination, port: reply.destinationPort })
        : undefined,
      destination: destinationNat
        ? presentFields({ address: reply.source, port: reply.sourcePort })
        : undefined,
    });
  }

  get sequenceAdjust(): SequenceAdjust | undefined {
    const original = this.sequenceAdjustment(
      EXTENSION_PRESENT.originalSequenceAdjust,
      EXTENSION.originalSequenceAdjust,
    );
    const reply = this.sequenceAdjustment(
      EXTENSION_PRESENT.replySequenceAdjust,
      EXTENSION.replySequenceAdjust,
    );
    return original || reply ? presentFields({ original, reply }) : undefined;
  }

  get synproxy(): Synproxy | undefined {
    if (!this.has(ENTRY_PRESENT.synproxy)) return undefined;
    if (!this.extended(EXTENSION_PRESENT.synproxy)) {
      return { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 };
    }
    const { words } = this;
    const at = this.extension();
    return {
      initialSequence: uint32(words, at, EXTENSION.synproxy),
      initialTimestamp: uint32(words, at, EXTENSION.synproxy + 4),
      timestampOffset: uint32(words, at, EXTENSION.synproxy + 8),
    };
  }

  get unknownAttributes(): number {
    return this.uint16(ENTRY.unknownAttributes);
  }

  toJSON(): EntryJson {
    return entryJson(this as EntryBase as Entry);
  }

  toString(): string {
    const readTimeNs = bigint64(this.words, SLAB.readTime / 4);
    return conntrackLine(this as EntryBase as Entry, readTimeNs, this.has(ENTRY_PRESENT.zone));
  }

  [inspect.custom](depth: number, options: InspectOptions, format: Inspect): string {
    if (depth < 0) return '[Entry]';
    const { counters, startTimeNs, stopTimeNs, labels, dccp } = this;
    const json = this.toJSON();
    const shown = presentFields({
      ...json,
      status: this.status,
      dccp,
      counters,
      startTimeNs,
      stopTimeNs,
      labels,
    });
    return `Entry ${format(shown, options)}`;
  }

  private sequenceAdjustment(present: number, field: number): SequenceAdjustment | undefined {
    if (!this.extended(present)) return undefined;
    const { words } = this;
    const at = this.extension();
    return {
      correctionPosition: uint32(words, at, field),
      offsetBefore: int32(words, at, field + 4),
      offsetAfter: int32(words, at, field + 8),
    };
  }

  private text(from: number, length: number): string {
    return bytes(this.words, this.extension(), EXTENSION.size + from, length).toString();
  }

  private extensionLength(field: number): number {
    return uint16(this.words, this.extension(), field);
  }

  /** In words; the record has it in units of eight bytes. */
  private extension(): number {
    return 2 * this.uint16(ENTRY.extension);
  }

  private has(present: number): boolean {
    return (this.present() & present) !== 0;
  }

  /** The same of what stands in the extension. */
  private extended(present: number): boolean {
    return (this.uint32(ENTRY.extensionPresent) & present) !== 0;
  }

  private present(): number {
    return this.words[this.at + PRESENT] as number;
  }

  private uint8(field: number): number {
    return uint8(this.words, this.at, field);
  }

  private uint16(field: number): number {
    return uint16(this.words, this.at, field);
  }

  private uint32(field: number): number {
    return uint32(this.words, this.at, field);
  }

  private uint64(field: number): bigint {
    return bigint64(this.words, this.at + field / 4);
  }
}

function dateOf(nanoseconds: bigint | undefined): Date | undefined {
  return nanoseconds === undefined ? undefined : new Date(Number(nanoseconds / 1_000_000n));
}

/** The entries of slabs that the addon has filled. */
export function entriesOf(slabs: readonly ArrayBuffer[]): Entry[] {
  const all = slabs.map((slab) => new Uint32Array(slab));
  const entries = roomFor(all);
  let index = 0;
  for (const words of all) index = viewEntries(words, entries, index);
  return entries as Entry[];
}

/** The same of many slabs: the event loop turns between some and the next. */
export async function entriesInTurns(slabs: readonly ArrayBuffer[]): Promise<Entry[]> {
  const all = slabs.map((slab) => new Uint32Array(slab));
  const entries = roomFor(all);
  let index = 0;
  for (const [slab, words] of all.entries()) {
    if (slab % SLABS_A_TURN === SLABS_A_TURN - 1) await setImmediate();
    index = viewEntries(words, entries, index);
  }
  return entries as Entry[];
}

/** Some thousand entries, less than a millisecond. */
const SLABS_A_TURN = 12;

/** Of the right size from the start: growing it would cost as much as filling it. */
function roomFor(slabs: readonly Uint32Array[]): EntryBase[] {
  return new Array<EntryBase>(slabs.reduce((sum, words) => sum + slabCount(words), 0));
}

/** Puts the entries of a slab into `entries`, and tells where the next one goes. */
function viewEntries(words: Uint32Array, entries: EntryBase[], index: number): number {
  const end = index + slabCount(words);
  for (let at = SLAB.firstEntry / 4; index < end; at += ENTRY.size / 4) {
    entries[index++] = new EntryView(words, at);
  }
  return end;
}
