/**
 * `conntrack/flow-log`: who talked to whom, how much and when, in records that outlive the table. See
 * the guide to the flow log.
 *
 * @module conntrack/flow-log
 */
import * as table from '../table/table.js';
import { type FlowLogOptions, recorderOptionsOf } from './options.js';
import { FlowRecorder } from './recorder.js';

export type { Interval } from './duration.js';
export type * from './flow-record.js';
export type { FlowLogOptions, FlowTableHandle } from './options.js';
export { parseFlowRecord } from './parse-record.js';
export { type FlowCounters, FlowTotals, type ProtocolCounters } from './totals.js';
export {
  type FlowSource,
  FlowWriteError,
  type WriteFlowsOptions,
  writeFlows,
} from './write-flows.js';
export type * from './writer.js';
export type { FlowRecorder };

/**
 * Records flows: each when it ends, with its last counters, and with `interval` the open ones, too.
 * Returns at once; from then on no end of a flow is missed without a `lost` record. See
 * {@link FlowRecorder}, {@link FlowRecord} and {@link FlowLogOptions}.
 *
 * The ends are DESTROY events. Open flows are found by readings of the table: at the beginning, after
 * events were lost, every `interval`, and once in a minute or so where flows send no events. What an
 * interval adds is the difference of two readings: nothing is set to 0, so other programs see the
 * same counters as before.
 *
 * The first records say what is missing: `accounting-off`, `timestamps-off`, `events-off`, and others.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @throws `ConntrackError` as `watchEvents`; the loop throws as `streamEntries`, too.
 * @throws TypeError or RangeError for a wrong option or filter, naming the field.
 *
 * @example
 * ```ts
 * import { recordFlows } from 'conntrack/flow-log';
 *
 * for await (const record of recordFlows({ interval: '60s' })) {
 *   if (record.type !== 'flow') continue;
 *   const { original, outcome, traffic } = record;
 *   console.log(original.source, original.destination, outcome, traffic?.original.bytes);
 * }
 * ```
 */
export function recordFlows(options?: FlowLogOptions): FlowRecorder {
  const { conntrack = table, ...checked } = recorderOptionsOf(options);
  return new FlowRecorder(conntrack, checked);
}
