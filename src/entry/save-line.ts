/**
 * The line of `conntrack -L -o save`, as conntrack-tools 1.4.7 prints it: the options of the
 * `conntrack -A` that creates the entry, as far as the tool prints them. It leaves out the mark,
 * labels, the helper and everything that no option can say; of NAT it has the addresses.
 */

import { DCCP_ROLES, DCCP_STATES, protocolName, SCTP_STATES, TCP_STATES } from '../core/names.js';
import { sameAddress } from '../record/ip-address.js';
import type { Tuple } from '../record/tuple.js';
import { type Printed, type Reading, tagOfTool } from './printed.js';

/** The bits of the status that the tool prints, in its order. */
const STATUS_WORDS = [
  ['expected', 'EXPECTED'],
  ['seenReply', 'SEEN_REPLY'],
  ['assured', 'ASSURED'],
  ['fixedTimeout', 'FIXED_TIMEOUT'],
] as const;

/** The tool knows no SCTP states beyond SHUTDOWN_ACK_SENT; printf has this for the others. */
const WITHOUT_WORD = '(null)';
const LAST_SCTP_STATE = SCTP_STATES.indexOf('SHUTDOWN_ACK_SENT');

export function saveLine(entry: Printed, { hasZone }: Reading): string {
  const { protocolNumber, status, original, reply, tcp, sctp, dccp } = entry;
  const parts = ['-A'];
  const add = (option: string, value: number | string | undefined) => {
    if (value !== undefined) parts.push(`${option} ${value}`);
  };
  add('-t', entry.timeout);
  const flags = STATUS_WORDS.filter(([flag]) => status[flag]).map(([, word]) => word);
  add('-u', flags.length > 0 ? flags.join(',') : 'UNSET');
  if (hasZone) add('-w', entry.zone);
  add('--orig-zone', original.zone);
  add('--reply-zone', reply.zone);

  add('-s', original.source);
  add('-d', original.destination);
  // Not by the bits of `entry.nat`, and not for a translation of the port alone.
  const isDestinationNat =
    status.destinationNatDone && !sameAddress(reply.source, original.destination);
  const isSourceNat = status.sourceNatDone && !sameAddress(reply.destination, original.source);
  add(isDestinationNat ? '-g' : '-r', reply.source);
  add(isSourceNat ? '-n' : '-q', reply.destination);

  const protocol = protocolName(protocolNumber);
  add('-p', protocol === 'other' ? protocolNumber : protocol);
  addPorts(add, original, reply);
  if (original.icmp !== undefined) {
    // The tool prints those of the original direction only.
    add(`--${protocol}-type`, original.icmp.type);
    add(`--${protocol}-code`, original.icmp.code);
    add(`--${protocol}-id`, original.icmp.id);
  }
  if (tcp !== undefined) add('--state', wordIn(TCP_STATES, tcp.state));
  if (sctp !== undefined) {
    add('--state', wordIn(SCTP_STATES.slice(0, LAST_SCTP_STATE + 1), sctp.state));
    if (sctp.originalTag !== undefined) add('--orig-vtag', tagOfTool(sctp.originalTag));
    if (sctp.replyTag !== undefined) add('--reply-vtag', tagOfTool(sctp.replyTag));
  }
  if (dccp !== undefined) {
    add('--state', wordIn(DCCP_STATES, dccp.state));
    if (dccp.role !== undefined) add('--role', wordIn(DCCP_ROLES, dccp.role));
  }
  return parts.join(' ');
}

function addPorts(
  add: (option: string, value: number | undefined) => void,
  original: Tuple,
  reply: Tuple,
): void {
  add('--sport', original.sourcePort);
  add('--dport', original.destinationPort);
  add('--reply-port-src', reply.sourcePort);
  add('--reply-port-dst', reply.destinationPort);
  add('--srckey', original.sourceKey);
  add('--dstkey', original.destinationKey);
  add('--reply-key-src', reply.sourceKey);
  add('--reply-key-dst', reply.destinationKey);
}

function wordIn(words: readonly string[], word: string): string {
  return words.includes(word) ? word : WITHOUT_WORD;
}
