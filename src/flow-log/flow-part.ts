/**
 * The record of a flow, from what is known of it.
 */
import type { Tuple } from '../record/tuple.js';
import { TupleView } from '../record/tuple-view.js';
import { type Counts, isSmaller, NOTHING, sumOf } from './accounts.js';
import type { FlowDeleter, FlowDoubt, FlowPart, FlowTraffic } from './flow-record.js';
import type { Sighting } from './known-flows.js';

/** Doubts about the traffic. */
const ESTIMATES: ReadonlySet<FlowDoubt> = new Set(['lost', 'no-event', 'not-recorded', 'zeroed']);

/** `run`: what no other recorder has in its flows. */
export function flowPartOf(
  { outcome, entry, known, account, name, counts, time, doubt }: Sighting,
  run: string,
  deletedBy: FlowDeleter | undefined,
): FlowPart {
  const { number, parts, until, seen, reported } = account;
  const start = entry.startTime;
  const end = entry.stopTime;
  const doubts: FlowDoubt[] = doubt === undefined ? [] : [doubt];
  if (counts === undefined) doubts.push('no-counters');
  if (start === undefined) doubts.push('no-times');
  const { status } = entry;
  // Field by field: a loop over the names of those that are present would take most of the time.
  const part: Mutable<FlowPart> = {
    type: 'flow',
    flow: name ?? `${run}-${number}`,
    part: parts + 1,
    outcome,
    family: entry.family,
    protocol: entry.protocol,
    protocolNumber: entry.protocolNumber,
    zone: entry.zone,
    id: entry.id,
    original: copyOf(entry.original),
    reply: copyOf(entry.reply),
    replied: status.seenReply,
    to: end ?? new Date(time),
    estimated: doubts.some((one) => ESTIMATES.has(one)),
  };
  if (deletedBy !== undefined) part.deletedBy = deletedBy;
  if (status.sourceNat || status.destinationNat) part.nat = entry.nat;
  const { mark } = entry;
  if (mark !== undefined) part.mark = mark;
  const labels = entry.labels ?? known?.labels;
  if (labels !== undefined) part.labels = String(labels);
  const helper = entry.helper ?? known?.helper;
  if (helper !== undefined) part.helper = helper;
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  if (state !== undefined) part.state = state;
  if (start !== undefined) part.start = start;
  if (end !== undefined) part.end = end;
  if (start !== undefined && end !== undefined) {
    part.durationMs = Math.max(0, end.getTime() - start.getTime());
  }
  const from = until === undefined ? start : new Date(until);
  if (from !== undefined) part.from = from;
  if (counts !== undefined) {
    part.traffic = trafficOf(sumOf(seen, NOTHING, reported));
    part.total = trafficOf(seen);
    if (isSmaller(counts, seen)) part.counters = trafficOf(counts);
  }
  if (doubts.length > 0) part.doubts = doubts;
  return part;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

function trafficOf([packets, bytes, replyPackets, replyBytes]: Counts): FlowTraffic {
  return { original: { packets, bytes }, reply: { packets: replyPackets, bytes: replyBytes } };
}

/** A view would keep the memory of its batch. */
function copyOf(tuple: Tuple): Tuple {
  return tuple instanceof TupleView ? tuple.toJSON() : tuple;
}
