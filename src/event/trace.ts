/**
 * The trace of lost events.
 *
 * @module
 */
import { Tracer } from '../core/trace.js';

/** Events that are missing in a stream: the message of the channel `conntrack:loss`. */
export interface LossTrace {
  readonly operation: string;
  readonly cause: 'kernel' | 'queue';
  readonly count: number;
}

export const lossTracer = new Tracer<LossTrace>(
  'conntrack:loss',
  ({ operation, cause, count }) => `${operation}: ${count} events lost in the ${cause}`,
);
