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
 * Events come in their order, so the end of a flow completes what is before it, as does the end of a
 * recorder. The second part of an open flow stands behind the reading that made the first one, which
 * has taken in all events before its end. What else has the time at which it was made says nothing of
 * events that waited then.
 */
function completeUntil(record: FlowRecord): Date | undefined {
  switch (record.type) {
    case 'flow':
      if (record.outcome === 'open') return record.part > 1 ? record.from : undefined;
      return record.outcome === 'unobserved' ? undefined : record.end;
    case 'gap':
      return record.to;
    case 'notice':
      return record.code === 'finished' ? record.at : undefined;
    default:
      return undefined;
  }
}
