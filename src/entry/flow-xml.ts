/**
 * The `<flow>` of `conntrack -L -o xml`, as conntrack-tools 1.4.7 with libnetfilter_conntrack 1.0.9
 * prints it.
 */

import { DCCP_STATES, PROTOCOL_NUMBERS, SCTP_STATES, TCP_STATES } from '../core/names.js';
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

export function flowXml(
  entry: Printed,
  reading: Reading,
  { labels, timestamps }: PrintedParts = {},
): string {
  const { status, startTimeNs, stopTimeNs } = entry;
  const times =
    element('start', timestamps ? startTimeNs : undefined) +
    element('stop', timestamps ? stopTimeNs : undefined);
  const independent = [
    element('state', stateOf(entry)),
    element('timeout', entry.timeout),
    element('mark', entry.mark),
    labels && `<labels>${labels.map((name) => element('label', escaped(name))).join('')}</labels>`,
    element('secctx', escaped(entry.securityContext)),
    element('zone', reading.hasZone ? entry.zone : undefined),
    element('use', entry.use),
    // The tool prints it always.
    element('id', entry.id),
    status.assured && '<assured/>',
    !status.seenReply && '<unreplied/>',
    times && `<timestamp>${times}</timestamp>`,
    element('deltatime', ageOf(entry, reading)),
  ];
  const { original, reply, counters } = entry;
  return [
    '<flow>',
    directionXml(entry, 'original', original, counters?.original),
    directionXml(entry, 'reply', reply, counters?.reply),
    `<meta direction="independent">${independent.filter(Boolean).join('')}</meta>`,
    element('helper', escaped(entry.helper)),
    '</flow>',
  ].join('');
}

function directionXml(
  { family, protocolNumber }: Printed,
  direction: string,
  tuple: Tuple,
  counters: PrintedCounters | undefined,
): string {
  const [familyWord, familyNumber] = FAMILY_WORDS[family];
  const counted =
    counters && element('packets', counters.packetsBig) + element('bytes', counters.bytesBig);
  return [
    `<meta direction="${direction}">`,
    `<layer3 protonum="${familyNumber}" protoname="${familyWord}">`,
    element('src', tuple.source) + element('dst', tuple.destination),
    '</layer3>',
    `<layer4 protonum="${protocolNumber}" protoname="${protocolWord(protocolNumber)}">`,
    portsXml(tuple, protocolNumber),
    '</layer4>',
    element('zone', tuple.zone),
    counted && `<counters>${counted}</counters>`,
    '</meta>',
  ].join('');
}

/** As in lines, a missing one is 0. Of ICMP the tool prints nothing. */
function portsXml(tuple: Tuple, protocol: number): string {
  if (WITH_PORTS.has(protocol)) {
    return element('sport', tuple.sourcePort ?? 0) + element('dport', tuple.destinationPort ?? 0);
  }
  if (protocol !== PROTOCOL_NUMBERS.gre) return '';
  const { sourceKey = 0, destinationKey = 0 } = tuple;
  return (
    element('srckey', `0x${sourceKey.toString(16)}`) +
    element('dstkey', `0x${destinationKey.toString(16)}`)
  );
}

/** The words of SCTP and DCCP are those that TCP has for the number: a fault of the library. */
function stateOf({ tcp, sctp, dccp }: Printed): string | undefined {
  const [state, words]: [string | undefined, readonly string[]] =
    sctp !== undefined
      ? [sctp.state, SCTP_STATES]
      : dccp !== undefined
        ? [dccp.state, DCCP_STATES]
        : [tcp?.state, TCP_STATES];
  return state === undefined ? undefined : (TCP_STATES[words.indexOf(state)] ?? 'NONE');
}

function element(name: string, value: number | bigint | string | undefined): string {
  return value === undefined ? '' : `<${name}>${value}</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** The tool prints names as they are, markup and control characters and all. */
function escaped(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  return printable(name).replace(/[&<>]/g, (character) => ENTITIES[character] as string);
}
