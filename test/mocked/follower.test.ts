/**
 * A model of the kernel: flows that begin, change and end, a dump that reads them one by one, and
 * events, all of which arrive later and in any order that two sockets allow. Whatever happens, the
 * table has to be that of the model once all has arrived.
 */

import type { EntryEventType } from 'conntrack';
import { describe, expect, it, vi } from 'vitest';
import { FLOW } from '../../src/mirror/flow-records.js';
import { FlowTable, recordOf } from '../../src/mirror/flow-table.js';
import { Follower } from '../../src/mirror/follower.js';
import { Snapshots } from '../../src/mirror/snapshots.js';
import { ENTRY } from '../../src/record/layout.js';
import { Random } from '../support/random.js';
import { entryWith } from '../unit/records.js';

/** The end of a dump pauses behind each third flow. */
vi.mock('../../src/core/limits.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/core/limits.js')>();
  return { ...original, LIMITS: { ...original.LIMITS, flowsInTurn: 3 } };
});

interface Flow {
  readonly id: number;
  mark: number;
  label: bigint;
  /** A silent one was there before anybody listened. */
  readonly isSilent: boolean;
}

const tuple = (port: number) => ({
  original: {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    protocol: 6,
    sourcePort: port,
    destinationPort: 1,
  },
  reply: {
    source: '10.0.0.2',
    destination: '10.0.0.1',
    protocol: 6,
    sourcePort: 1,
    destinationPort: port,
  },
});

/** All of it, as in a dump. */
const shown = (port: number, { id, mark, label }: Flow) =>
  entryWith({ ...tuple(port), id, status: 8, timeout: 100, mark, labels: label, use: 1 });

/** What an event has. */
const told = (type: EntryEventType, port: number, { id, mark, label }: Flow, isOfLabel: boolean) =>
  entryWith({
    ...tuple(port),
    ...{ id, status: 8, mark },
    ...(type === 'destroy' ? {} : { timeout: 100 }),
    ...(isOfLabel ? { labels: label } : {}),
  });

const PORTS = 5;

function run(seed: number, steps: number) {
  const random = new Random(seed);
  const table = new FlowTable();
  let live = 0;
  const follower = new Follower(table, {
    added: () => {
      live++;
    },
    changed: (_, change) => {
      change();
    },
    removed: () => {
      live--;
    },
  });
  const kernel = new Map<number, Flow>();
  const events: (() => void)[] = [];
  const shows: (() => void)[] = [];
  let loses = 0;
  const stream = { isLost: false };
  const queue = (type: EntryEventType, port: number, flow: Flow, isOfLabel = false) => {
    if (flow.isSilent) return;
    if (loses > 0) {
      // The stream tells of a hole where it is.
      if (--loses === 0) events.push(() => (stream.isLost = true));
      return;
    }
    const entry = told(type, port, flow, isOfLabel);
    events.push(() => {
      follower.tell(type, entry);
    });
  };
  const change = (silentMayEnd: boolean) => {
    const port = random.below(PORTS);
    const flow = kernel.get(port);
    if (flow?.isSilent && !silentMayEnd) return;
    const what = random.below(4);
    if (flow === undefined) {
      // Mostly the id of the flow before it.
      const made = {
        id: random.below(5) === 0 ? 7 : 1,
        mark: 1 + random.below(9),
        label: 0n,
        isSilent: false,
      };
      kernel.set(port, made);
      queue('new', port, made);
    } else if (what === 0) {
      kernel.delete(port);
      queue('destroy', port, flow);
    } else if (!flow.isSilent && what === 1) {
      flow.label |= 1n << BigInt(random.below(100));
      queue('update', port, flow, true);
    } else if (!flow.isSilent) {
      flow.mark = 1 + random.below(9);
      queue('update', port, flow);
    }
  };
  const arrive = (from: (() => void)[]) => from.shift()?.();
  for (let port = 0; port < PORTS; port++) {
    if (random.below(2) === 0)
      kernel.set(port, {
        id: 1,
        mark: 1 + random.below(9),
        label: 2n,
        isSilent: random.below(3) > 0,
      });
  }
  const dump = (silentMayEnd: boolean) => {
    stream.isLost = false;
    follower.begin();
    const ports = [...kernel.keys(), ...Array.from({ length: PORTS }, (_, port) => port)];
    const order = [...new Set(ports)].sort(() => random.below(3) - 1);
    while (order.length > 0 || shows.length > 0) {
      const what = random.below(6);
      if (what === 0) change(silentMayEnd);
      else if (what === 1) arrive(events);
      else if (what === 2) arrive(shows);
      else if (what > 2 && order.length > 0 && random.below(2) === 0) {
        const port = order.shift() as number;
        const flow = kernel.get(port);
        if (flow === undefined) continue;
        const entry = shown(port, flow);
        shows.push(() => {
          follower.show(entry);
        });
      }
      if (loses === 0 && seed % 3 === 0 && random.below(40) === 0) loses = 1 + random.below(3);
    }
    for (const _ of follower.end(true)) arrive(events);
  };
  dump(true);
  for (let step = 0; step < steps; step++) {
    if (random.below(2) === 0) change(true);
    else arrive(events);
    if (seed % 3 === 0 && random.below(30) === 0) loses = 1 + random.below(3);
  }
  // A resync shows what silent flows have done, and what was lost.
  do {
    while (loses > 0) queue('new', 0, { id: 1, mark: 1, label: 0n, isSilent: false });
    while (events.length > 0) arrive(events);
    dump(false);
    while (events.length > 0) arrive(events);
  } while (stream.isLost || loses > 0);
  while (follower.doubtful.size > 0) {
    for (const slot of follower.ask(2)) {
      const port = entryIn(table, slot).original.sourcePort as number;
      const flow = kernel.get(port);
      follower.answer(slot, flow && shown(port, flow));
    }
  }
  return { kernel: seen(kernel), mirror: mirrored(table), size: table.size, live };
}

