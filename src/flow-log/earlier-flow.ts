/**
 * A flow that an earlier recorder knew, as if a reading had shown it: the last part of the flow
 * becomes the record of an entry.
 */
import { DCCP_STATES, SCTP_STATES, statusBit, TCP_STATES } from '../core/names.js';
import { EntryWriter } from '../entry/key-writer.js';
import type { FlowRecord as Flow } from '../mirror/merge.js';
import { ENTRY, ENTRY_PRESENT, EXTENSION, EXTENSION_PRESENT } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { FlowPart, FlowTraffic } from './flow-record.js';

/** The lists of states, and their bits of `present`. */
const STATES: readonly (readonly [protocol: string, names: readonly string[], bit: number])[] = [
  ['tcp', TCP_STATES, ENTRY_PRESENT.tcpState],
  ['sctp', SCTP_STATES, ENTRY_PRESENT.sctpState],
  ['dccp', DCCP_STATES, ENTRY_PRESENT.dccpState],
];

export function flowOfPart(part: FlowPart): Flow {
  const words = new Uint32Array(ENTRY.size / 4);
  const view = new DataView(words.buffer);
  const entry = new EntryWriter(view, 0);
  entry.original(part.original, part.protocolNumber);
  entry.replyTo(part.original, part.reply, part.protocolNumber);
  entry.zone(part.zone);
  entry.word(ENTRY.id, ENTRY_PRESENT.id, part.id);
  entry.word(ENTRY.status, ENTRY_PRESENT.status, statusOf(part));
  if (part.mark !== undefined) entry.word(ENTRY.mark, ENTRY_PRESENT.mark, part.mark);
  for (const [protocol, names, bit] of STATES) {
    const state = names.indexOf(part.state ?? '');
    if (part.protocol === protocol && state !== -1) entry.byte(ENTRY.state, bit, state);
  }
  const put64 = (at: number, value: bigint) => {
    view.setBigUint64(at, value, LITTLE_ENDIAN);
  };
  if (part.start !== undefined) {
    put64(ENTRY.startTime, BigInt(part.start.getTime()) * NS_PER_MS);
    entry.add(ENTRY_PRESENT.startTime);
  }
  const counters = kernelCounters(part);
  if (counters !== undefined) {
    const { original, reply } = counters;
    put64(ENTRY.originalPackets, BigInt(original.packets));
    put64(ENTRY.originalBytes, BigInt(original.bytes));
    put64(ENTRY.replyPackets, BigInt(reply.packets));
    put64(ENTRY.replyBytes, BigInt(reply.bytes));
    entry.add(ENTRY_PRESENT.originalCounters | ENTRY_PRESENT.replyCounters);
  }
  return { words, at: 0, extension: extensionOf(part, entry) };
}

/** What the kernel's counters said at the end of the part. */
function kernelCounters({ counters, total }: FlowPart): FlowTraffic | undefined {
  return counters ?? total;
}

function statusOf({ replied, nat }: FlowPart): number {
  return (
    statusBit('confirmed') |
    (replied ? statusBit('seenReply') : 0) |
    (nat?.source === undefined ? 0 : statusBit('sourceNat')) |
    (nat?.destination === undefined ? 0 : statusBit('destinationNat'))
  );
}

function extensionOf({ labels, helper = '' }: FlowPart, entry: EntryWriter) {
  if (labels === undefined && helper === '') return undefined;
  const name = Buffer.from(helper);
  const words = new Uint32Array((EXTENSION.size + name.length + 3) >>> 2);
  const view = new DataView(words.buffer);
  if (labels !== undefined) {
    const bits = BigInt(labels);
    view.setBigUint64(EXTENSION.labels, BigInt.asUintN(64, bits), true);
    view.setBigUint64(EXTENSION.labels + 8, BigInt.asUintN(64, bits >> 64n), true);
    entry.extend(EXTENSION_PRESENT.labels);
  }
  if (name.length > 0) {
    view.setUint16(EXTENSION.helperLength, name.length, LITTLE_ENDIAN);
    new Uint8Array(words.buffer).set(name, EXTENSION.size);
    entry.extend(EXTENSION_PRESENT.helper);
  }
  return words;
}

const NS_PER_MS = 1_000_000n;
const START = ENTRY.startTime / 4;

/**
 * Gives an earlier flow the exact time of its beginning, of which a part has the milliseconds, if what
 * the kernel shows now may be the same flow.
 */
export function refineStart(earlier: Flow, shown: Flow): void {
  const both = presentOf(earlier) & presentOf(shown);
  if ((both & ENTRY_PRESENT.startTime) === 0) return;
  if (startMs(earlier) !== startMs(shown)) return;
  for (const word of [START, START + 1]) {
    earlier.words[earlier.at + word] = shown.words[shown.at + word] as number;
  }
}

function presentOf({ words, at }: Flow): number {
  return words[at + ENTRY.present / 4] as number;
}

function startMs({ words, at }: Flow): bigint {
  return (
    new DataView(words.buffer, words.byteOffset).getBigUint64(
      4 * at + ENTRY.startTime,
      LITTLE_ENDIAN,
    ) / NS_PER_MS
  );
}
