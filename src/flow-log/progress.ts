/**
 * Until when records are complete: what an archive keeps for its history.
 */
import type { FlowRecord } from './flow-record.js';

export class FlowProgress {
  private first: Date | undefined;
  private last: Date | undefined;

  add(record: FlowRecord): void {
    this.first ??= timeOf(record);
    const time = completeUntil(record);
    if (time !== undefined) this.reach(time);
  }

  /** Nothing before this time is missing. */
  reach(time: Date): void {
    if (this.last === undefined || time > this.last) this.last = time;
  }

  /**
   * Until when no end of a flow is missing without a record that reports it; `undefined`: there are no
   * records.
   */
  get until(): Date | undefined {
    return this.last ?? this.first;
  }
}

function timeOf(record: FlowRecord): Date {
  return record.type === 'flow' || record.type === 'gap' ? record.to : record.at;
}

/**
 * Events come in order, so the end of a flow completes what is before it. A part of an open flow does
 * not: it may stand before ends of flows that were older.
 */
function completeUntil(record: FlowRecord): Date | undefined {
  const isEvent =
    record.type !== 'flow' || record.outcome === 'expired' || record.outcome === 'deleted';
  return isEvent ? timeOf(record) : undefined;
}
