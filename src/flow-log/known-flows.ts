/**
 * The open flows that readings of the table have shown, and what records have reported of them.
 *
 * A reading and the events come from two sockets, and nothing says which is older. The sums are exact
 * nevertheless: a DESTROY event has the last counters of its flow. A flow that a reading has not shown
 * any more, or whose tuple another one has, waits for that event until everything has been taken in
 * that the kernel sent before the end of the reading.
 */
import type { Entry } from '../entry/entry.js';
import { FLOW } from '../mirror/flow-records.js';
import { FlowTable, recordOf } from '../mirror/flow-table.js';
import { type FlowRecord as Flow, isDying, isSameFlow } from '../mirror/merge.js';
import { Snapshots } from '../mirror/snapshots.js';
import { ENTRY, ENTRY_PRESENT } from '../record/layout.js';
import { number64 } from '../record/words.js';
import { type Account, Accounts, type Counts, isSmaller, NOTHING, sumOf } from './accounts.js';
import { flowOfPart, refineStart } from './earlier-flow.js';
import type { FlowDoubt, FlowOutcome, FlowPart } from './flow-record.js';

/** The parts of a record, before it becomes plain data. */
export interface Sighting {
  readonly outcome: FlowOutcome;
  /** What the kernel said last. */
  readonly entry: Entry;
  /** What a reading said before, which has more than a DESTROY event. */
  readonly known?: Entry | undefined;
  readonly account: Account;
  /** The name that an earlier recorder gave it. */
  readonly name?: string | undefined;
  /** The kernel's own; `undefined`: it counts nothing. */
  readonly counts: Counts | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly doubt?: FlowDoubt | undefined;
}

const PRESENT = ENTRY.present / 4;
const COUNTERS = ENTRY_PRESENT.originalCounters | ENTRY_PRESENT.replyCounters;
const START = ENTRY_PRESENT.startTime;
const PACKETS = ENTRY.originalPackets / 4;

export class KnownFlows {
  private readonly table = new FlowTable();
  private readonly accounts = new Accounts();
  /** Flows whose tuple another one has, and no event has told their end yet. */
  private readonly succeeded = new FlowTable();
  private readonly accountsOfSucceeded = new Accounts();
  /**
   * Flows with smaller counters than before, and no time of their beginning: another flow on the tuple
   * of one that was known, which may have the same id, or the same one after a program zeroed it.
   */
  private readonly doubtful = new Set<number>();
  /** Flows of an earlier recorder, by number: their names, and which have not been shown yet. */
  private readonly names = new Map<number, string>();
  private readonly unseen = new Set<number>();
  private readonly snapshots = new Snapshots();
  private readonly isReporting: boolean;
  private reading = 0;
  private isReading = false;
  /** When the reading that runs began, and the one before it. */
  private readAt = 0;
  private readBefore = 0;
  private numbers = 0;

  /** `isReporting`: readings make records of the flows that they show. */
  constructor(isReporting: boolean) {
    this.isReporting = isReporting;
  }

  get size(): number {
    return this.table.size;
  }

  /** The last part that an earlier recorder made of a flow, which was open then. */
  resume(part: FlowPart): void {
    const { table, accounts, succeeded, accountsOfSucceeded } = this;
    const flow = flowOfPart(part);
    const seen = countsOfPart(part);
    const account: Account = {
      ...this.newAccount(seen),
      parts: part.part,
      until: part.to.getTime(),
      reported: seen,
    };
    const { number } = account;
    this.names.set(number, part.flow);
    this.unseen.add(number);
    const slot = table.findOriginal(flow);
    if (slot === -1) {
      accounts.set(table.add(flow), account);
      return;
    }
    // Another flow has the tuple. The older one of both has ended.
    const other = accounts.get(slot);
    if ((other.until ?? 0) > part.to.getTime()) {
      accountsOfSucceeded.set(succeeded.add(flow), account);
    } else {
      this.succeed(slot, table.record(slot));
      table.replace(slot, flow);
      accounts.set(slot, account);
    }
  }

  /** A reading begins. Events come from before then on. */
  begin(time: number): void {
    this.reading++;
    this.isReading = true;
    this.readBefore = this.readAt;
    this.readAt = time;
  }

