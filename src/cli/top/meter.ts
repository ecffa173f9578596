/**
 * Measures flows: their counters now, against those of the reading before.
 */
import type { Entry } from '../../index.js';
import type { FlowCounters } from './flow-counters.js';
import type { Measures } from './picture.js';

/** The shortest time between two readings that makes a rate. */
const SHORTEST_MS = 200;

export class Meter implements Measures {
  // Of the flow that was measured last.
  bytes = Number.NaN;
  packets = Number.NaN;
  byteRate = Number.NaN;
  packetRate = Number.NaN;
  /** Counts the flows without counters, and those with counters but without a rate. */
  uncounted = 0;
  unmeasured = 0;
  readonly #before: FlowCounters | undefined;
  readonly #now: FlowCounters | undefined;
  readonly #isWhole: boolean;

  /**
   * @param now Records this reading. Without it the meter repeats the rates of the reading before,
   *   which ended a moment ago.
   */
  constructor(before: FlowCounters | undefined, now: FlowCounters | undefined, isWhole: boolean) {
    this.#before = before;
    this.#now = now;
    this.#isWhole = isWhole;
  }

  /** @param time When the flow was read, on the clock of `performance`. */
  measure(entry: Entry, time: number): void {
    this.bytes = Number.NaN;
    this.packets = Number.NaN;
    this.byteRate = Number.NaN;
    this.packetRate = Number.NaN;
    const { counters } = entry;
    if (counters === undefined) {
      this.uncounted++;
      return;
    }
    const { original, reply } = counters;
    this.bytes = original.bytes + reply.bytes;
    this.packets = original.packets + reply.packets;
    const { id } = entry;
    const check = checkOf(entry);
    const slot = this.#before?.find(id, check) ?? -1;
    if (this.#now === undefined) this.#recall(slot);
    else this.#compare(entry, slot, time);
    if (Number.isNaN(this.byteRate)) this.unmeasured++;
    if (this.#now !== undefined) this.#record(this.#now, id, check, time);
  }

  #recall(slot: number): void {
    if (this.#before === undefined || slot < 0) return;
    this.byteRate = this.#before.byteRates[slot] as number;
    this.packetRate = this.#before.packetRates[slot] as number;
  }

  #compare(entry: Entry, slot: number, time: number): void {
    const before = this.#before;
    if (before === undefined) return;
    let since = 0;
    let bytes = 0;
    let packets = 0;
    if (slot >= 0) {
      since = before.began + (before.times[slot] as number);
      bytes = before.bytes[slot] as number;
      packets = before.packets[slot] as number;
      // Fewer: counters that were set to 0, or a newer flow on the same tuple.
      if (this.bytes < bytes || this.packets < packets) [bytes, packets] = [0, 0];
    } else if (hasBegunSince(entry, before, this.#isWhole)) {
      since = before.began;
    } else {
      return;
    }
    const milliseconds = time - since;
    if (milliseconds < SHORTEST_MS) return;
    this.byteRate = ((this.bytes - bytes) * 1000) / milliseconds;
    this.packetRate = ((this.packets - packets) * 1000) / milliseconds;
  }

  #record(now: FlowCounters, id: number, check: number, time: number): void {
    const slot = now.add(id, check);
    if (slot === undefined) {
      // Neither of the two has a rate next time.
      now.forget(now.find(id, check));
      return;
    }
    now.bytes[slot] = this.bytes;
    now.packets[slot] = this.packets;
    now.times[slot] = time - now.began;
    now.byteRates[slot] = this.byteRate;
    now.packetRates[slot] = this.packetRate;
  }
}

/** Of flows of one id; never 0. */
function checkOf(entry: Entry): number {
  const { sourcePort = 0, destinationPort = 0 } = entry.original;
  const ports = (sourcePort << 16) | destinationPort;
  return (Math.imul(ports, 0x85ebca6b) ^ (entry.protocolNumber + 1)) >>> 0 || 1;
}

/** Whether all that a flow has counted came since the reading before, which has not seen it. */
function hasBegunSince(entry: Entry, before: FlowCounters, isWhole: boolean): boolean {
  const { startTimeNs } = entry;
  if (startTimeNs !== undefined) return Number(startTimeNs / 1_000_000n) >= before.beganAt;
  // With a filter it may have been there, and not have matched.
  return before.isWhole && isWhole;
}
