/**
 * Remembers which flows a reading has found, and what they had counted: 32 bytes a slot, and no
 * object a flow.
 */
import type { Entry } from 'conntrack';

/** Slots per flow: a search takes a step or two. */
const SLOTS_A_FLOW = 1.5;
const FULL = 0.85;
const FEWEST = 1024;

export class FlowCounters {
  /** How many flows it has. */
  size = 0;
  /** NaN: the flow has no counters. */
  bytes: Float64Array;
  packets: Float64Array;
  /** When the flow was read, in milliseconds on the clock of `performance`. */
  times: Float64Array;
  #ids: Uint32Array;
  /** Tells flows of one id apart; 0: the slot is free. */
  #checks: Uint32Array;

  /** @param flows How many are expected. */
  constructor(flows: number) {
    const slots = Math.max(FEWEST, Math.ceil(flows * SLOTS_A_FLOW));
    this.bytes = new Float64Array(slots);
    this.packets = new Float64Array(slots);
    this.times = new Float64Array(slots);
    this.#ids = new Uint32Array(slots);
    this.#checks = new Uint32Array(slots);
  }

  /** The slot of a flow; -1: it was not found. */
  find(id: number, check: number): number {
    const slot = this.#slotOf(id, check);
    return this.#checks[slot] === 0 ? -1 : slot;
  }

  /** Returns false if the flow is there already: a reading of a changing table may repeat one. */
  add(id: number, check: number, bytes: number, packets: number, time: number): boolean {
    if (this.size >= this.#checks.length * FULL) this.#grow();
    const slot = this.#slotOf(id, check);
    if (this.#checks[slot] !== 0) return false;
    this.#ids[slot] = id;
    this.#checks[slot] = check;
    this.bytes[slot] = bytes;
    this.packets[slot] = packets;
    this.times[slot] = time;
    this.size++;
    return true;
  }

  #slotOf(id: number, check: number): number {
    const slots = this.#checks.length;
    let slot = Math.floor(((Math.imul(id ^ check, 0x9e3779b1) >>> 0) / 2 ** 32) * slots);
    while (this.#checks[slot] !== 0 && (this.#ids[slot] !== id || this.#checks[slot] !== check)) {
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
    return slot;
  }

  #grow(): void {
    const larger = new FlowCounters(this.#checks.length * FULL * 2);
    this.#checks.forEach((check, slot) => {
      if (check === 0) return;
      const { bytes, packets, times } = this;
      larger.add(
        this.#ids[slot] ?? 0,
        check,
        bytes[slot] ?? Number.NaN,
        packets[slot] ?? Number.NaN,
        times[slot] ?? Number.NaN,
      );
    });
    this.bytes = larger.bytes;
    this.packets = larger.packets;
    this.times = larger.times;
    this.#ids = larger.#ids;
    this.#checks = larger.#checks;
  }
}

/** Of flows with one id; never 0. */
export function checkOf({ original, protocolNumber }: Entry): number {
  const { sourcePort = 0, destinationPort = 0 } = original;
  const ports = (sourcePort << 16) | destinationPort;
  return (Math.imul(ports, 0x85ebca6b) ^ (protocolNumber + 1)) >>> 0 || 1;
}
