/**
 * What a specification of an entry and a change to one have in common.
 */
import {
  bits,
  boolean,
  type Check,
  int32,
  integer,
  isArray,
  itemsOf,
  object,
  optional,
  record,
  text,
  uint8,
  uint32,
  word,
} from '../core/check.js';
import {
  DCCP_ROLES,
  DCCP_STATES,
  SCTP_STATES,
  STATUS_FLAGS,
  statusBit,
  TCP_STATES,
} from '../core/names.js';
import type { SequenceAdjust, SequenceAdjustment, Synproxy, TcpDirection } from './entry.js';
import { SETTABLE_STATUS, type SettableStatus, type TcpSpec } from './spec.js';

/** The kernel's limit of a helper's name (NF_CT_HELPER_NAME_LEN, with its NUL). */
export const LONGEST_HELPER = 15;

/** What protocols know of a flow, with the kernel's numbers for the words. */
export interface CheckedTcp extends Omit<TcpSpec, 'state'> {
  readonly state: number | undefined;
}

export interface CheckedSctp {
  readonly state: number;
  readonly originalTag: number;
  readonly replyTag: number;
}

export interface CheckedDccp {
  readonly state: number;
  readonly role: number;
  readonly handshakeSequence: bigint | undefined;
}

/** As a bigint, or as entry.toJSON() has it. */
export function decimal(check: Check<bigint>): Check<bigint> {
  return (value, path) => {
    const isDecimal = typeof value === 'string' && /^\d{1,39}$/.test(value);
    return check(isDecimal ? BigInt(value) : value, path);
  };
}

export const labels = decimal(bits(128));
export const nanoseconds = decimal(bits(64));

const settableFlag = word(SETTABLE_STATUS);
const SETTABLE_BITS = new Map<unknown, number>(
  SETTABLE_STATUS.map((flag) => [flag, statusBit(flag)]),
);

const settableBits: Check<number> = (value, path) => {
  let bits = 0;
  for (const [index, flag] of itemsOf(value, path).entries()) {
    bits |= SETTABLE_BITS.get(flag) ?? statusBit(settableFlag(flag, `${path}[${index}]`));
  }
  return bits;
};

const statusOfEntry = record<Partial<Record<SettableStatus | 'offload', boolean | undefined>>>(
  {
    seenReply: optional(boolean),
    assured: optional(boolean),
    fixedTimeout: optional(boolean),
    offload: optional(boolean),
  },
  {
    expected: 'an array of words, or the status of an entry',
    view: 'the status of an entry',
    others: ['bits', ...STATUS_FLAGS],
  },
);

/** Bits to set. Of the status of an entry, those that can be set. */
export const status: Check<number> = (value, path) => newStatus(value, path).bits;

export interface NewStatus {
  /** As `status`. */
  readonly bits: number;
  /** A flow table forwarded the flow that was read. */
  readonly isOffloaded: boolean;
}

/** Of a new entry. */
export const newStatus: Check<NewStatus> = (value, path) => {
  if (isArray(value, path)) return { bits: settableBits(value, path), isOffloaded: false };
  const read = statusOfEntry(value, path);
  const set = SETTABLE_STATUS.filter((flag) => read[flag] === true);
  return { bits: bitsOf(set), isOffloaded: read.offload === true };
};

function bitsOf(flags: readonly SettableStatus[]): number {
  return flags.reduce((all, flag) => all | statusBit(flag), 0);
}

/** The number of a word, or of UNKNOWN(n). */
export function numberOf(words: readonly string[]): Check<number> {
  const known = word(words);
  return (value, path) => {
    const number = words.indexOf(value as string);
    if (number >= 0) return number;
    const unknown =
      typeof value === 'string' ? /^UNKNOWN\((\d{1,3})\)$/.exec(value)?.[1] : undefined;
    return unknown === undefined ? words.indexOf(known(value, path)) : uint8(Number(unknown), path);
  };
}

const tcpDirection = object<TcpDirection>({
  windowScale: optional(integer(0, 14)),
  flags: optional(uint8),
  flagsMask: optional(uint8),
});

export const tcp = record<CheckedTcp>(
  {
    state: optional(numberOf(TCP_STATES)),
    original: optional(tcpDirection),
    reply: optional(tcpDirection),
  },
  { expected: '{ state, original, reply }', view: 'the tcp of an entry' },
);

/** The kernel wants all three. */
export const sctp = object<CheckedSctp>({
  state: numberOf(SCTP_STATES),
  originalTag: uint32,
  replyTag: uint32,
});

const sctpOfEntry = object<Partial<CheckedSctp>>({
  state: numberOf(SCTP_STATES),
  originalTag: optional(uint32),
  replyTag: optional(uint32),
});

/** Of a new entry: a DESTROY event has no tags (sctp_to_nlattr), and one that saw none has zeros. */
export const newSctp: Check<CheckedSctp> = (value, path) => {
  const { state = 0, originalTag = 0, replyTag = 0 } = sctpOfEntry(value, path);
  return { state, originalTag, replyTag };
};

const dccpOfEntry = object<Omit<CheckedDccp, 'role'> & { readonly role?: number | undefined }>({
  state: numberOf(DCCP_STATES),
  role: optional(numberOf(DCCP_ROLES)),
  handshakeSequence: optional(decimal(bits(48))),
});

/** The same: a DESTROY event has no role (dccp_to_nlattr), and who begins is the client. */
export const newDccp: Check<CheckedDccp> = (value, path) => {
  const {
    state,
    role = DCCP_ROLES.indexOf('client'),
    handshakeSequence,
  } = dccpOfEntry(value, path);
  return { state, role, handshakeSequence };
};

const sequenceAdjustment = object<SequenceAdjustment>({
  correctionPosition: uint32,
  offsetBefore: int32,
  offsetAfter: int32,
});

export const sequenceAdjust = object<SequenceAdjust>({
  original: optional(sequenceAdjustment),
  reply: optional(sequenceAdjustment),
});

export const synproxy = object<Synproxy>({
  initialSequence: uint32,
  initialTimestamp: uint32,
  timestampOffset: uint32,
});

export const helper = text(1, LONGEST_HELPER);
