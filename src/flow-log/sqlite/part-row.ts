/**
 * A row of `flow_parts` becomes the record that it was.
 */
import { presentFields } from '../../core/present-fields.js';
import type { Nat, NatEndpoint } from '../../entry/entry.js';
import type { IcmpTuple, Tuple } from '../../record/tuple.js';
import type { FlowDeleter, FlowDoubt, FlowPart, FlowTraffic } from '../flow-record.js';

/** By the names of `COLUMNS`, and `id`, the number of the row. */
export type PartRow = Readonly<Record<string, string | number | null>> & {
  readonly id: number;
  readonly to_ms: number;
};

/** A field that the compiler misses here when a `FlowPart` has another one. */
type Every<T> = { readonly [Name in keyof T]-?: T[Name] };

export function partOf(row: PartRow): FlowPart {
  const all: Every<FlowPart> = {
    type: 'flow',
    flow: row.flow as string,
    part: row.part as number,
    outcome: row.outcome as FlowPart['outcome'],
    deletedBy: deleterOf(row),
    family: row.family as FlowPart['family'],
    protocol: row.protocol as FlowPart['protocol'],
    protocolNumber: row.protocol_number as number,
    zone: row.zone as number,
    id: row.entry_id as number,
    original: tupleOf(row, '', 'original_zone'),
    reply: tupleOf(row, 'reply_', 'reply_zone'),
    nat: natOf(row),
    mark: numberOf(row, 'mark'),
    labels: textOf(row, 'labels'),
    helper: textOf(row, 'helper'),
    state: textOf(row, 'state'),
    replied: row.replied === 1,
    start: dateOf(row, 'start_ms'),
    end: dateOf(row, 'end_ms'),
    durationMs: numberOf(row, 'duration_ms'),
    from: dateOf(row, 'from_ms'),
    to: new Date(row.to_ms),
    traffic: trafficOf(row, ''),
    total: trafficOf(row, 'total_'),
    counters: trafficOf(row, 'counter_'),
    estimated: row.estimated === 1,
    doubts: doubtsOf(row),
  };
  return presentFields<FlowPart>(all);
}

function numberOf(row: PartRow, name: string): number | undefined {
  return (row[name] as number | null) ?? undefined;
}

function textOf(row: PartRow, name: string): string | undefined {
  return (row[name] as string | null) ?? undefined;
}

function dateOf(row: PartRow, name: string): Date | undefined {
  const time = numberOf(row, name);
  return time === undefined ? undefined : new Date(time);
}

function tupleOf(row: PartRow, prefix: string, zone: string): Tuple {
  const all: Every<Tuple> = {
    source: row[`${prefix}source`] as string,
    destination: row[`${prefix}destination`] as string,
    sourcePort: numberOf(row, `${prefix}source_port`),
    destinationPort: numberOf(row, `${prefix}destination_port`),
    icmp: icmpOf(row, prefix),
    sourceKey: numberOf(row, `${prefix}source_key`),
    destinationKey: numberOf(row, `${prefix}destination_key`),
    zone: numberOf(row, zone),
  };
  return presentFields<Tuple>(all);
}

function icmpOf(row: PartRow, prefix: string): IcmpTuple | undefined {
  const type = numberOf(row, `${prefix}icmp_type`);
  if (type === undefined) return undefined;
  const all: Every<IcmpTuple> = {
    type,
    code: row[`${prefix}icmp_code`] as number,
    id: row[`${prefix}icmp_id`] as number,
  };
  return all;
}

function deleterOf(row: PartRow): FlowDeleter | undefined {
  const portId = numberOf(row, 'deleter_port_id');
  if (portId === undefined) return undefined;
  const all: Every<FlowDeleter> = {
    portId,
    pid: numberOf(row, 'deleter_pid'),
    name: textOf(row, 'deleter_name'),
  };
  return presentFields<FlowDeleter>(all);
}

function natOf(row: PartRow): Nat | undefined {
  if (row.has_nat !== 1) return undefined;
  const all: Every<Nat> = {
    source: endpointOf(row, 'nat_source'),
    destination: endpointOf(row, 'nat_destination'),
  };
  return presentFields<Nat>(all);
}

function endpointOf(row: PartRow, name: string): NatEndpoint | undefined {
  const address = textOf(row, name);
  if (address === undefined) return undefined;
  const all: Every<NatEndpoint> = { address, port: numberOf(row, `${name}_port`) };
  return presentFields<NatEndpoint>(all);
}

function trafficOf(row: PartRow, prefix: string): FlowTraffic | undefined {
  const packets = numberOf(row, `${prefix}packets`);
  if (packets === undefined) return undefined;
  return {
    original: { packets, bytes: row[`${prefix}bytes`] as number },
    reply: {
      packets: row[`${prefix}reply_packets`] as number,
      bytes: row[`${prefix}reply_bytes`] as number,
    },
  };
}

function doubtsOf(row: PartRow): readonly FlowDoubt[] | undefined {
  const doubts = textOf(row, 'doubts');
  return doubts === undefined ? undefined : (JSON.parse(doubts) as FlowDoubt[]);
}
