/**
 * The batches of an event stream, one at a time, for who waits for something else as well.
 */
import type { ConntrackEvent } from '../event/event.js';

export class Arrivals {
  private readonly batches: AsyncIterator<ConntrackEvent[], undefined>;
  private readonly notify: () => void;
  private isAsked = false;
  private answer: IteratorResult<ConntrackEvent[], undefined> | undefined;
  private failure: { readonly error: unknown } | undefined;

  /** `notify` is called when a batch has come, or the stream has ended. */
  constructor(batches: AsyncIterator<ConntrackEvent[], undefined>, notify: () => void) {
    this.batches = batches;
    this.notify = notify;
  }

  /** The stream has ended. */
  get haveEnded(): boolean {
    return this.failure !== undefined || this.answer?.done === true;
  }

  /** There is something to take. */
  get haveCome(): boolean {
    return this.failure !== undefined || this.answer !== undefined;
  }

  /** Asks for the next batch: the one before has been processed. */
  ask(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    void this.receive();
  }

  /** Takes the batch that has come; `undefined`: none has. */
  take(): IteratorResult<ConntrackEvent[], undefined> | undefined {
    const { answer, failure } = this;
    if (failure !== undefined) throw failure.error;
    if (answer === undefined) return undefined;
    if (answer.done !== true) {
      this.answer = undefined;
      this.isAsked = false;
    }
    return answer;
  }

  private async receive(): Promise<void> {
    try {
      this.answer = await this.batches.next();
    } catch (error) {
      this.failure = { error };
    }
    this.notify();
  }
}
