/**
 * The columns of `flow_parts`: each field of a `FlowPart`, by the value that it has of one.
 */
import type { Tuple } from '../../record/tuple.js';
import type { FlowPart, FlowTraffic } from '../flow-record.js';
import type { SqliteValue } from './connection.js';

interface Column {
  readonly name: string;
  /** Of SQL. */
  readonly type: string;
  readonly of: (part: FlowPart) => SqliteValue | boolean | Date | undefined;
}

const column = (name: string, type: string, of: Column['of']): Column => ({ name, type, of });
const text = (name: string, of: Column['of']) => column(name, 'TEXT NOT NULL', of);
const integer = (name: string, of: Column['of']) => column(name, 'INTEGER NOT NULL', of);
const maybeText = (name: string, of: Column['of']) => column(name, 'TEXT', of);
const maybeInteger = (name: string, of: Column['of']) => column(name, 'INTEGER', of);

/** `zone`: the name of that column, for an entry has one as well. */
function tupleColumns(prefix: string, zone: string, of: (part: FlowPart) => Tuple): Column[] {
  return [
    text(`${prefix}source`, (part) => of(part).source),
    text(`${prefix}destination`, (part) => of(part).destination),
    maybeInteger(`${prefix}source_port`, (part) => of(part).sourcePort),
    maybeInteger(`${prefix}destination_port`, (part) => of(part).destinationPort),
    maybeInteger(`${prefix}icmp_type`, (part) => of(part).icmp?.type),
    maybeInteger(`${prefix}icmp_code`, (part) => of(part).icmp?.code),
    maybeInteger(`${prefix}icmp_id`, (part) => of(part).icmp?.id),
    maybeInteger(`${prefix}source_key`, (part) => of(part).sourceKey),
    maybeInteger(`${prefix}destination_key`, (part) => of(part).destinationKey),
    maybeInteger(zone, (part) => of(part).zone),
  ];
}

function trafficColumns(prefix: string, of: (part: FlowPart) => FlowTraffic | undefined): Column[] {
  return [
    maybeInteger(`${prefix}packets`, (part) => of(part)?.original.packets),
    maybeInteger(`${prefix}bytes`, (part) => of(part)?.original.bytes),
    maybeInteger(`${prefix}reply_packets`, (part) => of(part)?.reply.packets),
    maybeInteger(`${prefix}reply_bytes`, (part) => of(part)?.reply.bytes),
  ];
}

export const COLUMNS: readonly Column[] = [
  text('flow', ({ flow }) => flow),
  integer('part', ({ part }) => part),
  text('outcome', ({ outcome }) => outcome),
  maybeInteger('deleter_port_id', ({ deletedBy }) => deletedBy?.portId),
  maybeInteger('deleter_pid', ({ deletedBy }) => deletedBy?.pid),
  maybeText('deleter_name', ({ deletedBy }) => deletedBy?.name),
  text('family', ({ family }) => family),
  text('protocol', ({ protocol }) => protocol),
  integer('protocol_number', ({ protocolNumber }) => protocolNumber),
  integer('zone', ({ zone }) => zone),
  integer('entry_id', ({ id }) => id),
  ...tupleColumns('', 'original_zone', ({ original }) => original),
  ...tupleColumns('reply_', 'reply_zone', ({ reply }) => reply),
  integer('has_nat', ({ nat }) => nat !== undefined),
  maybeText('nat_source', ({ nat }) => nat?.source?.address),
  maybeInteger('nat_source_port', ({ nat }) => nat?.source?.port),
  maybeText('nat_destination', ({ nat }) => nat?.destination?.address),
  maybeInteger('nat_destination_port', ({ nat }) => nat?.destination?.port),
  maybeInteger('mark', ({ mark }) => mark),
  maybeText('labels', ({ labels }) => labels),
  maybeText('helper', ({ helper }) => helper),
  maybeText('state', ({ state }) => state),
  integer('replied', ({ replied }) => replied),
  maybeInteger('start_ms', ({ start }) => start),
  maybeInteger('end_ms', ({ end }) => end),
  maybeInteger('duration_ms', ({ durationMs }) => durationMs),
  maybeInteger('from_ms', ({ from }) => from),
  integer('to_ms', ({ to }) => to),
  ...trafficColumns('', ({ traffic }) => traffic),
  ...trafficColumns('total_', ({ total }) => total),
  ...trafficColumns('counter_', ({ counters }) => counters),
  integer('estimated', ({ estimated }) => estimated),
  maybeText('doubts', ({ doubts }) => doubts && JSON.stringify(doubts)),
];

/** The values of a part, in the order of the columns. */
export function valuesOf(part: FlowPart): SqliteValue[] {
  return COLUMNS.map(({ of }) => {
    const value = of(part);
    if (value === undefined) return null;
    if (typeof value === 'boolean') return value ? 1 : 0;
    return value instanceof Date ? value.getTime() : value;
  });
}
