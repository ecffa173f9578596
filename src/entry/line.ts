/**
 * The lines of `conntrack -L` and `conntrack -L -o extended`, as conntrack-tools 1.4.7 with
 * libnetfilter_conntrack 1.0.9 prints them.
 */

import { PROTOCOL_NUMBERS } from '../core/names.js';
import { printable } from '../core/printable.js';
import type { Tuple } from '../record/tuple.js';
import {
  ageOf,
  FAMILY_WORDS,
  type Printed,
  type PrintedCounters,
  type PrintedParts,
  protocolWord,
  type Reading,
  WITH_PORTS,
} from './printed.js';

const { gre, icmp, icmpv6 } = PROTOCOL_NUMBERS;
const ICMPS = new Set<number>([icmp, icmpv6]);

/** `isExtended`: with the address family in front. */
export function conntrackLine(
  entry: Printed,
  reading: Reading,
  { id, labels, timestamps }: PrintedParts = {},
  isExtended = false,
): string {
  const { protocolNumber, status, counters } = entry;
  const parts = [`${protocolWord(protocolNumber).padEnd(8)} ${protocolNumber}`];
  const add = (name: string, value: number | string | undefined) => {
    if (value !== undefined) parts.push(`${name}=${value}`);
  };

  if (entry.timeout !== undefined) parts.push(String(entry.timeout));
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  if (state !== undefined) parts.push(state.startsWith('UNKNOWN') ? 'NONE' : state);

  parts.push(tupleWords(entry.original, protocolNumber));
  add('zone-orig', entry.original.zone);
  addCounters(parts, counters?.original);
  if (!status.seenReply) parts.push('[UNREPLIED]');
  parts.push(tupleWords(entry.reply, protocolNumber));
  add('zone-reply', entry.reply.zone);
  addCounters(parts, counters?.reply);

  if (status.hardwareOffload) parts.push('[HW_OFFLOAD]');
  else if (status.offload) parts.push('[OFFLOAD]');
  else if (status.assured) parts.push('[ASSURED]');

  add('mark', entry.mark);
  add('secctx', shownName(entry.securityContext));
  if (reading.hasZone) add('zone', entry.zone);
  add('delta-time', ageOf(entry, reading)?.toString());
  if (timestamps) {
    const { startTimeNs, stopTimeNs } = entry;
    if (startTimeNs !== undefined) parts.push(`[start=${localTime(startTimeNs)}]`);
    if (stopTimeNs !== undefined) parts.push(`[stop=${localTime(stopTimeNs)}]`);
  }
  add('helper', shownName(entry.helper));
  add('use', entry.use);
  if (id) add('id', entry.id);
  // Where no bit has a name, the tool leaves its own "=" out, as it does the last comma.
  if (labels !== undefined) parts.push(`labels=${labels.join(',')}`.replace(/=$/, ''));

  const line = parts.join(' ');
  if (!isExtended) return line;
  const [word, number] = FAMILY_WORDS[entry.family];
  return `${word.padEnd(8)} ${number} ${line}`;
}

/** The tool prints names as they are, control characters and all. */
export function shownName(name: string | undefined): string | undefined {
  return name === undefined ? undefined : printable(name);
}

/** The tool prints 0 for a missing port, ICMP field or key (DCCP ports since Linux 6.17). */
export function tupleWords(tuple: Tuple, protocol: number, prefix = ''): string {
  const addresses = `${prefix}src=${tuple.source} ${prefix}dst=${tuple.destination}`;
  if (WITH_PORTS.has(protocol)) {
    return `${addresses} sport=${tuple.sourcePort ?? 0} dport=${tuple.destinationPort ?? 0}`;
  }
  if (ICMPS.has(protocol)) {
    const { type = 0, code = 0, id = 0 } = tuple.icmp ?? {};
    return `${addresses} type=${type} code=${code} id=${id}`;
  }
  if (protocol === gre) {
    const source = (tuple.sourceKey ?? 0).toString(16);
    const destination = (tuple.destinationKey ?? 0).toString(16);
    return `${addresses} srckey=0x${source} dstkey=0x${destination}`;
  }
  return addresses;
}

function addCounters(parts: string[], counters: PrintedCounters | undefined): void {
  if (!counters) return;
  parts.push(`packets=${counters.packetsBig} bytes=${counters.bytesBig}`);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** As ctime(3) has it: the time zone of the process, whatever its language. */
function localTime(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  const day = String(date.getDate()).padStart(2);
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
}