  /** The reading has shown an entry. */
  show(entry: Entry, time: number): Sighting | undefined {
    const { table, accounts } = this;
    const shown = recordOf(entry);
    const slot = table.findOriginal(shown);
    // The kernel sends the event of the end before it takes the entry out of its table
    // (nf_ct_delete): what has begun to end is left to its event.
    if (isDying(shown)) {
      if (slot !== -1) this.see(slot);
      return undefined;
    }
    if (slot === -1) {
      const added = table.add(shown);
      this.see(added);
      accounts.set(added, this.newAccount(countsOf(shown)));
      return this.reportOf(added, entry, time);
    }
    // It has ended while the reading runs, or is another one that the next reading shows, too.
    if (table.records.has(slot, FLOW.ended)) return undefined;
    const known = this.knownAt(table, slot, shown);
    const before = countsOf(known);
    const now = countsOf(shown);
    const isSame = isSameFlow(known, shown);
    if (!isSame || (isSmaller(now, before) && !hasStart(known, shown))) {
      this.see(slot);
      // A third flow on the tuple while one reading runs: the next reading shows it.
      if (this.succeeded.findOriginal(known) !== -1) return undefined;
      this.succeed(slot, known);
      table.replace(slot, shown);
      accounts.set(slot, this.newAccount(now));
      if (isSame) this.doubtful.add(slot);
      return isSame ? undefined : this.reportOf(slot, entry, time);
    }
    const doubt = isSmaller(now, before) ? 'zeroed' : undefined;
    const account = accounts.get(slot);
    accounts.set(slot, {
      ...account,
      seen: sumOf(account.seen, now, doubt === undefined ? before : NOTHING),
    });
    table.replace(slot, shown);
    this.see(slot);
    this.unseen.delete(account.number);
    return this.doubtful.has(slot) ? undefined : this.reportOf(slot, entry, time, doubt);
  }

  /** A DESTROY event came. */
  destroy(entry: Entry, outcome: FlowOutcome, time: number): Sighting {
    const told = recordOf(entry);
    const { table, succeeded } = this;
    const was = succeeded.findOriginal(told);
    if (was !== -1 && isEndOf(this.knownAt(succeeded, was, told), told)) {
      const sighting = this.endOf(succeeded, was, this.accountsOfSucceeded.get(was), {
        ...{ told, entry, outcome, time },
      });
      succeeded.delete(was);
      return sighting;
    }
    const slot = table.findOriginal(told);
    const isKnown =
      slot !== -1 &&
      !table.records.has(slot, FLOW.ended) &&
      isSameFlow(this.knownAt(table, slot, told), told);
    if (isKnown) {
      const sighting = this.endOf(table, slot, this.accounts.get(slot), {
        ...{ told, entry, outcome, time },
      });
      this.doubtful.delete(slot);
      // The reading that runs may still show it.
      if (this.isReading) table.end(slot);
      else table.delete(slot);
      return sighting;
    }
    if (slot === -1 && this.isReading) table.addEnded(told);
    const account = this.newAccount(countsOf(told));
    return { outcome, entry, account, time, counts: kernelCounts(told) };
  }

  /**
   * The reading has ended, and so have the events that the kernel sent before its end been taken in.
   * `doubt`: why the end of a flow that is gone was no event.
   */
  *end(doubt: FlowDoubt): Generator<Sighting, void> {
    const { table, succeeded } = this;
    const { records } = table;
    this.isReading = false;
    for (const slot of this.doubtful) {
      const was = succeeded.findOriginal(table.record(slot));
      const sighting = was === -1 ? undefined : this.continue(slot, was);
      yield* present(this.reportOf(slot, this.entryAt(table, slot), this.readAt, sighting));
    }
    this.doubtful.clear();
    for (let slot = 0; slot < succeeded.records.end; slot++) {
      if (!succeeded.records.has(slot, FLOW.taken)) continue;
      yield this.unobserved(succeeded, slot, this.accountsOfSucceeded.get(slot), doubt);
      succeeded.delete(slot);
    }
    for (let slot = 0; slot < records.end; slot++) {
      if (!records.has(slot, FLOW.taken)) continue;
      if (records.has(slot, FLOW.ended)) table.delete(slot);
      else if (records.dump(slot) !== this.reading) {
        yield this.unobserved(table, slot, this.accounts.get(slot), doubt);
        table.delete(slot);
      }
    }
    this.unseen.clear();
  }

  private newAccount(seen: Counts): Account {
    return { number: ++this.numbers, parts: 0, until: undefined, seen, reported: NOTHING };
  }

  /** What is known of the flow on a tuple. `now`: what the kernel says of it, or of another one. */
  private knownAt(table: FlowTable, slot: number, now: Flow): Flow {
    const known = table.record(slot);
    if (this.unseen.size > 0) refineStart(known, now);
    return known;
  }

