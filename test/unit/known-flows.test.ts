/** What a flow log makes of readings and events that come in any order. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { flowPartOf } from '../../src/flow-log/flow-part.js';
import type { FlowPart } from '../../src/flow-log/flow-record.js';
import { KnownFlows, type Sighting } from '../../src/flow-log/known-flows.js';
import { parseFlowRecord } from '../../src/flow-log/parse-record.js';
import { flowOf } from './played-table.js';
import { holds } from './property.js';
import { type EntryValues, entryWith } from './records.js';

const SECOND = 1_000_000_000n;

/** So many packets there, and half of them back. */
function flow(number: number, packets: number, more: EntryValues = {}): EntryValues {
  const there = BigInt(packets);
  const back = there / 2n;
  return flowOf(number, {
    originalCounters: [there, 100n * there],
    replyCounters: [back, 1000n * back],
    ...more,
  });
}

const began = (seconds: number): EntryValues => ({ startTime: BigInt(seconds) * SECOND });

/** A flow log without sockets and clocks. */
class Log {
  readonly parts: FlowPart[] = [];
  private flows: KnownFlows;
  private second = 0;
  private run = 'r';

  constructor(private readonly isReporting = true) {
    this.flows = new KnownFlows(isReporting);
  }

  /** Another recorder goes on with the flows whose last part was that of an open one. */
  restart(): this {
    const open = new Map<string, FlowPart>();
    for (const part of this.parts) {
      if (part.outcome === 'open') open.set(part.flow, part);
      else open.delete(part.flow);
    }
    this.flows = new KnownFlows(this.isReporting);
    this.run += 'r';
    for (const part of open.values()) {
      this.flows.resume(parseFlowRecord(JSON.stringify(part)) as FlowPart);
    }
    return this;
  }

  begin(): this {
    this.flows.begin(1000 * ++this.second);
    return this;
  }

  show(...entries: EntryValues[]): this {
    for (const entry of entries) {
      this.put(this.flows.show(entryWith(entry), 1000 * this.second + 1));
    }
    return this;
  }

  destroy(entry: EntryValues): this {
    this.put(this.flows.destroy(entryWith(entry), 'expired', 1000 * this.second + 2));
    return this;
  }

  end(doubt: 'lost' | 'no-event' = 'no-event'): this {
    for (const sighting of this.flows.end(doubt)) this.put(sighting);
    return this;
  }

  read(...entries: EntryValues[]): this {
    return this.begin()
      .show(...entries)
      .end();
  }

  get size(): number {
    return this.flows.size;
  }

  /** Of each part: its flow, outcome, packets and those of all parts so far, and its doubts. */
  get lines(): string[] {
    return this.parts.map(({ flow, part, outcome, traffic, total, doubts = [] }) =>
      [
        `${flow}.${part}`,
        outcome,
        `${traffic?.original.packets}/${total?.original.packets}`,
        ...doubts.filter((doubt) => doubt !== 'no-times'),
      ].join(' '),
    );
  }

  private put(sighting: Sighting | undefined): void {
    if (sighting !== undefined) this.parts.push(flowPartOf(sighting, this.run, undefined));
  }
}

describe('without an interval', () => {
  it('records a flow once, when it ends', () => {
    const log = new Log(false).read(flow(1, 10), flow(2, 20)).destroy(flow(1, 15));
    log.read(flow(2, 25)).destroy(flow(2, 30)).destroy(flow(3, 5));
    expect(log.lines).toEqual(['r-1.1 expired 15/15', 'r-2.1 expired 30/30', 'r-3.1 expired 5/5']);
    expect(log.size).toBe(0);
  });

  it('records a flow that is gone with what the last reading has shown', () => {
    const log = new Log(false).read(flow(1, 10)).read(flow(1, 12)).begin().end('lost');
    expect(log.lines).toEqual(['r-1.1 unobserved 12/12 lost']);
    expect(log.parts[0]).toMatchObject({ estimated: true, to: new Date(2000) });
    expect(log.parts[0]).not.toHaveProperty('end');
  });
});

