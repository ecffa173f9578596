/**
 * What an event says of a flow replaces what was known of it: an event has the values that changed,
 * and some that every message has.
 */
import { statusBit } from '../core/names.js';
import { ENTRY, ENTRY_PRESENT, EXTENSION, EXTENSION_PRESENT } from '../record/layout.js';
import { bytes, LITTLE_ENDIAN, uint8, uint16, uint32 } from '../record/words.js';

/** A record, which begins at a word of its memory, and the words of its extension. */
export interface FlowRecord {
  readonly words: Uint32Array;
  readonly at: number;
  readonly extension: Uint32Array | undefined;
}

export const RECORD_WORDS = ENTRY.size / 4;

const PRESENT = ENTRY.present / 4;

/** Values that stand alone: their bit of `present`, and where they are. */
const VALUES: readonly (readonly [bit: number, word: number, words: number])[] = [
  [ENTRY_PRESENT.status, ENTRY.status / 4, 1],
  [ENTRY_PRESENT.id, ENTRY.id / 4, 1],
  [ENTRY_PRESENT.mark, ENTRY.mark / 4, 1],
  [ENTRY_PRESENT.timeout, ENTRY.timeout / 4, 1],
  [ENTRY_PRESENT.use, ENTRY.use / 4, 1],
  [ENTRY_PRESENT.originalCounters, ENTRY.originalPackets / 4, 4],
  [ENTRY_PRESENT.replyCounters, ENTRY.replyPackets / 4, 4],
  [ENTRY_PRESENT.startTime, ENTRY.startTime / 4, 2],
  [ENTRY_PRESENT.stopTime, ENTRY.stopTime / 4, 2],
];
const VALUE_BITS = VALUES.reduce((all, [bit]) => all | bit, 0);

/** What a protocol knows, which comes as a whole: its state and two words. */
const PROTOCOL_BITS =
  ENTRY_PRESENT.tcpState |
  ENTRY_PRESENT.tcpOriginalWindowScale |
  ENTRY_PRESENT.tcpReplyWindowScale |
  ENTRY_PRESENT.tcpOriginalFlags |
  ENTRY_PRESENT.tcpReplyFlags |
  ENTRY_PRESENT.sctpState |
  ENTRY_PRESENT.sctpOriginalTag |
  ENTRY_PRESENT.sctpReplyTag |
  ENTRY_PRESENT.dccpState |
  ENTRY_PRESENT.dccpRole |
  ENTRY_PRESENT.dccpHandshakeSequence;
const STATE = ENTRY.state >>> 2;
/** Beside the zone: the state and the role. */
const STATE_BITS = LITTLE_ENDIAN ? 0xffff_0000 : 0x0000_ffff;
const PROTOCOL = ENTRY.tcpOriginalWindowScale / 4;

/**
 * Takes over what the message has besides its extension. Its tuples are those of the flow.
 */
export function mergeRecord(flow: FlowRecord, message: FlowRecord): void {
  const { words, at } = flow;
  const has = message.words[message.at + PRESENT] as number;
  const word = (index: number) => message.words[message.at + index] as number;
  for (const [bit, first, count] of VALUES) {
    if ((has & bit) === 0) continue;
    for (let index = first; index < first + count; index++) words[at + index] = word(index);
  }
  let kept = words[at + PRESENT] as number;
  if ((has & PROTOCOL_BITS) !== 0) {
    kept &= ~PROTOCOL_BITS;
    words[at + STATE] =
      (((words[at + STATE] as number) & ~STATE_BITS) | (word(STATE) & STATE_BITS)) >>> 0;
    words[at + PROTOCOL] = word(PROTOCOL);
    words[at + PROTOCOL + 1] = word(PROTOCOL + 1);
  }
  // A mark of 0 is in no event (ctnetlink_dump_mark); a flow that has had one has it still.
  if ((has & ENTRY_PRESENT.mark) === 0 && (kept & ENTRY_PRESENT.mark) !== 0) {
    words[at + ENTRY.mark / 4] = 0;
  }
  words[at + PRESENT] = (kept | (has & (VALUE_BITS | PROTOCOL_BITS))) >>> 0;
}

const START = ENTRY.startTime / 4;

/**
 * Whether two records on one tuple are of one flow, as far as they tell: a newer one often has the
 * id of the one before it.
 */
