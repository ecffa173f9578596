/**
 * Neighbours that mean no good, while a mirror, event streams, lists, passes and requests run beside
 * them: what is reported is right, and what is lost is counted. `npm run soak` has them for an hour.
 */
import {
  createEntries,
  deleteEntries,
  type Entry,
  getEntries,
  listEntries,
  MIRROR_INDEXES,
  mirrorTable,
  streamEntries,
  type TableMirror,
  updateEntries,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { Namespaces } from '../soak/activities/namespaces.js';
import { Arena } from '../soak/arena.js';
import { differenceOf } from '../soak/comparison.js';
import { eventually } from '../soak/eventually.js';
import { Forger, isForged, portIdsOf } from '../soak/forger.js';
import { Ledger } from '../soak/ledger.js';
import { Listener } from '../soak/listener.js';
import { Neighbour, numberOf } from '../soak/neighbour.js';
import { Place } from '../soak/place.js';
import { differenceOfStates, processState } from '../soak/process-state.js';
import { Schedule } from '../soak/schedule.js';
import { Tallies } from '../soak/tallies.js';
import { isEmulated, many } from '../support/emulation.js';
import { hasFeature } from '../support/kernel-features.js';
import { run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

/** How long each of them goes on; `CONNTRACK_HOSTILE_SECONDS=60` for a minute. */
const SECONDS = Number(process.env.CONNTRACK_HOSTILE_SECONDS ?? 1);
const LIMIT = (isEmulated ? 300_000 : 45_000) + 4000 * SECONDS;
/** For what the kernel does behind its answer. */
const PATIENCE = 15_000;
const FLOWS = many(2000);

/** A mirror and streams that are there the whole time. */
class Watched implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly tallies = new Tallies();
  readonly neighbour = new Neighbour();
  readonly wide = new Listener('wide', { visit: this.#visit.bind(this) });
  readonly tiny = new Listener('tiny', {
    receiveBufferBytes: 4096,
    queueBytes: 65_536,
    pause: 20,
    visit: this.#visit.bind(this),
  });

  private constructor(
    readonly mirror: TableMirror,
    /** One whose buffer overruns all the time. */
    readonly overrun: TableMirror,
  ) {}

  static async open(): Promise<Watched> {
    return new Watched(
      await mirrorTable({ indexes: MIRROR_INDEXES, recheckInterval: 500 }),
      await mirrorTable({ receiveBufferBytes: 4096 }),
    );
  }

  async create(first: number, count: number): Promise<void> {
    const { changed } = await this.neighbour.create(first, count);
    this.ledger.created += changed;
  }

  async update(first: number, count: number, mark: number): Promise<void> {
    const { changed } = await this.neighbour.update(first, count, mark);
    this.ledger.updated += changed;
  }

  /** An entry of the neighbour, and of nobody else. */
  know(entry: Entry): void {
    const number = numberOf(entry);
    if (number === undefined || number >= FLOWS) this.tallies.fail(String(entry));
  }

  /** What lists, streams, passes and requests say meanwhile. */
  async use(): Promise<void> {
    const [entries] = await Promise.all([listEntries(), listEntries({ protocol: 'tcp' })]);
    for (const entry of entries) this.know(entry);
    for await (const batch of streamEntries({ family: 'ipv6' }).batches()) {
      for (const entry of batch) this.know(entry);
    }
    const some = entries.slice(0, 100);
    for (const [index, entry] of (await getEntries(some)).entries()) {
      if (entry !== undefined) expect(entry.original).toEqual(some[index]?.original);
    }
    const { matched, updated, vanished } = await updateEntries({ port: 1100 }, { mark: 7 });
    this.ledger.updated += updated;
    expect(updated + vanished).toBe(matched);
    const pass = await deleteEntries({ mark: 2 }, { entries: true });
    expect(pass.deleted + pass.vanished).toBe(pass.matched);
    expect(pass.entries).toHaveLength(pass.deleted);
    for (const entry of pass.entries) this.know(entry);
  }

  /** For as long as the test takes. */
  async during(act: (round: number) => Promise<void>): Promise<void> {
    const end = performance.now() + 1000 * SECONDS;
    for (let round = 0; performance.now() < end || round < 2; round++) await act(round);
  }

  /** At rest: the mirror is right, and so are the sums of the streams, with `forged` messages. */
  async expectExact(forged = 0): Promise<void> {
    expect(await differenceOf(this.mirror, undefined, PATIENCE)).toBeUndefined();
    expect(await differenceOf(this.overrun, undefined, PATIENCE)).toBeUndefined();
    for (const { name, stream } of [this.wide, this.tiny]) {
      const wrong = await eventually(async () => {
        await stream.caughtUp();
        const { received, foreign, lostInKernel } = stream.counters;
        const sum = received + foreign + lostInKernel;
        const sent = this.ledger.events + forged;
        return sum === sent ? undefined : `${name}: ${sum} of ${sent}`;
      }, PATIENCE);
      expect(wrong).toBeUndefined();
    }
    this.#expectSums();
    if (this.wide.lost > 0) return;
    const { created, updated, ended } = this.ledger;
    const { new: news = 0, update = 0, destroy = 0 } = this.wide.seen;
    expect({ news, update, destroy }).toEqual({ news: created, update: updated, destroy: ended });
    expect(this.wide.stream.counters.foreign).toBe(forged);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.wide, this.tiny].map((listener) => listener.close()));
    await Promise.all([this.mirror.close(), this.overrun.close()]);
    await this.neighbour[Symbol.asyncDispose]();
  }

  #expectSums(): void {
    expect([this.wide.problem(), this.tiny.problem()]).toEqual([undefined, undefined]);
    expect(this.tallies.failures).toEqual([]);
  }

  #visit(event: object): void {
    if ('entry' in event) this.know(event.entry as Entry);
  }
}

