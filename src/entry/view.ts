/**
 * Entries and their parts as views over records: nothing is decoded before it is
 * read.
 */
import { type InspectOptions, inspect } from 'node:util';
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
import { printableInspection } from '../core/printable.js';
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
import { hasKey } from './key-writer.js';
import { conntrackLine } from './line.js';
import type { Reading } from './printed.js';
import { StatusView } from './status-view.js';
import { tcpAt } from './tcp-view.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

// As in tuple-view.ts: what is read of every entry is short, and counts words.
const PRESENT = ENTRY.present / 4;
const ORIGINAL = ENTRY.original / 4;
const REPLY = ENTRY.reply / 4;

export class EntryView implements EntryBase {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  get family(): Family {
    return uint8(this.#words, this.#at, ENTRY.original + TUPLE.family) === FAMILY_NUMBERS.ipv6
      ? 'ipv6'
      : 'ipv4';
  }

  get protocolNumber(): number {
    return uint8(this.#words, this.#at, ENTRY.original + TUPLE.protocol);
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  get original(): Tuple {
    return tupleAt(this.#words, this.#at, ORIGINAL);
  }

  get reply(): Tuple {
    return tupleAt(this.#words, this.#at, REPLY);
  }

  get id(): number {
    return uint32(this.#words, this.#at, ENTRY.id);
  }

  get zone(): number {
    return uint16(this.#words, this.#at, ENTRY.zone);
  }

  get status(): Status {
    return new StatusView(uint32(this.#words, this.#at, ENTRY.status)) as StatusView & Status;
  }

  get assured(): boolean {
    return this.status.assured;
  }

  get timeout(): number | undefined {
    return has(this.#words, this.#at, ENTRY_PRESENT.timeout)
      ? uint32(this.#words, this.#at, ENTRY.timeout)
      : undefined;
  }

  get mark(): number | undefined {
    return has(this.#words, this.#at, ENTRY_PRESENT.mark)
      ? uint32(this.#words, this.#at, ENTRY.mark)
      : undefined;
  }

  get use(): number | undefined {
    return has(this.#words, this.#at, ENTRY_PRESENT.use)
      ? uint32(this.#words, this.#at, ENTRY.use)
      : undefined;
  }

  get tcp(): TcpInfo | undefined {
    return tcpAt(this.#words, this.#at);
  }

  get sctp(): SctpInfo | undefined {
    if (!has(this.#words, this.#at, ENTRY_PRESENT.sctpState)) return undefined;
    return presentFields({
      state: nameOf(SCTP_STATES, uint8(this.#words, this.#at, ENTRY.state)),
      originalTag: has(this.#words, this.#at, ENTRY_PRESENT.sctpOriginalTag)
        ? uint32(this.#words, this.#at, ENTRY.sctpOriginalTag)
        : undefined,
      replyTag: has(this.#words, this.#at, ENTRY_PRESENT.sctpReplyTag)
        ? uint32(this.#words, this.#at, ENTRY.sctpReplyTag)
        : undefined,
    });
  }

  get dccp(): DccpInfo | undefined {
    if (!has(this.#words, this.#at, ENTRY_PRESENT.dccpState)) return undefined;
    return presentFields({
      state: nameOf(DCCP_STATES, uint8(this.#words, this.#at, ENTRY.state)),
      role: has(this.#words, this.#at, ENTRY_PRESENT.dccpRole)
        ? nameOf(DCCP_ROLES, uint8(this.#words, this.#at, ENTRY.dccpRole))
        : undefined,
      handshakeSequence: has(this.#words, this.#at, ENTRY_PRESENT.dccpHandshakeSequence)
        ? uint64(this.#words, this.#at, ENTRY.dccpHandshakeSequence)
        : undefined,
    });
  }

  get counters(): Counters | undefined {
    return countersAt(this.#words, this.#at);
  }

  get startTimeNs(): bigint | undefined {
    return has(this.#words, this.#at, ENTRY_PRESENT.startTime)
      ? uint64(this.#words, this.#at, ENTRY.startTime)
      : undefined;
  }

  get stopTimeNs(): bigint | undefined {
    return has(this.#words, this.#at, ENTRY_PRESENT.stopTime)
      ? uint64(this.#words, this.#at, ENTRY.stopTime)
      : undefined;
  }

  get startTime(): Date | undefined {
    return dateOf(this.startTimeNs);
  }

  get stopTime(): Date | undefined {
    return dateOf(this.stopTimeNs);
  }

  get labels(): bigint | undefined {
    if (!extended(this.#words, this.#at, EXTENSION_PRESENT.labels)) return undefined;
    // Bit n is bit n % 8 of byte n / 8, whatever the host.
    const labels = bytes(this.#words, extensionOf(this.#words, this.#at), EXTENSION.labels, 16);
    return (labels.readBigUInt64LE(8) << 64n) | labels.readBigUInt64LE(0);
  }

  get helper(): string | undefined {
    if (!extended(this.#words, this.#at, EXTENSION_PRESENT.helper)) return undefined;
    return text(
      this.#words,
      this.#at,
      0,
      extensionLength(this.#words, this.#at, EXTENSION.helperLength),
    );
  }

  get securityContext(): string | undefined {
    if (!extended(this.#words, this.#at, EXTENSION_PRESENT.securityContext)) return undefined;
    return text(
      this.#words,
      this.#at,
      extensionLength(this.#words, this.#at, EXTENSION.helperLength),
      extensionLength(this.#words, this.#at, EXTENSION.securityContextLength),
    );
  }

  get master(): MasterTuple | undefined {
    if (!extended(this.#words, this.#at, EXTENSION_PRESENT.master)) return undefined;
    return new MasterTupleView(
      this.#words,
      extensionOf(this.#words, this.#at) + EXTENSION.master / 4,
    );
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
    const original = sequenceAdjustment(
      this.#words,
      this.#at,
      EXTENSION_PRESENT.originalSequenceAdjust,
      EXTENSION.originalSequenceAdjust,
    );
    const reply = sequenceAdjustment(
      this.#words,
      this.#at,
      EXTENSION_PRESENT.replySequenceAdjust,
      EXTENSION.replySequenceAdjust,
    );
    return original || reply ? presentFields({ original, reply }) : undefined;
  }

  get synproxy(): Synproxy | undefined {
    if (!has(this.#words, this.#at, ENTRY_PRESENT.synproxy)) return undefined;
    if (!extended(this.#words, this.#at, EXTENSION_PRESENT.synproxy)) {
      return { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 };
    }
    const words = this.#words;
    const at = extensionOf(this.#words, this.#at);
    return {
      initialSequence: uint32(words, at, EXTENSION.synproxy),
      initialTimestamp: uint32(words, at, EXTENSION.synproxy + 4),
      timestampOffset: uint32(words, at, EXTENSION.synproxy + 8),
    };
  }

  get final(): boolean {
    return has(this.#words, this.#at, ENTRY_PRESENT.final);
  }

  get unknownAttributes(): number {
    return uint16(this.#words, this.#at, ENTRY.unknownAttributes);
  }

  /**
   * Whether the value is an entry that names itself. Everything else may be a Proxy, or only look
   * like an entry: nothing of it runs here.
   */
  static isEntry(value: unknown): value is Entry {
    if (typeof value !== 'object' || value === null || !(#words in value)) return false;
    if (Object.getPrototypeOf(value) !== EntryView.prototype) return false;
    return hasKey(value.#words, value.#at);
  }

  /** Looks at the record of an entry, which begins at a word of its memory. */
  static look<T>(entry: object, at: (words: Uint32Array, at: number) => T): T {
    if (!(#words in entry)) throw new TypeError('no entry');
    return at(entry.#words, entry.#at);
  }

  /** Copies the record of an entry, without its extension. */
  static copyRecord(entry: object, to: Uint32Array, at: number): void {
    if (!(#words in entry)) throw new TypeError('no entry');
    to.set(entry.#words.subarray(entry.#at, entry.#at + ENTRY.size / 4), at);
  }

  /** `undefined` for an entry of another copy of the package, too. */
  static readingOf(value: object): Reading | undefined {
    return #words in value ? value.#reading() : undefined;
  }

  #reading(): Reading {
    return {
      timeNs: bigint64(this.#words, SLAB.readTime / 4),
      hasZone: has(this.#words, this.#at, ENTRY_PRESENT.zone),
    };
  }

  toJSON(): EntryJson {
    return entryJson(this as EntryBase as Entry);
  }

  toString(): string {
    return conntrackLine(this, this.#reading());
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
    return `Entry ${printableInspection(format(shown, options))}`;
  }
}

// Functions, not methods: a method that takes an offset would read beyond the record of its entry.

function sequenceAdjustment(
  words: Uint32Array,
  entry: number,
  present: number,
  field: number,
): SequenceAdjustment | undefined {
  if (!extended(words, entry, present)) return undefined;
  const at = extensionOf(words, entry);
  return {
    correctionPosition: uint32(words, at, field),
    offsetBefore: int32(words, at, field + 4),
    offsetAfter: int32(words, at, field + 8),
  };
}

function text(words: Uint32Array, entry: number, from: number, length: number): string {
  return bytes(words, extensionOf(words, entry), EXTENSION.size + from, length).toString();
}

function extensionLength(words: Uint32Array, entry: number, field: number): number {
  return uint16(words, extensionOf(words, entry), field);
}

/** In words; the record has it in units of eight bytes. */
function extensionOf(words: Uint32Array, entry: number): number {
  return 2 * uint16(words, entry, ENTRY.extension);
}

function has(words: Uint32Array, entry: number, present: number): boolean {
  return ((words[entry + PRESENT] as number) & present) !== 0;
}

/** The same of what stands in the extension. */
function extended(words: Uint32Array, entry: number, present: number): boolean {
  return (uint32(words, entry, ENTRY.extensionPresent) & present) !== 0;
}

function uint64(words: Uint32Array, entry: number, field: number): bigint {
  return bigint64(words, entry + field / 4);
}

function dateOf(nanoseconds: bigint | undefined): Date | undefined {
  return nanoseconds === undefined ? undefined : new Date(Number(nanoseconds / 1_000_000n));
}

markAsView(EntryView, 'an entry');
