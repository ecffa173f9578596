/**
 * A namespace of hostile neighbours: one floods the sockets with forged messages, one flushes and
 * refills the table, one changes settings. Everything runs there meanwhile, through one handle.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Conntrack,
  type Entry,
  MIRROR_INDEXES,
  type TableMirror,
  type TableSettings,
} from 'conntrack';
import { differenceOf } from './comparison.js';
import { eventually } from './eventually.js';
import { FlowLog } from './flow-log.js';
import { Forger, isForged, portIdsOf } from './forger.js';
import { Listener } from './listener.js';
import { Neighbour, numberOf } from './neighbour.js';
import { OwnedPlace } from './place.js';
import type { Activity } from './schedule.js';
import type { Tallies } from './tallies.js';

const FLOWS = 2000;
const RATE = 4000; // forged datagrams a second
/** What a request may meet whose flow a neighbour has just deleted or created. */
const RACES = ['ENOENT', 'EEXIST', 'EBUSY'];

export class Arena implements AsyncDisposable {
  readonly activities: readonly Activity[];
  readonly #tallies: Tallies;
  readonly #place: OwnedPlace;
  readonly #handle: Conntrack;
  readonly #neighbour: Neighbour;
  readonly #mirror: TableMirror;
  readonly #listeners: readonly Listener[];
  readonly #flowLog: FlowLog;
  readonly #eventSettings: readonly TableSettings['events'][];
  #settings = 0;
  #requests = 0;