describe('with an interval', () => {
  it('records what each reading adds, and the rest at the end', () => {
    const log = new Log().read(flow(1, 10)).read(flow(1, 15)).destroy(flow(1, 18));
    expect(log.lines).toEqual(['r-1.1 open 10/10', 'r-1.2 open 5/15', 'r-1.3 expired 3/18']);
    expect(log.parts.map(({ from, to }) => [from?.getTime(), to.getTime()])).toEqual([
      [undefined, 1001],
      [1001, 2001],
      [2001, 2002],
    ]);
  });

  it('records a flow without traffic once while it is open', () => {
    const log = new Log().read(flow(1, 0)).read(flow(1, 0)).read(flow(1, 0)).destroy(flow(1, 0));
    expect(log.lines).toEqual(['r-1.1 open 0/0', 'r-1.2 expired 0/0']);
  });

  it('records traffic of the reply alone', () => {
    const log = new Log().read(flow(1, 2)).read({
      ...flow(1, 2),
      replyCounters: [2n, 2000n],
    });
    expect(log.parts[1]?.traffic?.reply).toEqual({ packets: 1, bytes: 1000 });
  });

  it('records flows without counters once, without traffic', () => {
    const silent = flowOf(1);
    const log = new Log().read(silent).read(silent).destroy(silent);
    expect(log.lines).toEqual([
      'r-1.1 open undefined/undefined no-counters',
      'r-1.2 expired undefined/undefined no-counters',
    ]);
  });
});

describe('a DESTROY event and a reading', () => {
  it('that shows the flow afterwards: it has ended', () => {
    const log = new Log().begin().destroy(flow(1, 9)).show(flow(1, 8)).end();
    expect(log.lines).toEqual(['r-1.1 expired 9/9']);
    expect(log.size).toBe(0);
    log.read();
    expect(log.lines).toHaveLength(1);
  });

  it('that shows a known flow afterwards', () => {
    const log = new Log(false).read(flow(1, 5)).begin().destroy(flow(1, 9)).show(flow(1, 8)).end();
    expect(log.lines).toEqual(['r-1.1 expired 9/9']);
    expect(log.read().lines).toHaveLength(1);
  });

  it('that has shown it before', () => {
    const log = new Log().begin().show(flow(1, 8)).destroy(flow(1, 9)).end().read();
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 expired 1/9']);
  });

  it('that does not show it any more', () => {
    const log = new Log().read(flow(1, 8)).begin().show(flow(2, 1)).destroy(flow(1, 9)).end();
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-2.1 open 1/1', 'r-1.2 expired 1/9']);
  });

  test.each([
    ['another id', {}, { id: 77 }],
    ['another beginning', began(1), began(5)],
  ])('that shows the next flow on the tuple before: %s', (_, first, next) => {
    const log = new Log().read(flow(1, 8, first));
    log
      .begin()
      .show(flow(1, 3, next))
      .destroy(flow(1, 9, first))
      .end();
    log.destroy(flow(1, 4, next));
    expect(log.lines).toEqual([
      'r-1.1 open 8/8',
      'r-2.1 open 3/3',
      'r-1.2 expired 1/9',
      'r-2.2 expired 1/4',
    ]);
  });

  it('of a flow that was zeroed, with the next one on the tuple: the beginning tells them apart', () => {
    const log = new Log().read(flow(1, 8, began(1)));
    log
      .begin()
      .show(flow(1, 3, began(5)))
      .destroy(flow(1, 2, began(1)))
      .end();
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-2.1 open 3/3', 'r-1.2 expired 2/10 zeroed']);
  });

  it('of a flow of which no reading knew, on the tuple of one that is known', () => {
    const log = new Log(false)
      .read(flow(1, 8))
      .destroy(flow(1, 3, { id: 77 }))
      .read(flow(1, 9));
    expect(log.lines).toEqual(['r-2.1 expired 3/3']);
    expect(log.destroy(flow(1, 10)).lines[1]).toBe('r-1.1 expired 10/10');
  });

  it('that comes before a reading, which shows what is about to leave the table', () => {
    const dying = { status: 8 | 512 };
    const log = new Log()
      .begin()
      .end()
      .destroy(flow(1, 9))
      .read(flow(1, 9, dying))
      .read();
    expect(log.lines).toEqual(['r-1.1 expired 9/9']);
    expect(log.size).toBe(0);
  });

  it('that comes after a reading, which shows what has begun to end', () => {
    const dying = { status: 8 | 512 };
    const log = new Log()
      .read(flow(1, 8))
      .read(flow(1, 9, dying))
      .destroy(flow(1, 9, dying));
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 expired 1/9']);
  });

  it('that never comes: the flow is gone', () => {
    const log = new Log()
      .read(flow(1, 8))
      .begin()
      .show(flow(1, 3, { id: 77 }))
      .end('lost');
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-2.1 open 3/3', 'r-1.2 unobserved 0/8 lost']);
    expect(log.size).toBe(1);
  });

  it('three flows on one tuple while a reading runs', () => {
    const log = new Log().read(flow(1, 8)).begin();
    log.show(flow(1, 3, { id: 77 }), flow(1, 2, { id: 78 }));
    log
      .destroy(flow(1, 9))
      .destroy(flow(1, 4, { id: 77 }))
      .end();
    log.read(flow(1, 5, { id: 78 })).destroy(flow(1, 6, { id: 78 }));
    expect(log.lines).toEqual([
      'r-1.1 open 8/8',
      'r-2.1 open 3/3',
      'r-1.2 expired 1/9',
      'r-2.2 expired 1/4',
      'r-3.1 open 5/5',
      'r-3.2 expired 1/6',
    ]);
  });
});

