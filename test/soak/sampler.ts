/**
 * What is measured each second.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { processState } from './process-state.js';

/** Numbers of one moment. `events`, `lost`, `requests` and `errors` are sums since the beginning. */
export interface Sample {
  readonly second: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Of the event loop, in milliseconds, in the second before. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** Seconds of a processor, of all threads, since the beginning. */
  readonly cpu: number;
  readonly events: number;
  readonly lost: number;
  readonly foreign: number;
  readonly requests: number;
  readonly entries: number;
  readonly mirrored: number;
  readonly errors: Readonly<Record<string, number>>;
}

/** What the activities know. */
export type Sums = Pick<
  Sample,
  'events' | 'lost' | 'foreign' | 'requests' | 'entries' | 'mirrored' | 'errors'
>;

export class Sampler {
  readonly samples: Sample[] = [];
  readonly #began = performance.now();
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: 5 });
  readonly #sums: () => Sums;
  readonly #timer: NodeJS.Timeout;

  constructor(sums: () => Sums) {
    this.#sums = sums;
    this.#delays.enable();
    this.#timer = setInterval(() => {
      this.#take();
    }, 1000);
  }

  get second(): number {
    return (performance.now() - this.#began) / 1000;
  }

  stop(): void {
    this.#take();
    clearInterval(this.#timer);
    this.#delays.disable();
  }

  #take(): void {
    const { descriptors, threads } = processState();
    const { user, system } = process.cpuUsage();
    this.samples.push({
      second: this.second,
      ...process.memoryUsage(),
      descriptors: descriptors.length,
      threads: threads.length,
      delayP99: this.#delays.percentile(99) / 1e6,
      delayMax: this.#delays.max / 1e6,
      cpu: (user + system) / 1e6,
      ...this.#sums(),
    });
    this.#delays.reset();
  }
}
