/**
 * Slabs of entry records written by hand, as the addon fills them. A value that is
 * named sets its present bit, a value that is not leaves it clear.
 */
import type { Entry, ExpectationSpec } from 'conntrack';
import { entriesOf } from '../../src/entry/entries.js';
import { expectationSpecOf } from '../../src/expectation/check-expectation.js';
import { EXPECTATION_BYTES, writeExpectation } from '../../src/expectation/writer.js';
import { addressFamily, writeAddress } from '../../src/record/ip-address.js';
import {
  ENTRY,
  ENTRY_PRESENT,
  EXTENSION,
  EXTENSION_PRESENT,
  FAMILY_NUMBERS,
  SLAB,
  TUPLE,
  TUPLE_PRESENT,
} from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';
import { slabFor } from '../../src/request/place.js';

export interface TupleValues {
  source: string;
  destination: string;
  protocol: number;
  sourcePort?: number;
  destinationPort?: number;
  sourceKey?: number;
  destinationKey?: number;
  icmpId?: number;
  icmpType?: number;
  icmpCode?: number;
  zone?: number;
}

type Triple = readonly [number, number, number];
type CounterPair = readonly [packets: bigint, bytes: bigint];
type FlagPair = readonly [flags: number, mask: number];

export interface EntryValues {
  original?: TupleValues;
  reply?: TupleValues;
  status?: number;
  id?: number;
  mark?: number;
  timeout?: number;
  use?: number;
  zone?: number;
  tcpState?: number;
  tcpOriginalWindowScale?: number;
  tcpReplyWindowScale?: number;
  tcpOriginalFlags?: FlagPair;
  tcpReplyFlags?: FlagPair;
  sctpState?: number;
  sctpOriginalTag?: number;
  sctpReplyTag?: number;
  dccpState?: number;
  dccpRole?: number;
  dccpHandshakeSequence?: bigint;
  originalCounters?: CounterPair;
  replyCounters?: CounterPair;
  startTime?: bigint;
  stopTime?: bigint;
  eventTime?: bigint;
  labels?: bigint;
  helper?: string | Uint8Array;
  securityContext?: string | Uint8Array;
  master?: TupleValues;
  originalSequenceAdjust?: Triple;
  replySequenceAdjust?: Triple;
  /** All zero, and no extension. */
  synproxy?: true;
  synproxyNotZero?: Triple;
  final?: true;
  unknownAttributes?: number;
}

export type PresentName = keyof typeof ENTRY_PRESENT | keyof typeof EXTENSION_PRESENT;

export const TCP_TUPLES = {
  original: {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    protocol: 6,
    sourcePort: 40000,
    destinationPort: 443,
  },
  reply: {
    source: '10.0.0.2',
    destination: '10.0.0.1',
    protocol: 6,
    sourcePort: 443,
    destinationPort: 40000,
  },
} as const satisfies EntryValues;

export class SlabBuilder {
  readonly slab = new ArrayBuffer(SLAB.size);
  private readonly view = new DataView(this.slab);
  private count = 0;
  private back: number = SLAB.size;

  constructor(readTimeNs = 0n) {
    this.view.setBigUint64(SLAB.readTime, readTimeNs, LITTLE_ENDIAN);
  }

  /** `absent`: bits that are cleared although their values are written. */
  add(values: EntryValues, absent: readonly PresentName[] = []): this {
    const { view } = this;
    const at = SLAB.firstEntry + this.count++ * ENTRY.size;
    view.setUint32(SLAB.count, this.count, LITTLE_ENDIAN);

    const put8 = (field: number, value = 0) => {
      view.setUint8(at + field, value);
    };
    const put16 = (field: number, value = 0) => {
      view.setUint16(at + field, value, LITTLE_ENDIAN);
    };
    const put32 = (field: number, value = 0) => {
      view.setUint32(at + field, value, LITTLE_ENDIAN);
    };
    const put64 = (field: number, value = 0n) => {
      view.setBigUint64(at + field, value, LITTLE_ENDIAN);
    };

    if (values.original) this.tuple(at + ENTRY.original, values.original);
    if (values.reply) this.tuple(at + ENTRY.reply, values.reply);
    for (const name of ['status', 'id', 'mark', 'timeout', 'use'] as const) {
      put32(ENTRY[name], values[name]);
    }
    put16(ENTRY.zone, values.zone);
    put16(ENTRY.unknownAttributes, values.unknownAttributes);
    put8(ENTRY.state, values.tcpState ?? values.sctpState ?? values.dccpState);
    if (values.tcpState !== undefined) {
      put8(ENTRY.tcpOriginalWindowScale, values.tcpOriginalWindowScale);
      put8(ENTRY.tcpReplyWindowScale, values.tcpReplyWindowScale);
      put8(ENTRY.tcpOriginalFlags, values.tcpOriginalFlags?.[0]);
      put8(ENTRY.tcpOriginalFlags + 1, values.tcpOriginalFlags?.[1]);
      put8(ENTRY.tcpReplyFlags, values.tcpReplyFlags?.[0]);
      put8(ENTRY.tcpReplyFlags + 1, values.tcpReplyFlags?.[1]);
    }
    if (values.sctpState !== undefined) {
      put32(ENTRY.sctpOriginalTag, values.sctpOriginalTag);
      put32(ENTRY.sctpReplyTag, values.sctpReplyTag);
    }
    if (values.dccpState !== undefined) {
      put8(ENTRY.dccpRole, values.dccpRole);
      put64(ENTRY.dccpHandshakeSequence, values.dccpHandshakeSequence);
    }
    put64(ENTRY.originalPackets, values.originalCounters?.[0]);
    put64(ENTRY.originalBytes, values.originalCounters?.[1]);
    put64(ENTRY.replyPackets, values.replyCounters?.[0]);
    put64(ENTRY.replyBytes, values.replyCounters?.[1]);
    put64(ENTRY.startTime, values.startTime);
    put64(ENTRY.stopTime, values.stopTime);
    put16(ENTRY.extension, this.extension(values) / 8);

    const { synproxyNotZero, synproxy = synproxyNotZero } = values;
    const bitsOf = (bits: object, all: Readonly<Record<string, unknown>>) =>
      Object.entries(bits as Record<PresentName, number>)
        .filter(([name]) => all[name] !== undefined && !absent.some((bit) => bit === name))
        .reduce((word, [, bit]) => word | bit, 0);
    put32(ENTRY.present, bitsOf(ENTRY_PRESENT, { ...values, synproxy }));
    const extended = { ...values, synproxy: synproxyNotZero };
    put32(ENTRY.extensionPresent, bitsOf(EXTENSION_PRESENT, extended));
    return this;
  }

