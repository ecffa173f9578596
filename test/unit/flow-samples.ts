/** Records for writers of flows. */
import type { FlowPart, FlowRecord, LossRecord } from '../../src/flow-log/flow-log.js';

/** A part of the flow with a number. */
export function partOf(number: number, more: Partial<FlowPart> = {}): FlowPart {
  const ports = { sourcePort: 1 + (number % 65_000), destinationPort: 443 };
  const traffic = { original: { packets: 1, bytes: number }, reply: { packets: 2, bytes: 9 } };
  return {
    type: 'flow',
    flow: `run-${number}`,
    part: 1,
    outcome: 'expired',
    family: 'ipv4',
    protocol: 'tcp',
    protocolNumber: 6,
    zone: 0,
    id: number,
    original: { source: '10.0.0.1', destination: '10.0.1.1', ...ports },
    reply: { source: '10.0.1.1', destination: '10.0.0.1', sourcePort: 443, destinationPort: 1 },
    replied: true,
    to: new Date(1000 + number),
    traffic,
    total: traffic,
    estimated: false,
    ...more,
  };
}

/** A record that is only a number. */
export function lossOf(count: number): LossRecord {
  return { type: 'lost', cause: 'kernel', count, at: new Date(count) };
}

export function lossesOf(first: number, last: number): LossRecord[] {
  return Array.from({ length: last - first + 1 }, (_, index) => lossOf(first + index));
}

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function countsOf(records: readonly FlowRecord[]): number[] {
  return records.map((record) => (record.type === 'lost' ? record.count : -1));
}

export function oneTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
