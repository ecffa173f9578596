/**
 * Keeps a table of flows in step with the kernel. Dumps show the flows, and events report what becomes
 * of them. Both come at the same time, from two sockets: nothing says whether an entry of a dump or an
 * event about the same flow is older. Three facts make the table right:
 *
 * - Each change of a flow that sends events is an event. One that is older than what the dump has
 *   shown is followed by those that lead there.
 * - Nothing follows a dump that is older than an event. So what an event has reported while the dump
 *   runs stays, and the dump adds nothing to a flow that began or ended meanwhile.
 * - A flow that neither a whole dump has shown nor an event has reported while it ran does not exist.
 */
import { LIMITS } from '../core/limits.js';
import type { Entry } from '../entry/entry.js';
import type { EntryEventType } from '../event/event.js';
import { FLOW } from './flow-records.js';
import { type FlowTable, recordOf } from './flow-table.js';
import { type FlowRecord, isDying, isOlder, isSameFlow, RECORD_WORDS } from './merge.js';

/** Hears what becomes of the flows. */
export interface FlowListener {
  added(slot: number): void;
  /** `change` changes what is known of it. */
  changed(slot: number, change: () => void): void;
  /** It is still in the table. `last`: the event that told its end, if one did. */
  removed(slot: number, last: FlowRecord | undefined): void;
}

export class Follower {
  /**
   * Flows that a dump and an event, or two events, disagree about: a get decides. The kernel's answer
   * is newer than all events that it had sent when the get was made.
   */
  readonly doubtful = new Set<number>();
  /** When the kernel said what is being taken in. */
  time = 0;
  private readonly table: FlowTable;
  private readonly listener: FlowListener;
  /** The number of the dump that runs, or of the last one. */
  private dump = 0;
  private isDumping = false;
  /** Those that a get was sent for, and whether an event has come since. */
  private readonly asked = new Map<number, boolean>();

  constructor(table: FlowTable, listener: FlowListener) {
    this.table = table;
    this.listener = listener;
  }

  /** Whether no flow is doubtful, and no get under way. */
  get isCertain(): boolean {
    return this.doubtful.size === 0 && this.asked.size === 0;
  }

  /** A dump begins. Events come from before then on, until it has ended. */
  begin(): void {
    this.dump++;
    this.isDumping = true;
    this.table.records.clearAll(FLOW.heard | FLOW.isNew | FLOW.isBare);
  }

  /** The dump has shown an entry, which is added if it is not known and may be. */
  show(entry: Entry, mayAdd = true): void {
    const { table, dump } = this;
    const { records } = table;
    const shown = recordOf(entry);
    const slot = table.findOriginal(shown);
    if (slot === -1) {
      // The kernel sends DESTROY before it takes the entry out of its table (nf_ct_delete): the event
      // may have been taken in before the dump began.
      if (mayAdd && !isDying(shown)) table.noteExpiry(this.add(shown));
      return;
    }
    if (records.has(slot, FLOW.ended | FLOW.isNew)) return;
    records.see(slot, dump, this.time);
    if (records.has(slot, FLOW.isBare)) this.fill(slot, shown);
    else if (records.has(slot, FLOW.heard)) this.doubtful.add(slot);
    else this.replace(slot, shown);
    table.noteExpiry(slot);
  }

  /**
   * The dump has ended. `isWhole`: it has shown all. Yields now and then, when events may come
   * before it goes on.
   */
  *end(isWhole: boolean): Generator<undefined, void> {
    const { records } = this.table;
    this.isDumping = false;
    for (let slot = 0; slot < records.end; slot++) {
      if (slot % LIMITS.flowsInTurn === LIMITS.flowsInTurn - 1) yield;
      if (!records.has(slot, FLOW.taken)) continue;
      if (records.has(slot, FLOW.ended)) this.delete(slot);
      else if (isWhole && records.dump(slot) !== this.dump) this.remove(slot);
    }
  }

  /** An event came. */
  tell(type: EntryEventType, entry: Entry): void {
    const { table } = this;
    const told = recordOf(entry);
    const slot = table.findOriginal(told);
    if (this.asked.has(slot)) this.asked.set(slot, true);
    if (type === 'destroy') this.tellEnd(slot, told);
    else if (slot === -1) this.tellUnknown(type, told);
    else if (table.records.has(slot, FLOW.ended)) this.tellAfterEnd(type, slot, told);
    else this.tellOf(type, slot, told);
  }

  /** Marks the flow as doubtful. */
  doubt(slot: number): void {
    if (!this.asked.has(slot)) this.doubtful.add(slot);
  }

  /** Takes at most `most` doubtful flows. The caller calls `answer` for each. */
  ask(most: number): number[] {
    const slots: number[] = [];
    for (const slot of this.doubtful) {
      if (slots.length === most) break;
      this.doubtful.delete(slot);
      this.asked.set(slot, false);
      slots.push(slot);
    }
    return slots;
  }