describe('counters that fall', () => {
  it('of a flow with the time of its beginning: a program has zeroed it', () => {
    const at = began(3);
    const log = new Log()
      .read(flow(1, 8, at))
      .read(flow(1, 2, at))
      .destroy(flow(1, 5, at));
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 open 2/10 zeroed', 'r-1.3 expired 3/13']);
    expect(log.parts.map(({ estimated }) => estimated)).toEqual([false, true, false]);
  });

  it('of a flow without it, whose end does not come: the same', () => {
    const log = new Log().read(flow(1, 8)).read(flow(1, 2)).read(flow(1, 2)).destroy(flow(1, 5));
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 open 2/10 zeroed', 'r-1.3 expired 3/13']);
  });

  it('of a flow without it, whose end comes: the next flow has its tuple and its id', () => {
    const log = new Log().read(flow(1, 8)).begin().show(flow(1, 2)).destroy(flow(1, 9)).end();
    log.destroy(flow(1, 3));
    expect(log.lines).toEqual([
      'r-1.1 open 8/8',
      'r-1.2 expired 1/9',
      'r-2.1 open 2/2',
      'r-2.2 expired 1/3',
    ]);
  });

  it('both of them end while the reading runs', () => {
    const log = new Log().read(flow(1, 8)).begin().show(flow(1, 2));
    log.destroy(flow(1, 9)).destroy(flow(1, 4)).end();
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 expired 1/9', 'r-2.1 expired 4/4']);
    expect(log.size).toBe(0);
  });

  it('in the event of the end', () => {
    const log = new Log().read(flow(1, 8)).destroy(flow(1, 3));
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 expired 3/11 zeroed']);
  });
});

describe('after a restart', () => {
  it('a flow goes on, with its name, its number of parts and what was counted', () => {
    const log = new Log().read(flow(1, 10, began(1))).restart();
    log.read(flow(1, 16, began(1))).destroy(flow(1, 20, began(1)));
    expect(log.lines).toEqual(['r-1.1 open 10/10', 'r-1.2 open 6/16', 'r-1.3 expired 4/20']);
    expect(log.parts.map(({ estimated }) => estimated)).toEqual([false, false, false]);
    expect(log.parts[1]).toMatchObject({ from: new Date(1001), start: new Date(1000) });
  });

  it('its end comes before a reading', () => {
    const log = new Log().read(flow(1, 10)).restart().begin().destroy(flow(1, 20)).end();
    expect(log.lines).toEqual(['r-1.1 open 10/10', 'r-1.2 expired 10/20']);
    expect(log.size).toBe(0);
  });

  it('a flow that is gone ended meanwhile, some time after its last part', () => {
    const log = new Log().read(flow(1, 10), flow(2, 5)).restart().read(flow(2, 6));
    expect(log.lines.slice(2)).toEqual(['r-2.2 open 1/6', 'r-1.2 unobserved 0/10 not-recorded']);
    expect(log.parts[3]).toMatchObject({ estimated: true, to: new Date(1001) });
    // Later ends are those of a recorder that runs.
    expect(log.read().lines[4]).toBe('r-2.3 unobserved 0/6 no-event');
  });

  test.each([
    ['another id', {}, { id: 77 }],
    ['another beginning', began(1), began(2)],
  ])('the next flow on the tuple is another one: %s', (_, first, next) => {
    const log = new Log()
      .read(flow(1, 8, first))
      .restart()
      .read(flow(1, 3, next));
    expect(log.lines.slice(1)).toEqual(['rr-2.1 open 3/3', 'r-1.2 unobserved 0/8 not-recorded']);
    expect(log.destroy(flow(1, 9, next)).lines[3]).toBe('rr-2.2 expired 6/9');
  });

  it('of two open flows on one tuple the older one has ended', () => {
    const log = new Log().read(flow(1, 8)).begin();
    log.show(flow(1, 3, { id: 77 })).restart();
    log.read(flow(1, 5, { id: 77 }));
    expect(log.lines.slice(2)).toEqual(['r-2.2 open 2/5', 'r-1.2 unobserved 0/8 not-recorded']);
  });

  it('counters that a program has set to 0 before go on from there', () => {
    const log = new Log().read(flow(1, 8, began(1))).read(flow(1, 2, began(1)));
    expect(log.parts[1]?.counters?.original.packets).toBe(2);
    log.restart().read(flow(1, 6, began(1)));
    expect(log.lines[2]).toBe('r-1.3 open 4/14');
  });

  it('the exact time of the beginning is that of the kernel', () => {
    const exact = { startTime: SECOND + 123_456_789n };
    const log = new Log()
      .read(flow(1, 8, exact))
      .restart()
      .read(flow(1, 9, exact));
    log.restart().destroy(flow(1, 10, exact));
    expect(log.lines).toEqual(['r-1.1 open 8/8', 'r-1.2 open 1/9', 'r-1.3 expired 1/10']);
  });

  it('what is gone has what was known of it', () => {
    const shown = flow(1, 3, { labels: (1n << 100n) | 5n, helper: 'ftp', mark: 7, status: 14 });
    const log = new Log().read({ ...shown, zone: 3, ...began(1) });
    const [before] = log.parts;
    const [, after] = log.restart().read().parts;
    expect(after).toEqual({
      ...before,
      part: 2,
      outcome: 'unobserved',
      from: before?.to,
      traffic: { original: { packets: 0, bytes: 0 }, reply: { packets: 0, bytes: 0 } },
      estimated: true,
      doubts: ['not-recorded'],
    });
  });
});

