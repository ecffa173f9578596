import { presentFields } from '../core/present-fields.js';
import type { DirectionCounters, DirectionCountersJson, Entry, EntryJson } from './entry.js';

/** Converts an entry to plain JSON values, without absent fields. */
export function entryJson(entry: Entry): EntryJson {
  const { dccp, labels } = entry;
  return presentFields({
    family: entry.family,
    protocol: entry.protocol,
    protocolNumber: entry.protocolNumber,
    original: plain(entry.original),
    reply: plain(entry.reply),
    id: entry.id,
    zone: entry.zone,
    status: plain(entry.status),
    assured: entry.assured,
    timeout: entry.timeout,
    mark: entry.mark,
    use: entry.use,
    tcp: entry.tcp && plain(entry.tcp),
    sctp: entry.sctp,
    dccp: dccp && presentFields({ ...dccp, handshakeSequence: dccp.handshakeSequence?.toString() }),
    counters: entry.counters && plain(entry.counters),
    startTime: entry.startTime?.toISOString(),
    stopTime: entry.stopTime?.toISOString(),
    startTimeNs: entry.startTimeNs?.toString(),
    stopTimeNs: entry.stopTimeNs?.toString(),
    labels: labels?.toString(),
    helper: entry.helper,
    securityContext: entry.securityContext,
    master: entry.master && plain(entry.master),
    nat: entry.nat,
    sequenceAdjust: entry.sequenceAdjust,
    synproxy: entry.synproxy,
    final: entry.final || undefined,
    unknownAttributes: entry.unknownAttributes,
  }) as object as EntryJson;
}

function plain<T>(value: T): T {
  return (value as { toJSON(): T }).toJSON();
}

export function countersJson(counters: DirectionCounters): DirectionCountersJson {
  const { packets, bytes, packetsBig, bytesBig } = counters;
  return presentFields({
    packets,
    bytes,
    packetsBig: Number.isSafeInteger(packets) ? undefined : packetsBig.toString(),
    bytesBig: Number.isSafeInteger(bytes) ? undefined : bytesBig.toString(),
  }) as DirectionCountersJson;
}
