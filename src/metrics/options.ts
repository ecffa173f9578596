/**
 * What both exporters take.
 */
import type { Conntrack } from '../conntrack.js';
import { instance, optional } from '../core/check.js';
import type { EventStream } from '../event/stream.js';
import type { FlowTotals } from '../flow-log/totals.js';
import { type FlowGroup, flowGroups, type MeasuredMirror } from './flow-source.js';

/** Where metrics come from. */
export interface MetricSources {
  /** A handle on the table to read. Default: the table of the process's network namespace. */
  readonly conntrack?: Pick<Conntrack, 'readStats'> | undefined;
  /** Adds the stream's counters. Its owner must read the stream. */
  readonly stream?: Pick<EventStream, 'counters'> | undefined;
  /** Adds the flows of a mirror by group, and how the mirror is. Its owner closes it. */
  readonly mirror?: MeasuredMirror | undefined;
  /**
   * What the flows of the mirror are counted by, such as `['state', { by: 'service', limit: 20 }]`.
   * The largest counts of a group, 50 by default, have a value each; the sum of all others is the
   * value of `other`. Default: `['state', 'protocol']`.
   */
  readonly groups?: readonly FlowGroup[] | undefined;
  /** Adds the sums of a flow log. Its owner writes records to it. */
  readonly flowLog?: Pick<FlowTotals, 'counters'> | undefined;
}

export const SOURCES = {
  conntrack: optional(
    instance<Pick<Conntrack, 'readStats'>>(
      'a Conntrack',
      ({ readStats }) => typeof readStats === 'function',
    ),
  ),
  stream: optional(
    instance<Pick<EventStream, 'counters'>>(
      'an EventStream',
      ({ counters }) => typeof counters === 'object' && counters !== null,
    ),
  ),
  // The properties of one that has ended throw.
  mirror: optional(
    instance<MeasuredMirror>('a TableMirror', ({ countBy }) => typeof countBy === 'function'),
  ),
  groups: optional(flowGroups),
  flowLog: optional(
    instance<Pick<FlowTotals, 'counters'>>(
      'a FlowTotals',
      ({ counters }) => typeof counters === 'object' && counters !== null,
    ),
  ),
};
