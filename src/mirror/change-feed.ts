/**
 * Makes changes of what becomes of flows, for the streams that somebody reads.
 */
import type { End } from '../core/ending.js';
import type { Entry } from '../entry/entry.js';
import type { MirrorChange } from './change.js';
import { ChangeQueue } from './change-stream.js';

/** The number of changes that the streams get at a time. */
const MOST = 1024;

export class ChangeFeed {
  /** Streams may be dropped; one that somebody waits for is not. */
  private readonly queues = new Set<WeakRef<ChangeQueue>>();
  private readonly awaited = new Set<ChangeQueue>();
  private changes: MirrorChange[] = [];
  /** Whether a reading of the table makes the changes, and no event. */
  synthetic = true;

  /** Whether anybody reads. */
  get isRead(): boolean {
    return this.queues.size > 0;
  }

  subscribe(signal: AbortSignal | undefined): ChangeQueue {
    this.flush();
    const queue: ChangeQueue = new ChangeQueue(signal, (isReading) => {
      if (isReading) this.awaited.add(queue);
      else this.awaited.delete(queue);
    });
    this.queues.add(new WeakRef(queue));
    return queue;
  }

  added(after: Entry): void {
    this.put({ type: 'added', synthetic: this.synthetic, after });
  }

  changed(before: Entry, after: Entry): void {
    this.put({ type: 'changed', synthetic: this.synthetic, before, after });
  }

  removed(before: Entry, final: Entry | undefined): void {
    const { synthetic } = this;
    this.put({ type: 'removed', synthetic, before, ...(final !== undefined && { final }) });
  }

  lost(cause: 'kernel' | 'queue', count: number): void {
    if (this.isRead) this.put({ type: 'lost', cause, count });
  }

  /** Gives the changes to the streams. */
  flush(): void {
    const { changes } = this;
    if (changes.length === 0) return;
    this.changes = [];
    this.forEach((queue) => {
      queue.put(changes);
    });
  }

  end(end: End): void {
    this.flush();
    this.forEach((queue) => {
      queue.end(end);
    });
    this.queues.clear();
  }

  private put(change: MirrorChange): void {
    if (this.changes.push(change) === MOST) this.flush();
  }

  private forEach(visit: (queue: ChangeQueue) => void): void {
    for (const reference of this.queues) {
      const queue = reference.deref();
      if (queue === undefined || queue.hasEnded) this.queues.delete(reference);
      else visit(queue);
    }
  }
}
