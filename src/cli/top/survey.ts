/**
 * Reads the table once, and keeps the rows that the screen shows.
 *
 * It listens to no events: a listener makes the kernel send the events of every flow, which costs the
 * machine more the busier it is, and only the last event of a flow has its counters.
 */
import type { Entry, EntryFilter } from '../../index.js';
import type { Api } from '../command.js';
import { protocolOf, stateOf } from '../print/flow-table.js';
import { FlowCounters } from './flow-counters.js';
import { type GroupingName, groupingOf } from './groupings.js';
import { Meter } from './meter.js';
import type { FlowRow, Measures, Picture, Row } from './picture.js';
import { Ranking } from './ranking.js';
import type { Wanted } from './wanted.js';

/** A picture keeps so many rows: during a reading, each flow may hold a buffer of 64 KiB. */
export const KEPT_ROWS = 400;
/** A reading distinguishes so many groups. */
const MOST_GROUPS = 200_000;

export interface Question {
  readonly wanted: Wanted;
  /** Absent: every flow. */
  readonly filters: readonly EntryFilter[] | undefined;
  /** Measures the rates anew; otherwise the picture has those of the last measurement. */
  readonly isMeasured: boolean;
  /** How many flows are expected. */
  readonly expected: number;
  readonly signal: AbortSignal;
}

export class Surveyor {
  readonly #api: Pick<Api, 'streamEntries'>;
  #before: FlowCounters | undefined;

  constructor(api: Pick<Api, 'streamEntries'>) {
    this.#api = api;
  }

  /** When the last measurement began, on the clock of `performance`. */
  get measuredAt(): number | undefined {
    return this.#before?.began;
  }

  async survey({ wanted, filters, isMeasured, expected, signal }: Question): Promise<Picture> {
    const isWhole = filters === undefined;
    const isRecorded = isMeasured || this.#before === undefined;
    const now = isRecorded ? new FlowCounters(expected, isWhole) : undefined;
    const meter = new Meter(this.#before, now, isWhole);
    const began = performance.now();
    const gathered =
      wanted.grouping === undefined ? new Flows(wanted) : new Groups(wanted, wanted.grouping);
    let flows = 0;
    let byteRate = 0;
    let packetRate = 0;
    for await (const batch of this.#api.streamEntries(filters, { signal }).batches()) {
      const time = performance.now();
      flows += batch.length;
      for (const entry of batch) {
        meter.measure(entry, time);
        byteRate += meter.byteRate || 0;
        packetRate += meter.packetRate || 0;
        gathered.add(entry, meter);
      }
    }
    if (now !== undefined) this.#before = now;
    const { uncounted, unmeasured } = meter;
    const isKnown = flows === 0 || unmeasured + uncounted < flows;
    return {
      time: new Date(),
      took: (performance.now() - began) / 1000,
      flows,
      uncounted,
      unmeasured,
      byteRate: isKnown ? byteRate : Number.NaN,
      packetRate: isKnown ? packetRate : Number.NaN,
      ...gathered.end(flows),
    };
  }
}

type Gathered = Pick<Picture, 'rows' | 'total' | 'ungrouped'>;

const rateOf = ({ unit }: Wanted, { byteRate, packetRate }: Measures) =>
  unit === 'bytes' ? byteRate : packetRate;

const totalOf = ({ unit }: Wanted, { bytes, packets }: Measures) =>
  unit === 'bytes' ? bytes : packets;

const measuresOf = ({ bytes, packets, byteRate, packetRate }: Measures): Measures => ({
  ...{ bytes, packets, byteRate, packetRate },
});

class Flows {
  readonly #wanted: Wanted;
  readonly #ranking = new Ranking<{ readonly entry: Entry; readonly measures: Measures }>(
    KEPT_ROWS,
  );

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  add(entry: Entry, meter: Measures): void {
    const value = this.#valueOf(entry, meter);
    this.#ranking.add(value, 0, () => ({ entry, measures: measuresOf(meter) }));
  }

  end(total: number): Gathered {
    const rows = this.#ranking.first().map(({ entry, measures }) => flowRow(entry, measures));
    return { rows, total, ungrouped: 0 };
  }

  #valueOf(entry: Entry, meter: Measures): number {
    const { order, isReversed } = this.#wanted;
    // The oldest first.
    if (order === 'age') return isReversed ? beganOf(entry) : -beganOf(entry);
    const value = order === 'total' ? totalOf(this.#wanted, meter) : rateOf(this.#wanted, meter);
    return isReversed ? -value : value;
  }
}

const beganOf = ({ startTimeNs }: Entry) =>
  startTimeNs === undefined ? Number.NaN : Number(startTimeNs) / 1e6;

function flowRow(entry: Entry, measures: Measures): FlowRow {
  const json = entry.toJSON();
  return {
    kind: 'flow',
    name: `${json.id} ${json.zone} ${json.protocolNumber} ${JSON.stringify(json.original)} ${json.startTimeNs}`,
    entry: json,
    protocol: protocolOf(entry),
    state: stateOf(entry),
    began: beganOf(entry),
    ...measures,
  };
}

interface Group extends Measures {
  flows: number;
}

class Groups {
  readonly #wanted: Wanted;
  readonly #grouping: GroupingName;
  readonly #nameOf: (entry: Entry) => string;
  readonly #groups = new Map<string, Group>();
  #ungrouped = 0;

  constructor(wanted: Wanted, grouping: GroupingName) {
    this.#wanted = wanted;
    this.#grouping = grouping;
    this.#nameOf = groupingOf(grouping).of;
  }

  add(entry: Entry, meter: Measures): void {
    const name = this.#nameOf(entry);
    const group = this.#groups.get(name);
    if (group !== undefined) {
      group.flows++;
      group.bytes = added(group.bytes, meter.bytes);
      group.packets = added(group.packets, meter.packets);
      group.byteRate = added(group.byteRate, meter.byteRate);
      group.packetRate = added(group.packetRate, meter.packetRate);
    } else if (this.#groups.size < MOST_GROUPS) {
      this.#groups.set(name, { flows: 1, ...measuresOf(meter) });
    } else {
      this.#ungrouped++;
    }
  }

  end(): Gathered {
    const ranking = new Ranking<Row>(KEPT_ROWS);
    for (const [name, { flows, ...measures }] of this.#groups) {
      const value = this.#valueOf(flows, measures);
      // Where nothing is counted, the groups with the most flows come first.
      ranking.add(value, flows, () => ({
        ...{ kind: 'group', grouping: this.#grouping, name, flows },
        ...measures,
      }));
    }
    return { rows: ranking.first(), total: this.#groups.size, ungrouped: this.#ungrouped };
  }

  #valueOf(flows: number, measures: Measures): number {
    const { order, isReversed } = this.#wanted;
    const values = {
      flows,
      total: totalOf(this.#wanted, measures),
      rate: rateOf(this.#wanted, measures),
    };
    const value = order === 'age' ? values.rate : values[order];
    return isReversed ? -value : value;
  }
}

/** What is not known adds nothing; two of it stay unknown. */
const added = (sum: number, one: number) =>
  Number.isNaN(one) ? sum : Number.isNaN(sum) ? one : sum + one;
