/**
 * Entries and their parts as views over records: nothing is decoded before it is
 * read.
 */
import { type InspectOptions, inspect } from 'node:util';
import type {
  Counters,
  CountersJson,
  DccpInfo,
  DirectionCounters,
  DirectionCountersJson,
  Entry,
  EntryBase,
  EntryJson,
  MasterTuple,
  Nat,
  SctpInfo,
  SequenceAdjust,
  SequenceAdjustment,
  Status,
  Synproxy,
  TcpDirection,
  TcpInfo,
  Tuple,
} from '../entry.js';
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
} from '../names.js';
import { conntrackLine } from './conntrack-line.js';
import { countersJson, entryJson, presentFields } from './entry-json.js';
import {
  ENTRY,
  ENTRY_PRESENT,
  EXTENSION,
  FAMILY_NUMBERS,
  LITTLE_ENDIAN,
  SLAB,
  TUPLE,
} from './layout.js';
import { MasterTupleView, TupleView } from './tuple-view.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

/** A number that is exact up to 2^53 - 1. */
function readNumber64(view: DataView, offset: number): number {
  const low = view.getUint32(LITTLE_ENDIAN ? offset : offset + 4, LITTLE_ENDIAN);
  const high = view.getUint32(LITTLE_ENDIAN ? offset + 4 : offset, LITTLE_ENDIAN);
  return high * 0x1_0000_0000 + low;
}

class DirectionCountersView implements DirectionCounters {
  private readonly view: DataView;
  private readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  get packets(): number {
    return readNumber64(this.view, this.offset);
  }

  get bytes(): number {
    return readNumber64(this.view, this.offset + 8);
  }

  get packetsBig(): bigint {
    return this.view.getBigUint64(this.offset, LITTLE_ENDIAN);
  }

