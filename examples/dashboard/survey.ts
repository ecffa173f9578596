/**
 * Reads the table once, and compares it with the reading before: who talks, in which states the
 * flows are, and how many have begun and ended.
 *
 * It subscribes to no events. A listener makes the kernel send the events of every flow, which costs
 * the machine most when it is busiest. The kernel has no counter of new flows. What two readings show
 * is exact for flows that outlive the time between them; a shorter flow is not seen.
 */
import type { Conntrack, Entry } from 'conntrack';
import { checkOf, FlowCounters } from './flow-counters.js';
import { largest } from './largest.js';

/** Sources that a reading tells apart: forged ones may be as many as the flows. */
const MOST_SOURCES = 100_000;
const SHOWN_TALKERS = 10;
const SHOWN_STATES = 12;
/** Milliseconds between two readings that make a rate. */
const SHORTEST_MS = 100;

/** What is not known is `null`, as in JSON. */
export interface Talker {
  readonly source: string;
  readonly flows: number;
  readonly bytesPerSecond: number | null;
  readonly packetsPerSecond: number | null;
}

export interface Survey {
  /** When the reading ended, in milliseconds since 1970. */
  readonly time: number;
  readonly tookMs: number;
  readonly flows: number;
  /** Flows without counters: accounting was off when they began. */
  readonly uncounted: number;
  /** Sources beyond those that a reading tells apart; their flows. */
  readonly unnamed: number;
  readonly bytesPerSecond: number | null;
  readonly packetsPerSecond: number | null;
  /** Flows a second since the reading before. */
  readonly began: number | null;
  readonly ended: number | null;
  readonly byRate: readonly Talker[];
  readonly byFlows: readonly Talker[];
  readonly states: readonly { readonly name: string; readonly flows: number }[];
  /** Flows in states beyond those. */
  readonly otherStates: number;
}

interface Sum {
  flows: number;
  bytes: number;
  packets: number;
}

export class Surveyor {
  readonly #table: Pick<Conntrack, 'streamEntries'>;
  #before: { readonly counters: FlowCounters; readonly began: number } | undefined;

  constructor(table: Pick<Conntrack, 'streamEntries'>) {
    this.#table = table;
  }

  /** The next reading compares with nothing. */
  forget(): void {
    this.#before = undefined;
  }

  /** @param expected How many flows. */
  async survey(expected: number, signal: AbortSignal): Promise<Survey> {
    const began = performance.now();
    const reading = new Reading(new FlowCounters(expected), this.#before, began);
    for await (const batch of this.#table.streamEntries(undefined, { signal }).batches()) {
      const time = performance.now();
      for (const entry of batch) reading.add(entry, time);
    }
    const { counters } = reading;
    this.#before = { counters, began };
    return reading.end();
  }
}

class Reading {
  readonly counters: FlowCounters;
  readonly #before: FlowCounters | undefined;
  readonly #began: number;
  readonly #sinceMs: number;
  readonly #beganBefore: number;
  readonly #sources = new Map<string, Sum>();
  readonly #states = new Map<string, number>();
  readonly #total: Sum = { flows: 0, bytes: Number.NaN, packets: Number.NaN };
  #known = 0;
  #uncounted = 0;
  #unnamed = 0;
  // Of the flow that was added last; NaN: not known.
  #byteRate = Number.NaN;
  #packetRate = Number.NaN;

  constructor(
    counters: FlowCounters,
    before: { readonly counters: FlowCounters; readonly began: number } | undefined,
    began: number,
  ) {
    this.counters = counters;
    this.#before = before?.counters;
    this.#began = began;
    this.#beganBefore = before?.began ?? began;
    this.#sinceMs = began - this.#beganBefore;
  }

  /** @param time When it was read. */
  add(entry: Entry, time: number): void {
    const { id, counters } = entry;
    const check = checkOf(entry);
    const bytes = counters ? counters.original.bytes + counters.reply.bytes : Number.NaN;
    const packets = counters ? counters.original.packets + counters.reply.packets : Number.NaN;
    if (!this.counters.add(id, check, bytes, packets, time)) return;
    if (counters === undefined) this.#uncounted++;
    const slot = this.#before?.find(id, check) ?? -1;
    if (slot >= 0) this.#known++;
    this.#measure(slot, bytes, packets, time);
    this.#sum(this.#total);
    const sum = this.#sumOf(entry.original.source);
    if (sum === undefined) this.#unnamed++;
    else this.#sum(sum);
    const state = stateOf(entry);
    this.#states.set(state, (this.#states.get(state) ?? 0) + 1);
  }

