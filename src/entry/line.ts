/**
 * The line of `conntrack -L`, as conntrack-tools 1.4.7 with libnetfilter_conntrack 1.0.9 prints
 * it.
 */

import { PROTOCOL_NUMBERS } from '../core/names.js';
import { printable } from '../core/printable.js';
import type { Tuple } from '../record/tuple.js';
import type { DirectionCounters, Entry } from './entry.js';

const { tcp, udp, udplite, sctp, dccp, gre, icmp, icmpv6 } = PROTOCOL_NUMBERS;
const WITH_PORTS = new Set<number>([tcp, udp, udplite, sctp, dccp]);
const ICMPS = new Set<number>([icmp, icmpv6]);

/**
 * @param readTimeNs when the entry was read: the tool prints the age of a flow
 * @param hasZone whether the kernel sent a zone: the tool prints a zone 0 that was sent
 */
export function conntrackLine(entry: Entry, readTimeNs: bigint, hasZone: boolean): string {
  const { protocol, protocolNumber, status, counters } = entry;
  const parts = [`${(protocol === 'other' ? 'unknown' : protocol).padEnd(8)} ${protocolNumber}`];
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
  if (hasZone) add('zone', entry.zone);
  if (entry.startTimeNs !== undefined) {
    const end = entry.stopTimeNs ?? readTimeNs;
    // The tool subtracts whole seconds, and prints a negative age as unsigned.
    const age = end / 1_000_000_000n - entry.startTimeNs / 1_000_000_000n;
    add('delta-time', BigInt.asUintN(64, age).toString());
  }
  add('helper', shownName(entry.helper));
  add('use', entry.use);
  return parts.join(' ');
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

function addCounters(parts: string[], counters: DirectionCounters | undefined): void {
  if (!counters) return;
  parts.push(`packets=${counters.packetsBig} bytes=${counters.bytesBig}`);
}
