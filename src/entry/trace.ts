/**
 * The trace of a walk over the table.
 *
 * @module
 */
import { ConntrackError } from '../core/errors.js';
import { outcome, Tracer } from '../core/trace.js';
import type { PlannedField } from '../filter/filter.js';

/** A walk over the table that has ended: the message of the channel `conntrack:dump`. */
export interface DumpTrace {
  /** The function that walked, such as `'listEntries'` or `'deleteEntries'`. */
  readonly operation: string;
  /**
   * The conditions of the filter. `evaluatedBy: 'kernel'`: the kernel was asked to. An old kernel
   * may ignore that; {@link explainFilter} finds out.
   */
  readonly fields: readonly PlannedField[];
  /** Entries that were read; of a pass, those that matched. */
  readonly entries: number;
  readonly milliseconds: number;
  /** The code of the failure, or `'ABORTED'`; absent at the end of the table, and when the loop was left. */
  readonly code?: string;
}

export const dumpTracer = new Tracer<DumpTrace>(
  'conntrack:dump',
  ({ operation, fields, entries, milliseconds, code }) => {
    const of = fields.map(
      ({ field, evaluatedBy, reason }) => `${field} (${evaluatedBy}: ${reason})`,
    );
    const filter = of.length === 0 ? 'no filter' : of.join(', ');
    return `${operation}: dump, ${filter}: ${entries} entries, ${outcome(milliseconds, code)}`;
  },
);

/** Follows one walk, if anybody reads of it. */
export class WalkTrace {
  private readonly operation: string;
  private readonly fieldsOf: () => readonly PlannedField[];
  private readonly began = performance.now();
  entries = 0;

  static begin(operation: string, fieldsOf: () => readonly PlannedField[]): WalkTrace | undefined {
    return dumpTracer.isRead ? new WalkTrace(operation, fieldsOf) : undefined;
  }

  private constructor(operation: string, fieldsOf: () => readonly PlannedField[]) {
    this.operation = operation;
    this.fieldsOf = fieldsOf;
  }

  /** `error`: why the walk ended before the end of the table. */
  end(error?: unknown): void {
    // What aborted a signal may be anything.
    const code = error instanceof ConntrackError ? error.code : 'ABORTED';
    dumpTracer.write({
      operation: this.operation,
      fields: this.fieldsOf(),
      entries: this.entries,
      milliseconds: performance.now() - this.began,
      ...(error !== undefined && { code }),
    });
  }
}
