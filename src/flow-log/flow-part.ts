/**
 * The record of a flow, from what is known of it.
 */
import { presentFields } from '../core/present-fields.js';
import type { Tuple } from '../record/tuple.js';
import { TupleView } from '../record/tuple-view.js';
import { type Counts, NOTHING, sumOf } from './accounts.js';
import type { FlowDeleter, FlowDoubt, FlowPart, FlowTraffic } from './flow-record.js';
import type { Sighting } from './known-flows.js';

/** Doubts about the traffic. */
const ESTIMATES: ReadonlySet<FlowDoubt> = new Set(['lost', 'no-event', 'zeroed']);

/** `run`: what no other recorder has in its flows. */
export function flowPartOf(
  { outcome, entry, known, account, hasCounters, time, doubt }: Sighting,
  run: string,
  deletedBy: FlowDeleter | undefined,
): FlowPart {
  const { number, parts, until, seen, reported } = account;
  const start = entry.startTime;
  const end = entry.stopTime;
  const doubts: FlowDoubt[] = doubt === undefined ? [] : [doubt];
  if (!hasCounters) doubts.push('no-counters');
  if (start === undefined) doubts.push('no-times');
  const { tcp, sctp, dccp, labels = known?.labels } = entry;
  return presentFields({
    type: 'flow' as const,
    flow: `${run}-${number}`,
    part: parts + 1,
    outcome,
    deletedBy,
    family: entry.family,
    protocol: entry.protocol,
    protocolNumber: entry.protocolNumber,
    zone: entry.zone,
    original: copyOf(entry.original),
    reply: copyOf(entry.reply),
    nat: entry.nat,
    mark: entry.mark,
    labels: labels === undefined ? undefined : String(labels),
    helper: entry.helper ?? known?.helper,
    state: (tcp ?? sctp ?? dccp)?.state,
    replied: entry.status.seenReply,
    start,
    end,
    durationMs: start && end && Math.max(0, end.getTime() - start.getTime()),
    from: until === undefined ? start : new Date(until),
    to: end ?? new Date(time),
    traffic: hasCounters ? trafficOf(sumOf(seen, NOTHING, reported)) : undefined,
    total: hasCounters ? trafficOf(seen) : undefined,
    estimated: doubts.some((one) => ESTIMATES.has(one)),
    doubts: doubts.length > 0 ? doubts : undefined,
  });
}

function trafficOf([packets, bytes, replyPackets, replyBytes]: Counts): FlowTraffic {
  return { original: { packets, bytes }, reply: { packets: replyPackets, bytes: replyBytes } };
}

/** A view would keep the memory of its batch. */
function copyOf(tuple: Tuple): Tuple {
  return tuple instanceof TupleView ? tuple.toJSON() : tuple;
}
