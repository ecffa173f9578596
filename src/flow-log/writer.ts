/**
 * What keeps records, and what it knows of those of the recorder before.
 *
 * @module
 */
import type { FlowPart, FlowRecord } from './flow-record.js';

/** What {@link writeFlows} writes to: a file, a database, a queue, a set of metrics. */
export interface FlowWriter {
  /**
   * Writes some records, and resolves when they are kept: when a process that ends then cannot lose
   * them any more. Rejects when they may be not kept; the same records may then come again.
   *
   * It is called again after it has settled, never before.
   */
  write(records: readonly FlowRecord[]): Promise<void>;
}

/** What is known of earlier records. */
export interface FlowHistory {
  /** Until when no end of a flow is missing without a record that reports it. */
  readonly until: Date;
  /** The last part of each flow that was open then. */
  readonly open: Iterable<FlowPart> | AsyncIterable<FlowPart>;
}

/** What has kept earlier records: see `resume` of {@link FlowLogOptions}. */
export interface FlowArchive {
  /** `undefined`: it has no records. */
  history(): Promise<FlowHistory | undefined>;
}