  get bytesBig(): bigint {
    return this.view.getBigUint64(this.offset + 8, LITTLE_ENDIAN);
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
  private readonly view: DataView;
  private readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  get original(): DirectionCounters {
    return new DirectionCountersView(this.view, this.offset + ENTRY.originalPackets);
  }

  get reply(): DirectionCounters {
    return new DirectionCountersView(this.view, this.offset + ENTRY.replyPackets);
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
  private readonly view: DataView;
  private readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  get state(): TcpState {
    return nameOf(TCP_STATES, this.view.getUint8(this.offset + ENTRY.state));
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
    const { view, offset } = this;
    return (view.getUint32(offset + ENTRY.present, LITTLE_ENDIAN) & present) !== 0
      ? view.getUint8(offset + field)
      : undefined;
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
  private readonly view: DataView;
  private readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  get family(): Family {
    return this.view.getUint8(this.offset + ENTRY.original + TUPLE.family) === FAMILY_NUMBERS.ipv6
      ? 'ipv6'
      : 'ipv4';
  }

  get protocolNumber(): number {
    return this.view.getUint8(this.offset + ENTRY.original + TUPLE.protocol);
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  get original(): Tuple {
    return new TupleView(this.view, this.offset + ENTRY.original);
  }

  get reply(): Tuple {
    return new TupleView(this.view, this.offset + ENTRY.reply);
  }

  get id(): number {
    return this.uint32(ENTRY.id);
  }

  get zone(): number {
    return this.view.getUint16(this.offset + ENTRY.zone, LITTLE_ENDIAN);
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
    return this.has(ENTRY_PRESENT.tcpState) ? new TcpView(this.view, this.offset) : undefined;
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
    const both = ENTRY_PRESENT.originalCounters | ENTRY_PRESENT.replyCounters;
    if ((this.present() & both) !== both) return undefined;
    return new CountersView(this.view, this.offset);
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
    if (!this.has(ENTRY_PRESENT.labels)) return undefined;
    const at = this.extension() + EXTENSION.labels;
    return (this.view.getBigUint64(at + 8, true) << 64n) | this.view.getBigUint64(at, true);
  }

  get helper(): string | undefined {
    if (!this.has(ENTRY_PRESENT.helper)) return undefined;
    return this.text(0, this.extensionLength(EXTENSION.helperLength));
  }

  get securityContext(): string | undefined {
    if (!this.has(ENTRY_PRESENT.securityContext)) return undefined;
    return this.text(
      this.extensionLength(EXTENSION.helperLength),
      this.extensionLength(EXTENSION.securityContextLength),
    );
  }

  get master(): MasterTuple | undefined {
    if (!this.has(ENTRY_PRESENT.master)) return undefined;
    return new MasterTupleView(this.view, this.extension() + EXTENSION.master);
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
      ENTRY_PRESENT.originalSequenceAdjust,
      EXTENSION.originalSequenceAdjust,
    );
    const reply = this.sequenceAdjustment(
      ENTRY_PRESENT.replySequenceAdjust,
      EXTENSION.replySequenceAdjust,
    );
    return original || reply ? presentFields({ original, reply }) : undefined;
  }

  get synproxy(): Synproxy | undefined {
    if (!this.has(ENTRY_PRESENT.synproxy)) return undefined;
    if (!this.has(ENTRY_PRESENT.synproxyNotZero)) {
      return { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 };
    }
    const at = this.extension() + EXTENSION.synproxy;
    return {
      initialSequence: this.view.getUint32(at, LITTLE_ENDIAN),
      initialTimestamp: this.view.getUint32(at + 4, LITTLE_ENDIAN),
      timestampOffset: this.view.getUint32(at + 8, LITTLE_ENDIAN),
    };
  }

  get unknownAttributes(): number {
    return this.view.getUint16(this.offset + ENTRY.unknownAttributes, LITTLE_ENDIAN);
  }

  toJSON(): EntryJson {
    return entryJson(this as EntryBase as Entry);
  }

  toString(): string {
    const readTimeNs = this.view.getBigUint64(SLAB.readTime, LITTLE_ENDIAN);
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
    if (!this.has(present)) return undefined;
    const at = this.extension() + field;
    return {
      correctionPosition: this.view.getUint32(at, LITTLE_ENDIAN),
      offsetBefore: this.view.getInt32(at + 4, LITTLE_ENDIAN),
      offsetAfter: this.view.getInt32(at + 8, LITTLE_ENDIAN),
    };
  }

  private text(from: number, length: number): string {
    const start = this.view.byteOffset + this.extension() + EXTENSION.size + from;
    return Buffer.from(this.view.buffer, start, length).toString();
  }

  private extensionLength(field: number): number {
    return this.view.getUint16(this.extension() + field, LITTLE_ENDIAN);
  }

  private extension(): number {
    return 8 * this.view.getUint16(this.offset + ENTRY.extension, LITTLE_ENDIAN);
  }

  private has(present: number): boolean {
    return (this.present() & present) !== 0;
  }

  private present(): number {
    return this.uint32(ENTRY.present);
  }

  private uint8(field: number): number {
    return this.view.getUint8(this.offset + field);
  }

  private uint32(field: number): number {
    return this.view.getUint32(this.offset + field, LITTLE_ENDIAN);
  }

  private uint64(field: number): bigint {
    return this.view.getBigUint64(this.offset + field, LITTLE_ENDIAN);
  }
}

function dateOf(nanoseconds: bigint | undefined): Date | undefined {
  return nanoseconds === undefined ? undefined : new Date(Number(nanoseconds / 1_000_000n));
}

/** The entries of slabs that the addon has filled. */
export function entriesOf(slabs: readonly ArrayBuffer[]): Entry[] {
  const views = slabs.map((slab) => new DataView(slab));
  const counts = views.map((view) => view.getUint32(SLAB.count, LITTLE_ENDIAN));
  // Of the right size from the start: growing it would cost as much as filling it.
  const entries = new Array<EntryBase>(counts.reduce((sum, count) => sum + count, 0));
  let index = 0;
  views.forEach((view, slab) => {
    const end = SLAB.firstEntry + (counts[slab] as number) * ENTRY.size;
    for (let offset = SLAB.firstEntry; offset < end; offset += ENTRY.size) {
      entries[index++] = new EntryView(view, offset);
    }
  });
  return entries as Entry[];
}