describeInNamespace(
  'conntrack',
  'ip',
  'unshare',
)('hostile neighbours', () => {
  beforeEach(() => {
    setting('events', 1);
    run('conntrack', '-F');
  });

  test(
    'a flood of forged messages: nobody believes one, and each is counted',
    async () => {
      await using watched = await Watched.open();
      await watched.create(0, FLOWS);
      const batches = streamEntries().batches();
      await batches.next();
      const forger = new Forger(many(20_000), await portIdsOf(new Place()));
      await watched.during(async (round) => {
        await watched.update(0, FLOWS / 4, round % 4);
        await watched.use();
        await watched.neighbour.delete(0, FLOWS / 2);
        await watched.create(0, FLOWS / 2);
      });
      const { groups, ports } = await forger.stop();
      await batches.return?.();
      expect(ports).toBe(0);
      const [news = 0, updates = 0, ends = 0] = groups;
      expect(news).toBeGreaterThan(100);
      await watched.expectExact(news + updates + ends);
      expect((await listEntries()).filter(isForged)).toEqual([]);
    },
    LIMIT,
  );

  test(
    'a table that is flushed and refilled at full speed',
    async () => {
      await using watched = await Watched.open();
      await watched.create(0, FLOWS);
      const time = new AbortController();
      const flushing = (async () => {
        let flushes = 0;
        for (; !time.signal.aborted; flushes++) {
          await watched.neighbour.flush();
          await watched.create(0, FLOWS);
          await watched.update(0, FLOWS / 2, flushes % 4);
        }
        return flushes;
      })();
      await watched.during(() => watched.use());
      time.abort();
      expect(await flushing).toBeGreaterThan(1);
      await watched.expectExact();
      await watched.neighbour.flush();
      await watched.expectExact();
      expect(watched.mirror.size).toBe(0);
      expect(watched.tiny.lost).toBeGreaterThan(0);
      expect(watched.overrun.resyncs).toBeGreaterThan(0);
    },
    LIMIT,
  );

  test(
    'settings that change while flows come and go',
    async () => {
      const events = hasFeature('automaticEvents') ? [0, 1, 2] : [0, 1];
      await using watched = await Watched.open();
      await watched.during(async (round) => {
        setting('events', events[round % events.length]);
        setting('acct', round % 2);
        setting('timestamp', round % 4 < 2 ? 1 : 0);
        setting('udp_timeout', 20 + (round % 10));
        await watched.neighbour.flush();
        await watched.create(0, FLOWS / 2);
        await watched.update(0, FLOWS / 4, round % 4);
        await watched.use();
      });
      setting('events', 1);
      // Flows that began while events were off are found by a reading alone.
      await watched.mirror.refresh();
      expect(await differenceOf(watched.mirror, undefined, PATIENCE)).toBeUndefined();
      for (const listener of [watched.wide, watched.tiny]) {
        expect(await eventually(() => listener.problem(), PATIENCE)).toBeUndefined();
      }
      // Flows without events send none.
      expect(watched.wide.accounted).toBeLessThan(watched.ledger.events);
      expect(watched.tallies.failures).toEqual([]);
      setting('acct', 0);
      setting('timestamp', 0);
    },
    LIMIT,
  );

  test(
    'namespaces that come and go under open handles',
    async () => {
      await createEntries([]);
      const before = processState();
      const tallies = new Tallies();
      const namespaces = new Namespaces(tallies);
      const end = performance.now() + 1000 * SECONDS;
      do await Promise.all([1, 2, 3].map(() => namespaces.turn()));
      while (performance.now() < end);
      expect(tallies.failures).toEqual([]);
      expect(
        await eventually(() => differenceOfStates(before, processState()), 10_000),
      ).toBeUndefined();
    },
    LIMIT,
  );

  test(
    'all of them at once, in a namespace of their own',
    async () => {
      const tallies = new Tallies();
      await using arena = await Arena.open(tallies);
      await new Schedule(tallies, arena.activities).run(SECONDS);
      expect((await arena.check()).filter((problem) => problem !== undefined)).toEqual([]);
      expect(tallies.failures).toEqual([]);
      expect(arena.counters.foreign).toBeGreaterThan(0);
    },
    LIMIT,
  );
});