const entryIn = (table: FlowTable, slot: number) => new Snapshots().entryOf(table.record(slot), 0);

const seen = (kernel: ReadonlyMap<number, Flow>) =>
  [...kernel]
    .map(([port, { id, mark, label }]) => `${port}: id ${id}, mark ${mark}, labels ${label}`)
    .sort();

function mirrored(table: FlowTable): string[] {
  const lines: string[] = [];
  for (let slot = 0; slot < table.records.end; slot++) {
    const { records } = table;
    if (!records.has(slot, FLOW.taken) || records.has(slot, FLOW.ended)) continue;
    const { original, id, mark, labels = 0n } = entryIn(table, slot);
    const { words, at } = table.record(slot);
    for (const tuple of [ENTRY.original, ENTRY.reply]) {
      expect(table.find({ words, at: at + tuple / 4, zone: 0 })).toBe(slot);
    }
    lines.push(`${original.sourcePort}: id ${id}, mark ${mark}, labels ${labels}`);
  }
  return lines.sort();
}

describe('an event of another processor that comes late', () => {
  const SEEN_REPLY = 2;
  const ASSURED = 4;
  const flow = { ...tuple(1), id: 1, timeout: 100 };

  it.each([
    ['an earlier state', { tcpState: 2, status: 8 | SEEN_REPLY | ASSURED }],
    ['no reply', { tcpState: 3, status: 8 }],
    ['not assured', { tcpState: 3, status: 8 | SEEN_REPLY }],
  ])('changes nothing, and is asked about: %s', (_, older) => {
    const table = new FlowTable();
    const follower = new Follower(table, {
      added: () => undefined,
      changed: (_slot, change) => {
        change();
      },
      removed: () => undefined,
    });
    const newer = { ...flow, tcpState: 3, status: 8 | SEEN_REPLY | ASSURED, mark: 5 };
    follower.tell('new', entryWith({ ...flow, tcpState: 1, status: 8 }));
    follower.tell('update', entryWith(newer));
    expect(follower.doubtful.size).toBe(0);
    follower.tell('update', entryWith({ ...flow, ...older }));
    const slot = table.findOriginal(recordOf(entryWith(flow)));
    expect(entryIn(table, slot)).toMatchObject({ mark: 5, tcp: { state: 'ESTABLISHED' } });
    expect(follower.isCertain).toBe(false);
    expect(follower.ask(5)).toEqual([slot]);
    // Until the answer has come.
    expect(follower.isCertain).toBe(false);
    follower.answer(slot, entryWith(newer));
    expect(follower.isCertain).toBe(true);
  });
});

it('takes nothing from what a dump shows of the flow before a new one', () => {
  const table = new FlowTable();
  const follower = new Follower(table, {
    added: () => undefined,
    changed: (_slot, change) => {
      change();
    },
    removed: () => undefined,
  });
  follower.begin();
  // Its id is that of a silent one, which has ended.
  const flow = { id: 1, mark: 5, label: 0n, isSilent: false };
  follower.tell('new', told('new', 1, flow, false));
  follower.show(shown(1, { id: 1, mark: 2, label: 3n, isSilent: true }));
  for (const _ of follower.end(true));
  expect(mirrored(table)).toEqual(['1: id 1, mark 5, labels 0']);
  expect(follower.isCertain).toBe(true);
});

it('knows nothing of a flow of which an event has told the end alone', () => {
  const table = new FlowTable();
  const heard: string[] = [];
  const follower = new Follower(table, {
    added: () => heard.push('added'),
    changed: () => heard.push('changed'),
    removed: () => heard.push('removed'),
  });
  follower.tell('destroy', shown(1, { id: 1, mark: 0, label: 0n, isSilent: false }));
  expect([table.size, table.records.end, follower.isCertain, heard]).toEqual([0, 0, true, []]);
});

describe('a mirror beside a dump and events that arrive when they will', () => {
  it.each([0, 1, 2])('is the table in the end, in 1,000 runs (%i)', (part) => {
    for (let seed = part; seed < 3_000; seed += 3) {
      const { kernel, mirror, size, live } = run(seed, 40);
      expect(mirror, `seed ${seed}`).toEqual(kernel);
      expect([size, live], `seed ${seed}`).toEqual([kernel.length, kernel.length]);
    }
  });
});
