/**
 * Feeds a follower from the public streams: subscribe, dump, replay; and again after a loss.
 */
import { setImmediate } from 'node:timers/promises';
import type { Conntrack } from '../conntrack.js';
import type { EntryKey } from '../entry/key.js';
import type { ConntrackEvent } from '../event/event.js';
import type { EventStream } from '../event/stream.js';
import type { Follower } from './follower.js';

/** Gets of doubtful flows that are under way at a time. */
const ASKED_AT_ONCE = 512;

export class TableSync {
  private readonly table: Conntrack;
  private readonly follower: Follower;
  /** The key of a slot's flow. */
  private readonly keyOf: (slot: number) => EntryKey;
  private readonly events: EventStream;
  private readonly following: Promise<void>;
  private isStale = true;
  private wake: () => void = () => undefined;
  /** Dumps that have ended. */
  dumps = 0;

  constructor(
    table: Conntrack,
    follower: Follower,
    keyOf: (slot: number) => EntryKey,
    receiveBufferBytes?: number,
  ) {
    this.table = table;
    this.follower = follower;
    this.keyOf = keyOf;
    this.events = table.watchEvents({ receiveBufferBytes });
    this.following = this.follow();
  }

  /** Dumps until nothing is missing, and all that was told before has been taken in. */
  async settle(): Promise<void> {
    while (this.isStale) await this.dump();
    const { received } = this.events.counters;
    while (this.events.counters.delivered + this.events.counters.lostInQueue < received) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    while (this.follower.doubtful.size > 0) await this.ask();
  }

  async close(): Promise<void> {
    await this.events.close();
    await this.following;
  }

  private async follow(): Promise<void> {
    for await (const events of this.events.batches()) {
      for (const event of events) this.take(event);
      this.wake();
    }
  }

  private take(event: ConntrackEvent): void {
    switch (event.type) {
      case 'new':
      case 'update':
      case 'destroy':
        this.follower.tell(event.type, event.entry);
        break;
      case 'lost':
        this.isStale = true;
        break;
      default:
        break;
    }
  }

  private async dump(): Promise<void> {
    this.isStale = false;
    const { follower } = this;
    follower.begin();
    for await (const entries of this.table.streamEntries().batches()) {
      for (const entry of entries) follower.show(entry);
    }
    for (const _ of follower.end(true)) await setImmediate();
    this.dumps++;
  }

  private async ask(): Promise<void> {
    const slots = this.follower.ask(ASKED_AT_ONCE);
    const found = await this.table.getEntries(slots.map(this.keyOf));
    for (const [index, slot] of slots.entries()) {
      this.follower.answer(slot, found[index]);
    }
  }
}