  end(): Survey {
    const { flows, bytes, packets } = this.#total;
    const before = this.#sinceMs < SHORTEST_MS ? undefined : this.#before?.size;
    const perSecond = (count: number) => (1000 * count) / this.#sinceMs;
    const states = largest(SHOWN_STATES, this.#states, (count) => count);
    const known = (rate: number) => (Number.isNaN(rate) ? -1 : rate);
    return {
      time: Date.now(),
      tookMs: performance.now() - this.#began,
      flows,
      uncounted: this.#uncounted,
      unnamed: this.#unnamed,
      bytesPerSecond: flows === 0 && before !== undefined ? 0 : orNull(bytes),
      packetsPerSecond: flows === 0 && before !== undefined ? 0 : orNull(packets),
      began: before === undefined ? null : perSecond(flows - this.#known),
      ended: before === undefined ? null : perSecond(before - this.#known),
      byRate: largest(
        SHOWN_TALKERS,
        this.#sources,
        (sum) => known(sum.bytes),
        (sum) => sum.flows,
      ).map(talker),
      byFlows: largest(
        SHOWN_TALKERS,
        this.#sources,
        (sum) => sum.flows,
        (sum) => known(sum.bytes),
      ).map(talker),
      states: states.map(([name, count]) => ({ name, flows: count })),
      otherStates: flows - states.reduce((sum, [, count]) => sum + count, 0),
    };
  }

  #measure(slot: number, bytes: number, packets: number, time: number): void {
    this.#byteRate = Number.NaN;
    this.#packetRate = Number.NaN;
    if (this.#before === undefined) return;
    // A flow that was not there has counted all since.
    let [then, bytesThen, packetsThen] = [this.#beganBefore, 0, 0];
    if (slot >= 0) {
      then = this.#before.times[slot] ?? Number.NaN;
      bytesThen = this.#before.bytes[slot] ?? Number.NaN;
      packetsThen = this.#before.packets[slot] ?? Number.NaN;
      // The counters were set to 0, or a newer flow has the tuple.
      if (bytes < bytesThen || packets < packetsThen) [bytesThen, packetsThen] = [0, 0];
    }
    if (time - then < SHORTEST_MS) return;
    this.#byteRate = (1000 * (bytes - bytesThen)) / (time - then);
    this.#packetRate = (1000 * (packets - packetsThen)) / (time - then);
  }

  #sumOf(source: string): Sum | undefined {
    const known = this.#sources.get(source);
    if (known !== undefined || this.#sources.size === MOST_SOURCES) return known;
    const sum = { flows: 0, bytes: Number.NaN, packets: Number.NaN };
    this.#sources.set(source, sum);
    return sum;
  }

  #sum(sum: Sum): void {
    sum.flows++;
    sum.bytes = plus(sum.bytes, this.#byteRate);
    sum.packets = plus(sum.packets, this.#packetRate);
  }
}

/** What is not known adds nothing; two of it stay unknown. */
const plus = (sum: number, one: number) =>
  Number.isNaN(one) ? sum : Number.isNaN(sum) ? one : sum + one;

const orNull = (value: number) => (Number.isNaN(value) ? null : value);

const talker = ([source, { flows, bytes, packets }]: readonly [string, Sum]): Talker => ({
  source,
  flows,
  bytesPerSecond: orNull(bytes),
  packetsPerSecond: orNull(packets),
});

/** `tcp ESTABLISHED`; of a protocol without states, whether it was answered. */
function stateOf(entry: Entry): string {
  const protocol = entry.protocol === 'other' ? `protocol ${entry.protocolNumber}` : entry.protocol;
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  if (state !== undefined) return `${protocol} ${state}`;
  const { seenReply, assured } = entry.status;
  return `${protocol} ${assured ? 'assured' : seenReply ? 'replied' : 'unreplied'}`;
}
