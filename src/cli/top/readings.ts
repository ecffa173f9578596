/**
 * Reads the table when it is time, and at once when a key has changed the question.
 */
import type { Picture } from './picture.js';
import type { Question, Surveyor } from './survey.js';

/** Readings take at most a quarter of the time, however large the table is. */
const REST = 3;

/**
 * Returns when the next measurement is due, on the clock of `performance`.
 *
 * @param began When the last one began.
 * @param took Seconds that the last reading took.
 */
export function dueAfter(began: number, took: number, intervalMs: number): number {
  return began + Math.max(intervalMs, took * 1000 * (1 + REST));
}

/** Asks, and takes the answers. */
export interface Asker {
  readonly intervalMs: number;
  question(): Pick<Question, 'wanted' | 'filters' | 'expected'>;
  isPaused(): boolean;
  show(picture: Picture, isMeasured: boolean): Promise<void>;
}

export class Readings {
  readonly #surveyor: Surveyor;
  readonly #asker: Asker;
  #reading = new AbortController();
  #wake: () => void = () => undefined;
  /** Seconds that the last one took. */
  #took = 0;

  constructor(surveyor: Surveyor, asker: Asker) {
    this.#surveyor = surveyor;
    this.#asker = asker;
  }

  /** Ends the reading that is under way, and begins the next one. */
  askAgain(): void {
    this.#reading.abort();
    this.#wake();
  }

  /** After a pause. */
  goOn(): void {
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    let isMeasured = true;
    while (!signal.aborted) {
      const reading = new AbortController();
      this.#reading = reading;
      const picture = await this.#read(isMeasured, reading.signal, signal);
      if (picture !== undefined) {
        this.#took = picture.took;
        await this.#asker.show(picture, isMeasured);
        await this.#untilDue(reading.signal, signal);
      }
      isMeasured = this.#isDue();
    }
  }

  /** `undefined`: a key has asked for another one. */
  async #read(
    isMeasured: boolean,
    reading: AbortSignal,
    ending: AbortSignal,
  ): Promise<Picture | undefined> {
    const signal = AbortSignal.any([reading, ending]);
    try {
      return await this.#surveyor.survey({ ...this.#asker.question(), isMeasured, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      return undefined;
    }
  }

  #dueAt(): number {
    return dueAfter(this.#surveyor.measuredAt ?? 0, this.#took, this.#asker.intervalMs);
  }

  /** Whether the next reading measures; another one is for a key alone. */
  #isDue(): boolean {
    // A timer of Node.js may be a millisecond early.
    return !this.#asker.isPaused() && performance.now() >= this.#dueAt() - 1;
  }

  async #untilDue(reading: AbortSignal, ending: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      if (reading.aborted || ending.aborted) {
        resolve();
        return;
      }
      const timer = setTimeout(
        () => {
          if (!this.#asker.isPaused()) resolve();
        },
        // A timer leaves out the part of a millisecond.
        Math.max(0, Math.ceil(this.#dueAt() - performance.now())),
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