  private constructor(
    tallies: Tallies,
    place: OwnedPlace,
    handle: Conntrack,
    mirror: TableMirror,
    canBeAutomatic: boolean,
  ) {
    this.#tallies = tallies;
    this.#place = place;
    this.#handle = handle;
    this.#mirror = mirror;
    this.#eventSettings = canBeAutomatic ? ['off', 'on', 'auto', 'on'] : ['off', 'on'];
    this.#neighbour = new Neighbour(place);
    this.#listeners = [
      this.#listen('arena'),
      this.#listen('arena, tiny', { receiveBufferBytes: 4096, queueBytes: 65_536, pause: 20 }),
      this.#listen('arena, reliable', {
        events: ['destroy'],
        receiveBufferBytes: 65_536,
        reliableDestroy: true,
      }),
    ];
    this.#flowLog = new FlowLog(
      { conntrack: handle, interval: '1s', receiveBufferBytes: 4096, queueBytes: 65_536 },
      false,
    );
    this.activities = [
      { name: 'flushes', pause: 1000, turn: () => this.#flush() },
      { name: 'forger', pause: 2500, turn: () => this.#forge() },
      { name: 'settings', pause: 400, turn: () => this.#set() },
      { name: 'arena: readings', pause: 500, turn: () => this.#read() },
      { name: 'arena: requests', pause: 300, turn: () => this.#request() },
    ];
  }

  static async open(tallies: Tallies): Promise<Arena> {
    const place = await OwnedPlace.create();
    const handle = await Conntrack.open({ netns: { pid: place.pid as number } });
    // Since Linux 5.19.
    const automatic = await tallies.refusable(handle.writeSettings({ events: 'auto' }), ['EINVAL']);
    await handle.writeSettings({ events: 'on' });
    const mirror = await handle.mirrorTable({ indexes: MIRROR_INDEXES, recheckInterval: 2000 });
    return new Arena(tallies, place, handle, mirror, automatic !== undefined);
  }

  get counters(): { readonly received: number; readonly lost: number; readonly foreign: number } {
    const sums = { received: 0, lost: 0, foreign: 0 };
    for (const { stream, lost } of this.#listeners) {
      sums.received += stream.counters.received;
      sums.foreign += stream.counters.foreign;
      sums.lost += lost;
    }
    return sums;
  }

  get mirrored(): number {
    return this.#mirror.size;
  }

  /** With all activities at rest: what is wrong. */
  async check(): Promise<(string | undefined)[]> {
    await this.#handle.writeSettings({ events: 'on', accounting: true, timestamps: false });
    // Flows that began while events were off are found by a reading alone.
    await this.#mirror.refresh();
    const list = () => this.#handle.listEntries();
    const difference = await differenceOf(this.#mirror, undefined, undefined, list);
    // Flows time out at rest, too: a slow loop has received what it has not delivered yet.
    const problems = await Promise.all(
      this.#listeners.map((listener) => eventually(() => listener.problem())),
    );
    const ofLog = await eventually(() => this.#problemOfFlowLog());
    return [difference && `arena: the mirror differs: ${difference}`, ...problems, ofLog];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#neighbour[Symbol.asyncDispose]();
    await this.#mirror.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.#flowLog.close();
    await this.#handle.close();
    await this.#place[Symbol.asyncDispose]();
  }

  /** Its reading of the table knows all flows, and its records have all losses. */
  async #problemOfFlowLog(): Promise<string | undefined> {
    const { recorder, lost, problem } = this.#flowLog;
    const { lostInKernel, lostInQueue } = recorder.counters;
    if (problem !== undefined) return `arena: flow log: ${problem}`;
    if (lost !== lostInKernel + lostInQueue) return `arena: flow log: ${lost} lost`;
    const entries = await this.#handle.countEntries();
    if (recorder.openFlows === entries) return undefined;
    return `arena: flow log: ${recorder.openFlows} open flows of ${entries}`;
  }

  #listen(name: string, options: ConstructorParameters<typeof Listener>[1] = {}): Listener {
    return new Listener(name, {
      ...options,
      watch: (watched) => this.#handle.watchEvents(watched),
      visit: (event) => {
        if ('entry' in event) this.#know(event.entry, name);
      },
    });
  }

  /** Every entry of this namespace is a neighbour's, or one of `#request()`. */
  #know(entry: Entry, where: string): void {
    const number = numberOf(entry);
    const isTheirs = number !== undefined && number < FLOWS;
    if (isTheirs || entry.original.source.startsWith('10.5.0.')) return;
    const what = isForged(entry) ? 'a forged entry' : 'an entry that never was';
    this.#tallies.fail(`${where}: ${what}: ${String(entry)}`);
  }

  async #flush(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.#neighbour.flush();
      await this.#neighbour.create(0, FLOWS);
      await this.#neighbour.update(0, FLOWS / 2, 1 + round);
    }
  }

  async #forge(): Promise<void> {
    const forger = new Forger(RATE, await portIdsOf(this.#place), this.#place);
    await sleep(700);
    const { ports } = await forger.stop();
    this.#tallies.expect(ports === 0, `forger: ${ports} datagrams reached a socket by its port`);
  }

  async #set(): Promise<void> {
    const turn = this.#settings++;
    const events = this.#eventSettings[turn % this.#eventSettings.length] ?? 'on';
    const accounting = turn % 3 !== 0;
    const written = await this.#handle.writeSettings({
      events,
      accounting,
      timestamps: turn % 5 === 0,
      udpTimeout: 20 + (turn % 20),
    });
    this.#tallies.expect(
      written.events === events && written.accounting === accounting,
      `settings: ${JSON.stringify(written)}`,
    );
  }

  async #read(): Promise<void> {
    const handle = this.#handle;
    const [listed, tcp] = await Promise.all([
      handle.listEntries(),
      handle.listEntries({ protocol: 'tcp' }),
      handle.countEntries(),
      handle.readStats(),
    ]);
    for (const entry of [...listed, ...tcp]) this.#know(entry, 'a list');
    for await (const batch of handle.streamEntries({ family: 'ipv6' }).batches()) {
      for (const entry of batch) this.#know(entry, 'a stream');
    }
    const { matched, updated, vanished } = await handle.updateEntries(
      { protocol: 'udp' },
      { mark: 9 },
    );
    this.#tallies.expect(updated + vanished <= matched, 'arena: more updated than matched');
    const passed = await handle.deleteEntries({ mark: 1 }, { entries: true });
    this.#tallies.expect(
      passed.deleted === passed.entries.length &&
        passed.deleted + passed.vanished === passed.matched,
      `arena: a pass: ${passed.matched} ${passed.deleted} ${passed.vanished}`,
    );
    this.#tallies.requests += 4 + passed.deleted + updated;
  }

  async #request(): Promise<void> {
    const handle = this.#handle;
    const base = (this.#requests++ % 200) * 16;
    const specs = Array.from({ length: 16 }, (_, index) => specOf(base + index));
    const can = <T>(promise: Promise<T>) => this.#tallies.refusable(promise, RACES);
    const created = await Promise.all(specs.map((spec) => can(handle.createEntry(spec))));
    for (const entry of created) if (entry !== undefined) this.#know(entry, 'a created entry');
    const read = await Promise.all(specs.map((spec) => handle.getEntry(spec)));
    for (const [index, entry] of read.entries()) {
      const { sourcePort } = specs[index]?.original ?? {};
      if (entry === undefined) continue;
      this.#tallies.expect(entry.original.sourcePort === sourcePort, 'arena: another flow');
    }
    await Promise.all(specs.map((spec) => can(handle.updateEntry(spec, { mark: 3 }))));
    await Promise.all(specs.map((spec) => can(handle.deleteEntry(spec))));
  }
}

function specOf(number: number) {
  return {
    protocol: 'udp',
    original: {
      source: `10.5.0.${number % 250}`,
      destination: '10.5.1.1',
      sourcePort: 1000 + number,
      destinationPort: 5,
    },
    timeout: 300,
  } as const;
}
