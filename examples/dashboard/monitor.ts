/**
 * Samples the pressure all the time; reads the table and diagnoses it only while somebody looks,
 * for that costs the more the larger the table is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Conntrack, Finding, PressureSample } from 'conntrack';
import { History } from './history.js';
import { type Survey, Surveyor } from './survey.js';

/** The page marks these shares, at which the level changes. */
export const THRESHOLDS = { elevatedAt: 0.7, criticalAt: 0.85 } as const;

/** With a sample every two seconds, an hour. */
export const KEPT_SAMPLES = 1800;
/** Readings of the table, and diagnoses, take a tenth of the time at most. */
const REST = 9;
const DIAGNOSIS_EVERY_MS = 30_000;
/** A diagnosis waits so long, to see which counters move. */
const DIAGNOSIS_WAITS_MS = 500;
/** Before the table is read again that could not be read. */
const FAILED_REST_MS = 10_000;
/** Reading goes on for so long after the last page was closed: it may be reloaded. */
const LINGER_MS = 30_000;

export type Table = Pick<Conntrack, 'readPressure' | 'streamEntries' | 'diagnose'>;

/** A value, or the reason why it is missing. */
export type Outcome<Value> =
  | { readonly value: Value; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/** Everything that the page shows, but the plots. */
export interface Moment {
  /** When the pressure was read, or could not be, in milliseconds since 1970. */
  readonly time: number;
  /** `null`: it is not there yet. */
  readonly pressure: Outcome<PressureSample> | null;
  readonly survey: Outcome<Survey> | null;
  readonly diagnosis: Outcome<Diagnosis> | null;
  /** Notes for the reader of the numbers. */
  readonly notice: string | null;
}

interface Diagnosis {
  /** In milliseconds since 1970. */
  readonly time: number;
  readonly findings: readonly Finding[];
}

const LOAD = ['time', 'entries', 'maxEntries', 'dropped', 'earlyDropped', 'insertFailed'] as const;
const FLOWS = ['time', 'began', 'ended'] as const;

export interface Monitoring {
  readonly table: Table;
  readonly intervalMs: number;
  /** Returns whether a page is open. */
  readonly isWatched: () => boolean;
  /** Something of `moment` has changed. */
  readonly show: () => void;
  readonly notice?: () => string | null;
}

export class Monitor {
  readonly load = new History(LOAD, KEPT_SAMPLES);
  readonly flows = new History(FLOWS, KEPT_SAMPLES);
  readonly #monitoring: Monitoring;
  readonly #surveyor: Surveyor;
  #time = Date.now();
  #pressure: Moment['pressure'] = null;
  #survey: Moment['survey'] = null;
  #diagnosis: Moment['diagnosis'] = null;
  /** The last sample that could be read. */
  #previous: PressureSample | undefined;
  #watchedAt = Number.NEGATIVE_INFINITY;
  #wake: () => void = () => undefined;

  constructor(monitoring: Monitoring) {
    this.#monitoring = monitoring;
    this.#surveyor = new Surveyor(monitoring.table);
  }

  get moment(): Moment {
    return {
      time: this.#time,
      pressure: this.#pressure,
      survey: this.#survey,
      diagnosis: this.#diagnosis,
      notice: this.#monitoring.notice?.() ?? null,
    };
  }

  /** Somebody has begun to look. */
  wake(): void {
    this.#wake();
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => {
      this.#wake();
    };
    signal.addEventListener('abort', wake, { once: true });
    await Promise.all([this.#sampleAlways(signal), this.#readWhileWatched(signal)]);
  }

  async #sampleAlways(signal: AbortSignal): Promise<void> {
    const { intervalMs, show } = this.#monitoring;
    for (let due = performance.now(); !signal.aborted; ) {
      this.#pressure = await outcomeOf(() => this.#sample());
      this.#time = Date.now();
      this.#keep(this.#pressure.value);
      show();
      due = Math.max(due + intervalMs, performance.now());
      await pause(due - performance.now(), signal);
    }
  }

  async #sample(): Promise<PressureSample> {
    const previous = this.#previous;
    this.#previous = await this.#monitoring.table.readPressure({ ...THRESHOLDS, previous });
    return this.#previous;
  }

  #keep(sample: PressureSample | undefined): void {
    this.load.add({
      time: this.#time / 1000,
      entries: sample?.entries ?? null,
      maxEntries: sample?.maxEntries ?? null,
      dropped: sample?.dropped?.perSecond ?? null,
      earlyDropped: sample?.earlyDropped?.perSecond ?? null,
      insertFailed: sample?.insertFailed?.perSecond ?? null,
    });
  }

  async #readWhileWatched(signal: AbortSignal): Promise<void> {
    const { intervalMs } = this.#monitoring;
    const isOver = () => signal.aborted;
    let diagnoseAt = 0;
    while (!isOver()) {
      if (!this.#isWatched()) {
        this.#forget();
        diagnoseAt = 0;
        await this.#untilWatched();
        continue;
      }
      const began = performance.now();
      const reading = await this.#read(signal);
      let rest =
        reading.problem === undefined ? REST * (performance.now() - began) : FAILED_REST_MS;
      if (performance.now() >= diagnoseAt && !isOver()) {
        rest += REST * (await this.#diagnose());
        diagnoseAt = performance.now() + DIAGNOSIS_EVERY_MS;
      }
      const ended = performance.now();
      await pause(Math.max(began + intervalMs, ended + rest) - ended, signal);
    }
  }

  async #read(signal: AbortSignal): Promise<Outcome<Survey>> {
    const expected = this.#previous?.entries ?? 0;
    const survey = await outcomeOf(() => this.#surveyor.survey(expected, signal));
    if (survey.value === undefined) this.#surveyor.forget();
    this.#survey = survey;
    this.flows.add({
      time: (survey.value?.time ?? Date.now()) / 1000,
      began: survey.value?.began ?? null,
      ended: survey.value?.ended ?? null,
    });
    this.#monitoring.show();
    return survey;
  }

  /** Returns for how many milliseconds it read. */
  async #diagnose(): Promise<number> {
    const began = performance.now();
    this.#diagnosis = await outcomeOf(async () => {
      const findings = await this.#monitoring.table.diagnose();
      return { time: Date.now(), findings };
    });
    this.#monitoring.show();
    return Math.max(0, performance.now() - began - DIAGNOSIS_WAITS_MS);
  }

  #isWatched(): boolean {
    const now = performance.now();
    if (this.#monitoring.isWatched()) this.#watchedAt = now;
    return now - this.#watchedAt < LINGER_MS;
  }

  /** Nobody looks: what was read would pass for new later. */
  #forget(): void {
    this.#surveyor.forget();
    if (this.#survey !== null)
      this.flows.add({ time: Date.now() / 1000, began: null, ended: null });
    this.#survey = null;
    this.#diagnosis = null;
  }

  #untilWatched(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

async function outcomeOf<Value>(work: () => Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Ends early when the signal is aborted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(0, milliseconds), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