it('takes from a reading what a DESTROY event lacks', () => {
  const shown = flow(1, 3, { labels: 5n, helper: 'ftp', mark: 7, status: 14 });
  const log = new Log(false).read(shown).destroy(flow(1, 4, { status: 526, tcpState: 7 }));
  expect(log.parts).toEqual([
    {
      type: 'flow',
      flow: 'r-1',
      part: 1,
      outcome: 'expired',
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      zone: 0,
      id: 1,
      original: {
        source: '10.0.0.1',
        destination: '10.0.1.1',
        sourcePort: 1,
        destinationPort: 443,
      },
      reply: { source: '10.0.1.1', destination: '10.0.0.1', sourcePort: 443, destinationPort: 1 },
      labels: '5',
      helper: 'ftp',
      state: 'TIME_WAIT',
      replied: true,
      to: new Date(1002),
      traffic: { original: { packets: 4, bytes: 400 }, reply: { packets: 2, bytes: 2000 } },
      total: { original: { packets: 4, bytes: 400 }, reply: { packets: 2, bytes: 2000 } },
      estimated: false,
      doubts: ['no-times'],
    },
  ]);
  expect(structuredClone(log.parts)).toEqual(log.parts);
});

it('gives times where the kernel does', () => {
  const log = new Log().read(flow(1, 3, began(1)));
  log.destroy(flow(1, 4, { ...began(1), stopTime: 3n * SECOND + 500_000_000n }));
  expect(
    log.parts.map(({ start, end, durationMs, from, to }) => ({ start, end, durationMs, from, to })),
  ).toEqual([
    { start: new Date(1000), from: new Date(1000), to: new Date(1001) },
    {
      start: new Date(1000),
      end: new Date(3500),
      durationMs: 2500,
      from: new Date(1001),
      to: new Date(3500),
    },
  ]);
});

/** A kernel of some tuples, whose events wait, and which goes on while a reading runs. */
class Kernel {
  /** By tuple: the number of the flow on it, and its packets. */
  readonly open = new Map<number, { readonly number: number; packets: number }>();
  readonly events: EntryValues[] = [];
  /** Packets of all flows that have ended. */
  readonly ended: number[] = [];
  private flows = 0;

  constructor(private readonly hasTimes: boolean) {}

  /** A packet, which begins a flow, or the end of one. */
  act(tuple: number, ends: boolean): void {
    const flow = this.open.get(tuple);
    if (flow === undefined) this.open.set(tuple, { number: ++this.flows, packets: 1 });
    else if (!ends) flow.packets++;
    else {
      this.events.push(this.entry(tuple));
      this.ended.push(flow.packets);
      this.open.delete(tuple);
    }
  }

  entry(tuple: number): EntryValues {
    const { number, packets } = this.open.get(tuple) ?? { number: 0, packets: 0 };
    // The kernel gives the next flow on a tuple the same id often; then only its beginning tells.
    return flow(tuple, packets, this.hasTimes ? began(number) : { id: number });
  }
}