  /** What the kernel has on the tuple of the flow. */
  answer(slot: number, entry: Entry | undefined): void {
    const wasTold = this.asked.get(slot);
    this.asked.delete(slot);
    // It has ended meanwhile.
    if (wasTold === undefined) return;
    if (wasTold) this.doubtful.add(slot);
    else if (entry === undefined) this.remove(slot);
    else {
      const { records } = this.table;
      records.see(slot, records.dump(slot), this.time);
      this.replace(slot, recordOf(entry));
      this.table.noteExpiry(slot);
    }
  }

  private tellUnknown(type: 'new' | 'update', told: FlowRecord): void {
    const slot = this.add(told, type === 'new' ? FLOW.isNew : FLOW.isBare);
    // An UPDATE may come behind the DESTROY of its flow, from another processor.
    if (type === 'update') this.doubtful.add(slot);
  }

  private tellAfterEnd(type: 'new' | 'update', slot: number, told: FlowRecord): void {
    if (type === 'update') return;
    this.table.revive(slot, told);
    this.markTold(slot, FLOW.isNew);
    this.listener.added(slot);
  }

  private tellOf(type: 'new' | 'update', slot: number, told: FlowRecord): void {
    const { table } = this;
    if (!isSameFlow(table.record(slot), told)) {
      this.succeed(slot, told, FLOW.isNew);
      if (type === 'update') this.doubtful.add(slot);
      return;
    }
    if (type === 'new') {
      // The dump has shown it before, or the end of another flow with its id was silent or lost.
      this.doubtful.add(slot);
      // Or an UPDATE of another processor came before it, and is newer.
      if (table.records.has(slot, FLOW.speaks)) {
        this.markTold(slot, 0);
        return;
      }
    }
    // Two processors may send their events in the other order: what is older changes nothing.
    if (isOlder(told, table.record(slot))) {
      this.doubtful.add(slot);
      this.markTold(slot, 0);
      return;
    }
    this.listener.changed(slot, () => {
      table.merge(slot, told);
    });
    this.markTold(slot, 0);
  }

  private tellEnd(slot: number, told: FlowRecord): void {
    const { table } = this;
    if (slot === -1) {
      if (this.isDumping) table.addEnded(told);
    } else if (table.records.has(slot, FLOW.ended)) {
      // Of the one before it.
    } else if (isSameFlow(table.record(slot), told)) {
      this.remove(slot, told);
    } else {
      this.doubtful.add(slot);
    }
  }

  private add(record: FlowRecord, flags = 0): number {
    const slot = this.table.add(record);
    this.table.records.see(slot, this.dump, this.time);
    if (flags !== 0) this.markTold(slot, flags);
    this.listener.added(slot);
    return slot;
  }

  private markTold(slot: number, flags: number): void {
    const { records } = this.table;
    records.see(slot, this.dump, this.time);
    records.set(slot, FLOW.speaks | (this.isDumping ? FLOW.heard | flags : 0));
  }

  /** Keeps what the events have reported, and takes the rest from the dump. */
  private fill(slot: number, shown: FlowRecord): void {
    const { table } = this;
    const { words, at, extension } = table.record(slot);
    const told = {
      words: words.slice(at, at + RECORD_WORDS),
      at: 0,
      extension: extension?.slice(),
    };
    this.doubtful.delete(slot);
    if (!isSameFlow(told, shown)) {
      this.doubtful.add(slot);
      return;
    }
    this.listener.changed(slot, () => {
      table.replace(slot, shown);
      table.merge(slot, told);
    });
  }

  private replace(slot: number, shown: FlowRecord): void {
    const { table } = this;
    if (isSameFlow(table.record(slot), shown)) {
      this.listener.changed(slot, () => {
        table.replace(slot, shown);
      });
      return;
    }
    this.succeed(slot, shown, 0);
  }

  /** Another flow has the tuple now. */
  private succeed(slot: number, record: FlowRecord, flags: number): void {
    const { table, dump } = this;
    this.listener.removed(slot, undefined);
    this.doubtful.delete(slot);
    this.asked.delete(slot);
    table.replace(slot, record);
    table.records.clear(slot, ~FLOW.taken);
    table.records.see(slot, dump, this.time);
    if (flags !== 0) this.markTold(slot, flags);
    this.listener.added(slot);
  }

  private remove(slot: number, last?: FlowRecord): void {
    this.listener.removed(slot, last);
    if (this.isDumping) {
      this.table.end(slot);
      this.doubtful.delete(slot);
      this.asked.delete(slot);
    } else {
      this.delete(slot);
    }
  }

  private delete(slot: number): void {
    this.table.delete(slot);
    this.doubtful.delete(slot);
    this.asked.delete(slot);
  }
}
