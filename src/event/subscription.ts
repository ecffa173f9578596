/**
 * Turns the records of the native reader into events. Every way to end a stream meets here.
 */

import { followSignal, throwIfAborted, unfollowSignal } from '../core/abort.js';
import { type End, Ending } from '../core/ending.js';
import { closedError } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import { afterTurn } from '../core/loop-turn.js';
import type {
  NativeEventCounters,
  NativeEventReader,
  NetNamespaceArgument,
} from '../core/native.js';
import { note } from '../core/trace.js';
import { errorOfWatchFailure } from './errors.js';
import type { ConntrackEvent } from './event.js';
import { Marks } from './marks.js';
import { lossTracer } from './trace.js';
import { eventsOf } from './view.js';

export interface SubscriptionOptions {
  /** Bit n - 1 stands for multicast group n. */
  groups: number;
  receiveBufferBytes: number;
  queueBytes: number;
  maxDelay: number;
  reliableDestroy: boolean;
  allNamespaces: boolean;
  /** Filter records. `undefined`: every event. */
  filter: ArrayBuffer | undefined;
  signal: AbortSignal | undefined;
  netns: NetNamespaceArgument;
}

export class EventSubscription {
  private readonly operation: string;
  private readonly allNamespaces: boolean;
  private readonly signal: AbortSignal | undefined;
  private readonly reader: NativeEventReader;
  private readonly ending = new Ending();
  private readonly marks = new Marks();

  /** Subscribes, or throws. */
  constructor(operation: string, options: SubscriptionOptions) {
    const { groups, receiveBufferBytes, queueBytes, maxDelay } = options;
    const { reliableDestroy, allNamespaces, filter, signal, netns } = options;
    if (signal !== undefined) throwIfAborted(signal);
    this.operation = operation;
    this.allNamespaces = allNamespaces;
    this.signal = signal;
    const { EventReader } = loadAddon();
    this.reader = new EventReader({
      groups,
      receiveBufferBytes,
      queueBytes,
      maxDelay,
      reliableDestroy,
      allNamespaces,
      filter,
      netns,
    });
    const { failure } = this.reader;
    if (failure !== undefined) throw errorOfWatchFailure(operation, failure, allNamespaces);
    if (signal !== undefined) followSignal(signal, this);
    note(operation, () => {
      const granted = `${this.reader.receiveBufferBytes} of ${receiveBufferBytes} bytes`;
      return `subscribed to groups 0x${groups.toString(16)}, receive buffer: ${granted} granted`;
    });
  }

  get receiveBufferBytes(): number {
    return this.reader.receiveBufferBytes;
  }

  get counters(): NativeEventCounters {
    return this.reader.counters();
  }

  /** Whether the stream was ended from outside, or failed. */
  get interrupted(): boolean {
    return this.ending.hasEnded();
  }

  /** The next events, `undefined` once the stream has ended. Not while it is pending. */
  async read(): Promise<ConntrackEvent[] | undefined> {
    this.marks.processed();
    while (!this.ending.hasEnded()) {
      const slabs = await afterTurn(this.reader.next());
      if (slabs === undefined || this.ending.hasEnded()) break;
      const { failure } = this.reader;
      if (failure !== undefined) {
        this.stop({ error: errorOfWatchFailure(this.operation, failure, this.allNamespaces) });
        break;
      }
      const events = eventsOf(slabs, (mark) => {
        this.marks.pass(mark);
      });
      if (events.length > 0) return this.traced(events);
      // Marks alone: what was before them has been processed.
      this.marks.processed();
    }
    this.ending.throwError();
    return undefined;
  }

  /** Resolves when whoever reads has processed the events that the kernel sent before. */
  async caughtUp(): Promise<void> {
    if (this.interrupted) throw closedError(this.operation, 'stream');
    return this.marks.wait(this.reader.mark());
  }

  /** The signal aborted: read() then fails with its reason. */
  abort(reason: unknown): void {
    this.stop({ error: reason });
  }

  /** Ends the stream; read() then answers `undefined`. */
  close(): void {
    this.stop('complete');
  }

  private traced(events: ConntrackEvent[]): ConntrackEvent[] {
    if (!lossTracer.isRead) return events;
    const { operation } = this;
    for (const event of events) {
      if (event.type !== 'lost') continue;
      lossTracer.write({ operation, cause: event.cause, count: event.count });
    }
    return events;
  }

  private stop(end: End): void {
    if (this.ending.hasEnded()) return;
    this.ending.set(end);
    if (this.signal !== undefined) unfollowSignal(this.signal, this);
    this.reader.close();
    this.marks.end(this.ending.error ?? closedError(this.operation, 'stream'));
  }
}