  entries(): Entry[] {
    return entriesOf([this.slab]);
  }

  private tuple(at: number, values: TupleValues): void {
    const { view } = this;
    const family = addressFamily(values.source);
    if (family === undefined) throw new Error(`no address: ${values.source}`);
    writeAddress(view, at + TUPLE.source, values.source);
    writeAddress(view, at + TUPLE.destination, values.destination);
    view.setUint8(at + TUPLE.family, FAMILY_NUMBERS[family]);
    view.setUint8(at + TUPLE.protocol, values.protocol);
    let present = 0;
    for (const name of ['sourcePort', 'destinationPort', 'icmpId', 'zone'] as const) {
      if (values[name] === undefined) continue;
      view.setUint16(at + TUPLE[name], values[name], LITTLE_ENDIAN);
      present |= TUPLE_PRESENT[name];
    }
    for (const end of ['source', 'destination'] as const) {
      const key = values[`${end}Key`];
      if (key === undefined) continue;
      view.setUint16(at + TUPLE[`${end}Port`], key, LITTLE_ENDIAN);
      present |= TUPLE_PRESENT[`${end}Key`];
    }
    for (const name of ['icmpType', 'icmpCode'] as const) {
      if (values[name] === undefined) continue;
      view.setUint8(at + TUPLE[name], values[name]);
      present |= TUPLE_PRESENT[name];
    }
    view.setUint32(at + TUPLE.present, present, LITTLE_ENDIAN);
  }

  /** Writes the extension that the values need and gives its place; 0 when they need none. */
  private extension(values: EntryValues): number {
    const { view } = this;
    const { helper, securityContext, labels, master, eventTime } = values;
    const triples = {
      originalSequenceAdjust: values.originalSequenceAdjust,
      replySequenceAdjust: values.replySequenceAdjust,
      synproxy: values.synproxyNotZero,
    };
    const needed = [helper, securityContext, labels, master, eventTime, ...Object.values(triples)];
    if (needed.every((value) => value === undefined)) return 0;

    const helperBytes = Buffer.from(helper ?? '');
    const contextBytes = Buffer.from(securityContext ?? '');
    const size = EXTENSION.size + helperBytes.length + contextBytes.length;
    this.back = (this.back - size) & ~7;
    const at = this.back;
    if (master) this.tuple(at + EXTENSION.master, master);
    for (const [name, triple] of Object.entries(triples)) {
      triple?.forEach((value, index) => {
        const field = EXTENSION[name as keyof typeof triples] + 4 * index;
        view.setUint32(at + field, value, LITTLE_ENDIAN);
      });
    }
    view.setUint16(at + EXTENSION.helperLength, helperBytes.length, LITTLE_ENDIAN);
    view.setUint16(at + EXTENSION.securityContextLength, contextBytes.length, LITTLE_ENDIAN);
    view.setBigUint64(at + EXTENSION.eventTime, eventTime ?? 0n, LITTLE_ENDIAN);
    for (let bit = 0n; bit < 128n; bit++) {
      if (((labels ?? 0n) & (1n << bit)) === 0n) continue;
      const byte = at + EXTENSION.labels + Number(bit / 8n);
      view.setUint8(byte, view.getUint8(byte) | (1 << Number(bit % 8n)));
    }
    new Uint8Array(this.slab).set(helperBytes, at + EXTENSION.size);
    new Uint8Array(this.slab).set(contextBytes, at + EXTENSION.size + helperBytes.length);
    return at;
  }
}

/** The one entry of a slab that holds nothing else. */
export function entryWith(values: EntryValues, absent: readonly PresentName[] = []): Entry {
  const [entry] = new SlabBuilder().add(values, absent).entries();
  if (entry === undefined) throw new Error('no entry');
  return entry;
}

/** A slab with what a specification says, as if it were an expectation. */
export function expectationSlab(spec: ExpectationSpec): ArrayBuffer {
  const { slab, ...place } = slabFor(EXPECTATION_BYTES);
  writeExpectation(place, expectationSpecOf(spec));
  place.view.setUint32(SLAB.count, 1, LITTLE_ENDIAN);
  return slab;
}
