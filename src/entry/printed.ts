/**
 * What the text formats of an entry have in common.
 */

import { type Family, PROTOCOL_NUMBERS, protocolName } from '../core/names.js';
import type { Tuple } from '../record/tuple.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Status } from './entry.js';

/** What is printed of an entry; its view has more. */
export interface Printed {
  readonly family: Family;
  readonly protocolNumber: number;
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly id: number;
  readonly zone: number;
  readonly status: Status;
  readonly timeout?: number | undefined;
  readonly mark?: number | undefined;
  readonly use?: number | undefined;
  readonly tcp?: { readonly state: string } | undefined;
  readonly sctp?:
    | {
        readonly state: string;
        readonly originalTag?: number | undefined;
        readonly replyTag?: number | undefined;
      }
    | undefined;
  readonly dccp?: { readonly state: string; readonly role?: string | undefined } | undefined;
  readonly counters?:
    | { readonly original: PrintedCounters; readonly reply: PrintedCounters }
    | undefined;
  readonly startTimeNs?: bigint | undefined;
  readonly stopTimeNs?: bigint | undefined;
  readonly labels?: bigint | undefined;
  readonly helper?: string | undefined;
  readonly securityContext?: string | undefined;
}

export interface PrintedCounters {
  readonly packetsBig: bigint;
  readonly bytesBig: bigint;
}

/** What is known of the message, and not of the entry. */
export interface Reading {
  /** When the entry was read: the tool prints the age of a flow. */
  readonly timeNs: bigint;
  /** Whether the kernel sent a zone: the tool prints a zone 0 that was sent. */
  readonly hasZone: boolean;
}

/** What is printed if it is asked for. */
export interface PrintedParts {
  readonly id?: boolean | undefined;
  readonly timestamps?: boolean | undefined;
  /** The names of the bits that are set and have one; `undefined`: of an entry without any bit. */
  readonly labels?: readonly string[] | undefined;
}

const { tcp, udp, udplite, sctp, dccp } = PROTOCOL_NUMBERS;
export const WITH_PORTS: ReadonlySet<number> = new Set([tcp, udp, udplite, sctp, dccp]);

/** The tool's words, and the numbers AF_INET and AF_INET6. */
export const FAMILY_WORDS = { ipv4: ['ipv4', 2], ipv6: ['ipv6', 10] } as const;

export function protocolWord(number: number): string {
  const name = protocolName(number);
  return name === 'other' ? 'unknown' : name;
}

/** In seconds. The tool subtracts whole ones, and prints a negative age as unsigned. */
export function ageOf({ startTimeNs, stopTimeNs }: Printed, { timeNs }: Reading) {
  if (startTimeNs === undefined) return undefined;
  const age = (stopTimeNs ?? timeNs) / 1_000_000_000n - startTimeNs / 1_000_000_000n;
  return BigInt.asUintN(64, age);
}

/**
 * A verification tag of SCTP as the tool prints and reads it: the kernel has it in network byte order
 * (sctp_to_nlattr), which libnetfilter_conntrack 1.0.9 takes for that of the host.
 */
export function tagOfTool(tag: number): number {
  if (!LITTLE_ENDIAN) return tag;
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, tag);
  return view.getUint32(0, true);
}