const TUPLES = 3;
/** What happens between two entries of a reading. */
const step = fc.record({
  acts: fc.array(fc.tuple(fc.nat(TUPLES - 1), fc.boolean()), { maxLength: 3 }),
  delivered: fc.nat(3),
});

test.each([true, false])('the sums are exact in any order (times: %s)', (hasTimes) => {
  const readings = fc.array(fc.array(step, { minLength: TUPLES + 2, maxLength: TUPLES + 2 }), {
    maxLength: 3,
  });
  holds(readings, fc.boolean(), (all, isReporting) => {
    const kernel = new Kernel(hasTimes);
    const log = new Log(isReporting);
    const deliver = (count: number) => {
      for (const event of kernel.events.splice(0, count)) log.destroy(event);
    };
    const take = ({ acts, delivered }: { acts: [number, boolean][]; delivered: number }) => {
      for (const [tuple, ends] of acts) kernel.act(tuple, ends);
      deliver(delivered);
    };
    for (const [before, ...steps] of all) {
      if (before !== undefined) take(before);
      log.begin();
      for (const [tuple, one] of steps.entries()) {
        if (kernel.open.has(tuple)) log.show(kernel.entry(tuple));
        take(one);
      }
      deliver(kernel.events.length);
      log.end();
    }
    for (const tuple of kernel.open.keys()) kernel.act(tuple, true);
    deliver(kernel.events.length);
    log.read();

    const sums = new Map<string, number>();
    for (const { flow, traffic } of log.parts) {
      sums.set(flow, (sums.get(flow) ?? 0) + (traffic?.original.packets ?? 0));
    }
    const numeric = (one: number, other: number) => one - other;
    expect([...sums.values()].sort(numeric)).toEqual(kernel.ended.sort(numeric));
    const ends = log.parts.filter(({ outcome }) => outcome !== 'open');
    expect(ends).toHaveLength(kernel.ended.length);
    expect(log.parts.filter(({ estimated }) => estimated)).toEqual([]);
    expect(ends.map(({ total }) => total?.original.packets).sort()).toEqual(kernel.ended.sort());
    expect(log.size).toBe(0);
  });
});

test('what a restart misses is what ended meanwhile, and nothing is counted twice', () => {
  const act = fc.tuple(fc.nat(TUPLES - 1), fc.boolean());
  const run = fc.record({ down: fc.array(act), steps: fc.array(step, { maxLength: 4 }) });
  holds(fc.array(run, { maxLength: 4 }), (runs) => {
    const kernel = new Kernel(true);
    const log = new Log();
    const ended: { packets: number; isMissed: boolean }[] = [];
    const note = (isMissed: boolean) => {
      for (const packets of kernel.ended.splice(0)) ended.push({ packets, isMissed });
    };
    const act = (acts: readonly [number, boolean][]) => {
      for (const [tuple, ends] of acts) kernel.act(tuple, ends);
    };
    for (const { down, steps } of runs) {
      act(down);
      kernel.events.length = 0;
      note(true);
      log.restart();
      for (const { acts } of [{ acts: [] }, ...steps]) {
        act(acts);
        for (const event of kernel.events.splice(0)) log.destroy(event);
        note(false);
        log.begin();
        for (const tuple of kernel.open.keys()) log.show(kernel.entry(tuple));
        log.end();
      }
    }
    const sums = new Map<string, number>();
    for (const { flow, traffic } of log.parts) {
      sums.set(flow, (sums.get(flow) ?? 0) + (traffic?.original.packets ?? 0));
    }
    const of = (outcome: (part: FlowPart) => boolean) =>
      log.parts.filter(outcome).map(({ flow }) => sums.get(flow) ?? 0);
    const numeric = (one: number, other: number) => one - other;
    const told = ended.filter(({ isMissed }) => !isMissed).map(({ packets }) => packets);
    expect(of(({ outcome }) => outcome === 'expired').sort(numeric)).toEqual(told.sort(numeric));
    const gone = of(({ doubts }) => doubts?.includes('not-recorded') === true);
    expect(gone.length).toBeLessThanOrEqual(ended.length - told.length);
    const open = [...kernel.open.values()].map(({ packets }) => packets).sort(numeric);
    const ends = new Set(log.parts.filter((part) => part.outcome !== 'open').map((p) => p.flow));
    const left = [...sums].filter(([flow]) => !ends.has(flow)).map(([, sum]) => sum);
    if (runs.length > 0) expect(left.sort(numeric)).toEqual(open);
  });
});
