/**
 * The batches of an event stream, one at a time, for who waits for something else as well.
 */
import type { ConntrackEvent } from '../event/event.js';

export class Arrivals {
  private readonly batches: AsyncIterator<ConntrackEvent[], undefined>;
  private asked: Promise<void> | undefined;
  private answer: IteratorResult<ConntrackEvent[], undefined> | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(batches: AsyncIterator<ConntrackEvent[], undefined>) {
    this.batches = batches;
  }

  /** The stream has ended. */
  get haveEnded(): boolean {
    return this.failure !== undefined || this.answer?.done === true;
  }

  /** Asks for the next batch: the one before has been processed. Resolves when it has come. */
  async come(): Promise<void> {
    this.asked ??= this.ask();
    await this.asked;
  }

  /** Takes the batch that has come; `undefined`: none has. */
  take(): IteratorResult<ConntrackEvent[], undefined> | undefined {
    const { answer, failure } = this;
    if (failure !== undefined) throw failure.error;
    if (answer === undefined) return undefined;
    if (answer.done !== true) {
      this.answer = undefined;
      this.asked = undefined;
    }
    return answer;
  }

  private async ask(): Promise<void> {
    try {
      this.answer = await this.batches.next();
    } catch (error) {
      this.failure = { error };
    }
  }
}