  private see(slot: number): void {
    this.table.records.see(slot, this.reading, 0);
  }

  /** Another flow has the tuple: what was known waits for its event. */
  private succeed(slot: number, known: Flow): void {
    const waiting = this.succeeded.add(known);
    this.accountsOfSucceeded.set(waiting, this.accounts.get(slot));
  }

  /** It was one flow all the time: a program has zeroed it. */
  private continue(slot: number, was: number): FlowDoubt {
    const { succeeded, accounts, accountsOfSucceeded } = this;
    const before = accountsOfSucceeded.get(was);
    const { seen } = accounts.get(slot);
    accounts.set(slot, { ...before, seen: sumOf(before.seen, seen) });
    this.unseen.delete(before.number);
    succeeded.delete(was);
    return 'zeroed';
  }

  /** A record of an open flow, where one is wanted. */
  private reportOf(
    slot: number,
    entry: Entry,
    time: number,
    doubt?: FlowDoubt,
  ): Sighting | undefined {
    if (!this.isReporting) return undefined;
    const account = this.accounts.get(slot);
    const { parts, seen, reported } = account;
    if (parts > 0 && doubt === undefined && !isSmaller(reported, seen)) return undefined;
    this.accounts.set(slot, { ...account, parts: parts + 1, until: time, reported: seen });
    const counts = kernelCounts(this.table.record(slot));
    const name = this.names.get(account.number);
    return { outcome: 'open', entry, account, name, time, counts, doubt };
  }

  private endOf(
    table: FlowTable,
    slot: number,
    account: Account,
    { told, entry, outcome, time }: Ending,
  ): Sighting {
    const flow = table.record(slot);
    const before = countsOf(flow);
    const last = countsOf(told);
    const isZeroed = isSmaller(last, before);
    const seen = sumOf(account.seen, last, isZeroed ? NOTHING : before);
    return {
      outcome,
      entry,
      known: this.entryAt(table, slot),
      account: { ...account, seen },
      name: this.forget(account.number),
      time,
      counts: kernelCounts(told),
      doubt: isZeroed ? 'zeroed' : undefined,
    };
  }

  private unobserved(table: FlowTable, slot: number, account: Account, doubt: FlowDoubt): Sighting {
    const { number, until = 0 } = account;
    const isUnseen = this.unseen.has(number);
    return {
      outcome: 'unobserved',
      entry: this.entryAt(table, slot),
      account,
      name: this.forget(number),
      time: isUnseen ? until : this.readBefore,
      counts: kernelCounts(table.record(slot)),
      doubt: isUnseen ? 'not-recorded' : doubt,
    };
  }

  /** The flow has ended. Returns its earlier name. */
  private forget(number: number): string | undefined {
    const name = this.names.get(number);
    if (name === undefined) return undefined;
    this.names.delete(number);
    this.unseen.delete(number);
    return name;
  }

  private entryAt(table: FlowTable, slot: number): Entry {
    return this.snapshots.entryOf(table.record(slot), 0);
  }
}

interface Ending {
  readonly told: Flow;
  readonly entry: Entry;
  readonly outcome: FlowOutcome;
  readonly time: number;
}

function* present<T>(value: T | undefined): Generator<T, void> {
  if (value !== undefined) yield value;
}

function hasCounters({ words, at }: Flow): boolean {
  return ((words[at + PRESENT] as number) & COUNTERS) === COUNTERS;
}

function countsOf(flow: Flow): Counts {
  return kernelCounts(flow) ?? NOTHING;
}

function countsOfPart({ total }: FlowPart): Counts {
  if (total === undefined) return NOTHING;
  const { original, reply } = total;
  return [original.packets, original.bytes, reply.packets, reply.bytes];
}

function kernelCounts(flow: Flow): Counts | undefined {
  if (!hasCounters(flow)) return undefined;
  const { words, at } = flow;
  const count = (index: number) => number64(words, at + PACKETS + 2 * index);
  return [count(0), count(1), count(2), count(3)];
}

/** Whether both have the time at which they began: then that tells flows apart. */
function hasStart(one: Flow, other: Flow): boolean {
  const bits = ({ words, at }: Flow) => words[at + PRESENT] as number;
  return (bits(one) & bits(other) & START) !== 0;
}

/** Whether an event may tell the end of a flow that was known with these counters. */
function isEndOf(known: Flow, told: Flow): boolean {
  if (!isSameFlow(known, told)) return false;
  return hasStart(known, told) || !isSmaller(countsOf(told), countsOf(known));
}
