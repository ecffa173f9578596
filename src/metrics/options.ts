/**
 * What both exporters take.
 */
import type { Conntrack } from '../conntrack.js';
import { instance, optional } from '../core/check.js';
import type { EventStream } from '../event/stream.js';

/** Where metrics come from. */
export interface MetricSources {
  /** A handle on the table to read. Default: the table of the process's network namespace. */
  readonly conntrack?: Pick<Conntrack, 'readStats'> | undefined;
  /** Adds the stream's counters. Its owner must read the stream. */
  readonly stream?: Pick<EventStream, 'counters'> | undefined;
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
};