export function isSameFlow(one: FlowRecord, other: FlowRecord): boolean {
  const word = ({ words, at }: FlowRecord, index: number) => words[at + index];
  if (word(one, ENTRY.id / 4) !== word(other, ENTRY.id / 4)) return false;
  const both = (word(one, PRESENT) as number) & (word(other, PRESENT) as number);
  return (
    (both & ENTRY_PRESENT.startTime) === 0 ||
    (word(one, START) === word(other, START) && word(one, START + 1) === word(other, START + 1))
  );
}

const DYING = statusBit('dying');

/** Whether the kernel has begun to end the flow. */
export function isDying({ words, at }: FlowRecord): boolean {
  return ((words[at + ENTRY.status / 4] as number) & DYING) !== 0;
}

/** Bits that packets set and nothing clears. */
const ONLY_SET = statusBit('seenReply') | statusBit('assured');
const STATE_BIT = ENTRY_PRESENT.tcpState | ENTRY_PRESENT.sctpState | ENTRY_PRESENT.dccpState;

/**
 * Whether an event about a flow seems to be older than what is known of it: it lacks a bit that
 * nothing clears, or has an earlier state. A few flows do go back: SCTP after a heartbeat, TCP after
 * both ends have opened it at once.
 */
export function isOlder(told: FlowRecord, known: FlowRecord): boolean {
  const word = ({ words, at }: FlowRecord, index: number) => words[at + index] as number;
  const both = word(told, PRESENT) & word(known, PRESENT);
  const status = ENTRY.status / 4;
  if ((both & ENTRY_PRESENT.status) !== 0) {
    if ((word(known, status) & ~word(told, status) & ONLY_SET) !== 0) return true;
  }
  if ((both & STATE_BIT) === 0) return false;
  return uint8(told.words, told.at, ENTRY.state) < uint8(known.words, known.at, ENTRY.state);
}

/** Parts of the extension: their bit, where they are, and their bytes. */
const PARTS: readonly (readonly [bit: number, at: number, size: number])[] = [
  [EXTENSION_PRESENT.labels, EXTENSION.labels, 16],
  [EXTENSION_PRESENT.master, EXTENSION.master, EXTENSION.originalSequenceAdjust],
  [EXTENSION_PRESENT.originalSequenceAdjust, EXTENSION.originalSequenceAdjust, 12],
  [EXTENSION_PRESENT.replySequenceAdjust, EXTENSION.replySequenceAdjust, 12],
  [EXTENSION_PRESENT.synproxy, EXTENSION.synproxy, 12],
];

/** The bits of the extension without that of the event's own time. */
export function extensionBits({ words, at }: FlowRecord): number {
  return uint32(words, at, ENTRY.extensionPresent) & ~EXTENSION_PRESENT.eventTime;
}

/**
 * The extension of the flow with what the message has, whose bits are set in the record;
 * `undefined`: the message has none, and it stays as it is.
 */
export function mergedExtension(flow: FlowRecord, message: FlowRecord): Uint32Array | undefined {
  const has = extensionBits(message);
  if (has === 0) return undefined;
  const had = extensionBits(flow);
  const helper = stringOf(has & EXTENSION_PRESENT.helper ? message : flow, 'helper');
  const context = stringOf(
    has & EXTENSION_PRESENT.securityContext ? message : flow,
    'securityContext',
  );
  const size = EXTENSION.size + helper.length + context.length;
  const words = new Uint32Array((size + 3) >>> 2);
  const merged = bytes(words, 0, 0, size);
  for (const [bit, at, length] of PARTS) {
    const from = has & bit ? message.extension : had & bit ? flow.extension : undefined;
    if (from !== undefined) merged.set(bytes(from, 0, at, length), at);
  }
  merged.set(helper, EXTENSION.size);
  merged.set(context, EXTENSION.size + helper.length);
  const lengths = new Uint16Array(words.buffer, EXTENSION.helperLength, 2);
  lengths.set([helper.length, context.length]);
  const { words: record, at } = flow;
  const present = at + ENTRY.extensionPresent / 4;
  record[present] = ((record[present] as number) | has) >>> 0;
  return words;
}

const NONE = Buffer.alloc(0);

function stringOf({ extension }: FlowRecord, name: 'helper' | 'securityContext'): Buffer {
  if (extension === undefined) return NONE;
  const helper = uint16(extension, 0, EXTENSION.helperLength);
  if (name === 'helper') return bytes(extension, 0, EXTENSION.size, helper);
  const length = uint16(extension, 0, EXTENSION.securityContextLength);
  return bytes(extension, 0, EXTENSION.size + helper, length);
}
