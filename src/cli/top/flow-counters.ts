/**
 * Holds the counters of many flows as a reading has found them: 36 bytes per slot, and no object per
 * flow.
 */

/** Slots per flow: a search takes one or two steps. */
const SLOTS_A_FLOW = 1.4;
const FEWEST = 1024;

export class FlowCounters {
  /** Of the reading: on the clock of `performance`, and of the machine. */
  readonly began: number;
  readonly beganAt: number;
  /** The reading has seen every flow, and not those of a filter alone. */
  readonly isWhole: boolean;
  bytes: Float64Array;
  packets: Float64Array;
  /** When the flow was read, in milliseconds behind `began`. */
  times: Float32Array;
  /** Per second; NaN: not known. */
  byteRates: Float32Array;
  packetRates: Float32Array;
  #ids: Uint32Array;
  /** These distinguish flows of the same id; 0: the slot is free. */
  #checks: Uint32Array;
  #used = 0;

  /** @param flows How many are expected. */
  constructor(flows: number, isWhole: boolean) {
    const slots = Math.max(FEWEST, Math.ceil(flows * SLOTS_A_FLOW));
    this.began = performance.now();
    this.beganAt = Date.now();
    this.isWhole = isWhole;
    this.bytes = new Float64Array(slots);
    this.packets = new Float64Array(slots);
    this.times = new Float32Array(slots);
    this.byteRates = new Float32Array(slots);
    this.packetRates = new Float32Array(slots);
    this.#ids = new Uint32Array(slots);
    this.#checks = new Uint32Array(slots);
  }

  /** The slot of a flow, or -1. */
  find(id: number, check: number): number {
    const slot = this.#slotOf(id, check);
    return this.#checks[slot] === 0 ? -1 : slot;
  }

  /** A slot for a flow; `undefined` if it has one, for then two flows cannot be told apart. */
  add(id: number, check: number): number | undefined {
    if (this.#used >= this.#checks.length * 0.85) this.#grow();
    const slot = this.#slotOf(id, check);
    if (this.#checks[slot] !== 0) return undefined;
    this.#ids[slot] = id;
    this.#checks[slot] = check;
    this.#used++;
    return slot;
  }

  /** Nothing is known of the flow in a slot. */
  forget(slot: number): void {
    this.bytes[slot] = Number.NaN;
    this.packets[slot] = Number.NaN;
    this.byteRates[slot] = Number.NaN;
    this.packetRates[slot] = Number.NaN;
  }

  #slotOf(id: number, check: number): number {
    const ids = this.#ids;
    const checks = this.#checks;
    const slots = checks.length;
    // The kernel's ids are hashes already, but those before Linux 5.2 are addresses.
    let slot = Math.floor(((Math.imul(id ^ check, 0x9e3779b1) >>> 0) / 0x1_0000_0000) * slots);
    while (checks[slot] !== 0 && (ids[slot] !== id || checks[slot] !== check)) {
      slot++;
      if (slot === slots) slot = 0;
    }
    return slot;
  }

  #grow(): void {
    const ids = this.#ids;
    const checks = this.#checks;
    const { bytes, packets, times, byteRates, packetRates } = this;
    const slots = Math.ceil(checks.length * 1.6);
    this.#ids = new Uint32Array(slots);
    this.#checks = new Uint32Array(slots);
    this.bytes = new Float64Array(slots);
    this.packets = new Float64Array(slots);
    this.times = new Float32Array(slots);
    this.byteRates = new Float32Array(slots);
    this.packetRates = new Float32Array(slots);
    checks.forEach((check, from) => {
      if (check === 0) return;
      const id = ids[from] as number;
      const to = this.#slotOf(id, check);
      this.#ids[to] = id;
      this.#checks[to] = check;
      this.bytes[to] = bytes[from] as number;
      this.packets[to] = packets[from] as number;
      this.times[to] = times[from] as number;
      this.byteRates[to] = byteRates[from] as number;
      this.packetRates[to] = packetRates[from] as number;
    });
  }
}
