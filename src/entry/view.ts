/**
 * Entries and their parts as views over records: nothing is decoded before it is
 * read.
 */
import { type InspectOptions, inspect, types } from 'node:util';
import { markAsView } from '../core/check.js';
import {
  DCCP_ROLES,
  DCCP_STATES,
  type Family,
  nameOf,
  type Protocol,
  protocolName,
  SCTP_STATES,
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
import { bigint64, bytes, int32, uint8, uint16, uint32 } from '../record/words.js';
import { countersAt } from './counters-view.js';
import type {
  Counters,
  DccpInfo,
  Entry,
  EntryBase,
  EntryJson,
  Nat,
  SctpInfo,
  SequenceAdjust,
  SequenceAdjustment,
  Status,
  Synproxy,
  TcpInfo,
} from './entry.js';
import { entryJson } from './json.js';
import { keySlabOfRecord } from './key-writer.js';
import { conntrackLine } from './line.js';
import { StatusView } from './status-view.js';
import { tcpAt } from './tcp-view.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

// As in tuple-view.ts: what is read of every entry is short, and counts words.
const PRESENT = ENTRY.present / 4;
const ORIGINAL = ENTRY.original / 4;
const REPLY = ENTRY.reply / 4;

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

  /**
   * A slab whose first entry is the key of an entry. `undefined` for everything else, which may be
   * a Proxy, or only look like an entry: nothing of it runs here.
   */
  static keySlabOf(value: unknown): ArrayBuffer | undefined {
    if (typeof value !== 'object' || value === null || types.isProxy(value)) return undefined;
    if (Object.getPrototypeOf(value) !== EntryView.prototype) return undefined;
    if (!Object.hasOwn(value, 'words')) return undefined;
    const { words, at } = value as EntryView;
    return keySlabOfRecord(words, at);
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

markAsView(EntryView);
