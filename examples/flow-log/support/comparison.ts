/**
 * What JetStream has of a host, beside what a listener saw there.
 */
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type FlowPart, type FlowRecord, parseFlowRecord } from 'conntrack/flow-log';
import { type EndedFlow, nameOf } from './listener.js';

/** The source of flows that only show how far all have come. */
export const MARK = '192.0.2.1';

export interface Sums {
  flows: number;
  packets: number;
  bytes: number;
}

export interface Comparison {
  readonly listener: Sums;
  readonly stream: Sums;
  /** Flows that only the listener has. */
  readonly missing: Sums;
  /** Of these, flows that ended while an agent recorded, as its records say. */
  readonly unexplained: Sums;
  /** Flows that only JetStream has. */
  readonly unknown: number;
  /** Records that JetStream has twice. */
  readonly duplicates: number;
  /** Events that agents have lost. */
  readonly lost: number;
}

/** Returns the records of each host that are in the stream. */
export async function readRecords(connection: NatsConnection): Promise<Map<string, FlowRecord[]>> {
  const records = new Map<string, FlowRecord[]>();
  const consumer = await jetstream(connection).consumers.get('FLOWS');
  if ((await consumer.info()).num_pending === 0) return records;
  for await (const message of await consumer.consume({ max_messages: 4096 })) {
    const [, host = ''] = message.subject.split('.');
    const ofHost = records.get(host) ?? [];
    ofHost.push(parseFlowRecord(message.string()));
    records.set(host, ofHost);
    if (message.info.pending === 0) break;
  }
  return records;
}

export function compare(seen: readonly EndedFlow[], records: readonly FlowRecord[]): Comparison {
  const flows = seen.filter(({ name }) => !name.includes(` ${MARK} `));
  const parts = records.filter(
    (record): record is FlowPart => record.type === 'flow' && record.original.source !== MARK,
  );
  const gaps = records.filter((record) => record.type === 'gap');
  const isInGap = ({ end }: EndedFlow) =>
    gaps.some(({ from, to }) => Number(from) <= end && end <= Number(to));
  const left = new Map<string, EndedFlow>(flows.map((flow) => [flow.name, flow]));
  let unknown = 0;
  for (const part of parts) if (!left.delete(nameOfPart(part))) unknown++;
  const missing = [...left.values()];
  return {
    listener: sumOf(flows),
    stream: sumOf(parts.map(countsOf)),
    missing: sumOf(missing),
    unexplained: sumOf(missing.filter((flow) => !isInGap(flow))),
    unknown,
    duplicates: parts.length - new Set(parts.map(({ flow, part }) => `${flow}/${part}`)).size,
    lost: records.reduce((sum, one) => sum + (one.type === 'lost' ? one.count : 0), 0),
  };
}

/** Whether JetStream has exactly what the listener saw, but for the time without an agent. */
export function isExact(comparison: Comparison): boolean {
  const { listener, stream, missing, unexplained, unknown, duplicates, lost } = comparison;
  const isSum = (name: keyof Sums) => stream[name] + missing[name] === listener[name];
  const isNothing = [unexplained.flows, unknown, duplicates, lost].every((count) => count === 0);
  return isSum('flows') && isSum('packets') && isSum('bytes') && isNothing;
}

export function nameOfPart({ id, start, protocolNumber, original }: FlowPart): string {
  const { source, sourcePort = 0, destination, destinationPort = 0 } = original;
  const began = Number(start ?? 0);
  const ports = { sourcePort, destinationPort };
  return nameOf({ id, start: began, protocol: protocolNumber, source, destination, ...ports });
}

function countsOf({ traffic }: FlowPart): Pick<EndedFlow, 'packets' | 'bytes'> {
  return {
    packets: (traffic?.original.packets ?? 0) + (traffic?.reply.packets ?? 0),
    bytes: (traffic?.original.bytes ?? 0) + (traffic?.reply.bytes ?? 0),
  };
}

function sumOf(counts: readonly Pick<EndedFlow, 'packets' | 'bytes'>[]): Sums {
  return counts.reduce<Sums>(
    (sum, { packets, bytes }) => ({
      flows: sum.flows + 1,
      packets: sum.packets + packets,
      bytes: sum.bytes + bytes,
    }),
    { flows: 0, packets: 0, bytes: 0 },
  );
}
