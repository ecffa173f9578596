/**
 * The result of a reading of the table: plain values, which hold none of its buffers.
 */
import type { EntryJson } from '../../index.js';
import type { GroupingName } from './groupings.js';

/** Counters, and their growth per second; NaN: not known. */
export interface Measures {
  bytes: number;
  packets: number;
  byteRate: number;
  packetRate: number;
}

export interface FlowRow extends Readonly<Measures> {
  readonly kind: 'flow';
  /** Distinguishes it from all others. */
  readonly name: string;
  /** Names the flow to the kernel as well. */
  readonly entry: EntryJson;
  readonly protocol: string;
  readonly state: string;
  /** Milliseconds since 1970; NaN: not known. */
  readonly began: number;
}

export interface GroupRow extends Readonly<Measures> {
  readonly kind: 'group';
  readonly grouping: GroupingName;
  readonly name: string;
  readonly flows: number;
}

export type Row = FlowRow | GroupRow;

export interface Picture {
  readonly time: Date;
  /** Seconds that the reading took. */
  readonly took: number;
  /** Those that match. */
  readonly flows: number;
  /** Of flows without counters. */
  readonly uncounted: number;
  /** Of flows with counters, whose rate is not known yet. */
  readonly unmeasured: number;
  readonly byteRate: number;
  readonly packetRate: number;
  /** Those of the first rows that are kept, in the order that was wanted. */
  readonly rows: readonly Row[];
  /** All rows there are. */
  readonly total: number;
  /** Of flows in no group, because there are too many groups. */
  readonly ungrouped: number;
}
