/**
 * Between two batches of a stream the event loop turns once: a stream that always has
 * the next batch ready would otherwise be read in microtasks alone, and a slow loop body
 * over it would keep timers and I/O waiting for as long as there is more.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

export class LoopTurn {
  private turned: Promise<unknown> | undefined;

  /** A batch is being given. */
  begin(): void {
    this.turned = nextTurn();
  }

  /** Until the loop has turned since the last batch. */
  async wait(): Promise<void> {
    await this.turned;
  }
}
