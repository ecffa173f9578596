/**
 * An event stream that is open from the beginning to the end, and its sums.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConntrackEvent, type EventStream, type WatchOptions, watchEvents } from 'conntrack';

export interface ListenerOptions extends WatchOptions {
  /** Milliseconds between two batches: a loop that does not keep up. */
  readonly pause?: number;
  readonly watch?: (options: WatchOptions) => EventStream;
  readonly visit?: (event: ConntrackEvent) => void;
}

export class Listener {
  readonly stream: EventStream;
  readonly seen: Record<string, number> = {};
  lost = 0;
  readonly #ended: Promise<void>;

  constructor(
    readonly name: string,
    { pause = 0, watch = watchEvents, visit = () => undefined, ...options }: ListenerOptions = {},
  ) {
    this.stream = watch(options);
    this.#ended = this.#read(pause, visit);
  }

  /** Events that arrived, or are known to be missing. */
  get accounted(): number {
    const { received, lostInKernel } = this.stream.counters;
    return received + lostInKernel;
  }

  count(type: ConntrackEvent['type']): number {
    return this.seen[type] ?? 0;
  }

  /** What is wrong with its sums, once the loop has all of the stream. */
  problem(): string | undefined {
    const { received, delivered, lostInKernel, lostInQueue, malformed } = this.stream.counters;
    const sums = JSON.stringify({ ...this.stream.counters, reported: this.lost, seen: this.seen });
    if (received !== delivered + lostInQueue) return `${this.name}: received: ${sums}`;
    if (this.lost !== lostInKernel + lostInQueue) return `${this.name}: lost: ${sums}`;
    return malformed === 0 ? undefined : `${this.name}: malformed: ${sums}`;
  }

  async close(): Promise<void> {
    await this.stream.close();
    await this.#ended;
  }

  async #read(pause: number, visit: (event: ConntrackEvent) => void): Promise<void> {
    for await (const batch of this.stream.batches()) {
      for (const event of batch) {
        this.seen[event.type] = (this.seen[event.type] ?? 0) + 1;
        if (event.type === 'lost') this.lost += event.count;
        visit(event);
      }
      if (pause > 0) await sleep(pause);
    }
  }
}
