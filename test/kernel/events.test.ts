import { setTimeout } from 'node:timers/promises';
import { type EventStream, type Family, watchEvents } from 'conntrack';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { built } from '../support/built.js';
import { runNode } from '../support/child.js';
import { isSlow, many } from '../support/emulation.js';
import { EventTool, lineOf } from '../support/event-tool.js';
import { hasFeature } from '../support/kernel-features.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { exchangeUdp, openTcp, ping } from '../support/traffic.js';
import { isMarker, makeMarker, until } from './event-marker.js';
import { Creator, createMany, numberOf } from './populate.js';

const HOSTS = {
  ipv4: { client: '127.0.0.2', server: '127.0.0.3', alias: '192.0.2.1' },
  ipv6: { client: 'fd00::2', server: 'fd00::3', alias: 'fd00::99' },
} satisfies Record<Family, object>;

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('events of real traffic', () => {
  beforeAll(() => {
    for (const address of [HOSTS.ipv6.client, HOSTS.ipv6.server]) {
      run('ip', 'address', 'add', `${address}/128`, 'dev', 'lo', 'nodad');
    }
    run('ip', 'route', 'add', 'local', HOSTS.ipv4.alias, 'dev', 'lo');
    run('ip', 'route', 'add', 'local', HOSTS.ipv6.alias, 'dev', 'lo');
  });

  beforeEach(() => {
    run('conntrack', '-F');
    nft('flush ruleset');
    trackLoopback();
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    const { client, server, alias } = HOSTS[family];
    const ends = (port: number) => ({
      client: { address: client, port: 40000 },
      server: { address: server, port },
    });

    for (const details of ['with', 'without']) {
      test(`${family}, ${details} accounting and timestamps: what conntrack -E prints`, async () => {
        setting('acct', details === 'with' ? 1 : 0);
        setting('timestamp', details === 'with' ? 1 : 0);
        nft(`table inet nat {
          chain output {
            type nat hook output priority -100
            meta l4proto udp th dport 53 dnat ${family === 'ipv4' ? 'ip' : 'ip6'} to ${
              family === 'ipv4' ? server : `[${server}]`
            }:5355
          }
        }`);
        await using tool = await EventTool.start();
        const stream = watchEvents();
        await exchangeUdp(ends(5353));
        await exchangeUdp({ ...ends(5355), to: { address: alias, port: 53 } });
        ping(client, server, 77);
        const connection = await openTcp(ends(8080));
        await connection[Symbol.asyncDispose]();
        run('conntrack', '-D', '-f', family, '-p', 'tcp');
        makeMarker();

        const events = await until(stream, isMarker);
        const lines = events.map((event) => ('entry' in event ? lineOf(event) : event.type));
        expect(lines).toEqual(await tool.stop(lines.length));
        expect(lines.length).toBeGreaterThan(12);
        const [first] = events;
        if (first?.type !== 'new') throw new Error('the first event is no new entry');
        expect(first.originPortId).toBe(0);
        expect(first.entry.counters).toBeUndefined();
        const last = events.at(-1);
        if (last?.type !== 'destroy') throw new Error('the last event is no end');
        expect(last.originPortId).not.toBe(0);
        expect(last.entry.stopTimeNs !== undefined).toBe(details === 'with');
        expect(stream.counters).toEqual({
          received: events.length,
          delivered: events.length,
          lostInKernel: 0,
          lostInQueue: 0,
          malformed: 0,
          foreign: 0,
        });
      });
    }
  }
});

/** As many as a burst has. */
const FLOOD = many(200_000);

describeInNamespace('conntrack')('events in bursts', () => {
  beforeEach(() => {
    run('conntrack', '-F');
  });

  /** What a stream gives of the entries 0 to `count` - 1 as they are created. */
  async function watchCreation(stream: EventStream, count: number, pause?: () => void) {
    const creator = new Creator(0, count);
    let received = 0;
    let lost = 0;
    let holes = 0;
    let next = 0; // the number that comes next if nothing is missing
    const misplaced: unknown[] = [];
    let missing = 0;
    for await (const event of stream) {
      if (event.type === 'lost') {
        missing += event.count;
        lost += event.count;
        holes++;
      } else if ('entry' in event) {
        const number = numberOf(event.entry);
        if (number - next !== missing) misplaced.push({ number, expected: next + missing });
        next = number + 1;
        missing = 0;
        received++;
        if (received === Math.floor(count / 4)) pause?.();
      }
      if (received + lost >= count) break;
    }
    await creator.exited;
    return { received, lost, holes, misplaced };
  }

  test('200,000 new flows at full speed, each read: none is lost', async () => {
    const stream = watchEvents({ events: ['new'] });
    const result = await watchCreation(stream, FLOOD);
    expect(result.received + result.lost).toBe(FLOOD);
    expect(result.misplaced).toEqual([]);
    if (stream.receiveBufferBytes >= 32 << 20) expect(result.lost).toBe(0);
  });

  test('the same while the main thread is blocked for 500 ms', async () => {
    const stream = watchEvents({ events: ['new'] });
    const block = () => {
      const end = performance.now() + 500;
      while (performance.now() < end);
    };
    const result = await watchCreation(stream, FLOOD, block);
    expect(result.received + result.lost).toBe(FLOOD);
    if (stream.receiveBufferBytes >= 32 << 20) expect(result.lost).toBe(0);
  });

  test('maxDelay: 200,000 at full speed gather, and none is lost', async () => {
    const stream = watchEvents({ events: ['new'], maxDelay: 1000 });
    const result = await watchCreation(stream, FLOOD);
    expect(result.received + result.lost).toBe(FLOOD);
    expect(result.misplaced).toEqual([]);
    if (stream.receiveBufferBytes >= 32 << 20) expect(result.lost).toBe(0);
  });

  test('maxDelay: a few wait for it, come together, and do not hold up close()', async () => {
    const maxDelay = isSlow ? 5000 : 300;
    const stream = watchEvents({ events: ['new'], maxDelay });
    const batches = stream.batches();
    const began = performance.now();
    const reading = batches.next();
    createMany(0, 5);
    await setTimeout(100);
    createMany(5, 5);
    const { value = [] } = await reading;
    expect(value.map((event) => 'entry' in event && numberOf(event.entry))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(performance.now() - began).toBeGreaterThan(maxDelay - 10);
    const pending = batches.next();
    createMany(10, 1);
    const closing = performance.now();
    await stream.close();
    expect(await pending).toEqual({ value: undefined, done: true });
    expect(performance.now() - closing).toBeLessThan((maxDelay * 2) / 3);
  });

  test('a small receive buffer: each hole is told at its place, and the stream goes on', async () => {
    const stream = watchEvents({ events: ['new'], receiveBufferBytes: 65_536 });
    expect(stream.receiveBufferBytes).toBe(65_536);
    const { received, lost, holes, misplaced } = await watchCreation(stream, FLOOD / 2);
    expect(received + lost).toBe(FLOOD / 2);
    expect(holes).toBeGreaterThan(1);
    expect(misplaced).toEqual([]);
  });

  test('a small queue: each hole is told at its place', async () => {
    const stream = watchEvents({ events: ['new'], queueBytes: 65_536 });
    const block = () => {
      const end = performance.now() + 200;
      while (performance.now() < end);
    };
    const { received, lost, misplaced } = await watchCreation(stream, FLOOD / 2, block);
    expect(received + lost).toBe(FLOOD / 2);
    expect(stream.counters.lostInQueue).toBeGreaterThan(0);
    expect(misplaced).toEqual([]);
  });

  test('the smallest buffers: what came and what was lost add up', async () => {
    const stream = watchEvents({
      events: ['new'],
      receiveBufferBytes: 4096,
      queueBytes: 65_536,
    });
    const { received, lost } = await watchCreation(stream, FLOOD);
    expect(received + lost).toBe(FLOOD);
    const { lostInKernel, lostInQueue } = stream.counters;
    expect(lostInKernel + lostInQueue).toBe(lost);
  });

  test('reliableDestroy: every DESTROY comes, however small the buffers are', async () => {
    const count = 400;
    const stream = watchEvents({
      events: ['new', 'destroy'],
      receiveBufferBytes: 4096,
      queueBytes: 65_536,
      reliableDestroy: true,
    });
    createMany(0, count);
    run('conntrack', '-F');
    const destroyed = new Set<number>();
    for await (const event of stream) {
      if (event.type === 'destroy') destroyed.add(numberOf(event.entry));
      expect(event.type).not.toBe('reliability-ended');
      if (destroyed.size === count) break;
    }
    expect(destroyed.size).toBe(count);
  });
});

describeInNamespace()('a stream of what older flows do not send', () => {
  const WARNING = /ConntrackWarning: flows that b.*nf_conntrack_events.*writeSettings/s;
  const canBeSet = ([, value]: readonly [string, number, readonly string[]]) =>
    value !== 2 || hasFeature('automaticEvents');
  const stderrOf = async (setting: number, ...events: (readonly string[])[]) => {
    const program = `
      import { watchEvents, writeSettings } from 'conntrack';
      await writeSettings({ events: ['off', 'on', 'auto'][${setting}] });
      for (const events of ${JSON.stringify(events)}) await watchEvents({ events }).close();
      await watchEvents({ events: ['new', 'destroy'], expectations: true }).close();
    `;
    const { code, stderr } = await runNode(['--input-type=module', '--eval', program]);
    expect(code).toBe(0);
    return stderr;
  };

  const silent = [
    ['destroy alone', 2, ['destroy']],
    ['update alone', 2, ['update']],
    ['update and destroy', 2, ['update', 'destroy']],
    ['new, where no flow sends events', 0, ['new']],
  ] as const;

  test.each(silent.filter(canBeSet))('warns once: %s', async (_, setting, events) => {
    const stderr = await stderrOf(setting, events, events, events);
    expect(stderr).toMatch(WARNING);
    expect(stderr.match(/CONNTRACK_SILENT_FLOWS/g)).toHaveLength(1);
  });

  const told = [
    ['new and destroy', 2, ['new', 'destroy']],
    ['destroy, where every flow sends events', 1, ['destroy']],
  ] as const;

  test.each(told.filter(canBeSet))('does not warn: %s', async (_, setting, events) => {
    expect(await stderrOf(setting, events)).toBe('');
  });
});

describeInNamespace('conntrack')('events and strangers', () => {
  const forge = built('test/support/native/forge');

  test('what other processes send is dropped and counted', async () => {
    const stream = watchEvents();
    for (let i = 0; i < 5; i++) run(forge, 'multicast', '1');
    makeMarker();
    const events = await until(stream, isMarker);
    expect(events.map(({ type }) => type)).toEqual(['new', 'destroy']);
    expect(stream.counters).toMatchObject({ received: 2, foreign: 5, malformed: 0 });
  });
});

describeInNamespace('conntrack', 'ip')('allNamespaces', () => {
  test('labels events with the id that this namespace has for theirs', () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { watchEvents } from 'conntrack';
      const stream = watchEvents({ allNamespaces: true, events: ['new'] });
      const insert = (sport, ...within) => {
        const [command, ...args] = [...within, 'conntrack', '-I', '-p', 'udp', '-t', '100'];
        const tuple = ['-s', '10.0.0.1', '-d', '10.0.0.2', '--sport', sport, '--dport', '2'];
        execFileSync(command, [...args, ...tuple], { stdio: 'ignore' });
      };
      insert('1');
      insert('2', 'ip', 'netns', 'exec', 'known');
      insert('3', 'ip', 'netns', 'exec', 'unknown');
      insert('4');
      const seen = [];
      for await (const { netns, entry } of stream) {
        seen.push([entry.original.sourcePort, netns]);
        if (seen.length === 3) break;
      }
      console.log(JSON.stringify(seen));`;
    const script = `
      mount -t tmpfs none /run && mkdir /run/netns &&
      ip netns add known && ip netns set known 7 && ip netns add unknown &&
      exec "$0" --input-type=module --eval "$1"`;
    const output = run('unshare', '--mount', 'sh', '-c', script, process.execPath, program);
    // As JSON, what is undefined is null.
    expect(JSON.parse(output)).toEqual([
      [1, null],
      [2, 7],
      [4, null],
    ]);
  });
});

describeInNamespace()('the setting of events', () => {
  const coverages: [string, string][] = [
    ['0', 'none'],
    ['1', 'all'],
    ...(hasFeature('automaticEvents') ? [['2', 'since-listening'] as [string, string]] : []),
  ];

  test.each(coverages)('%s covers %s', async (value, coverage) => {
    setting('events', value);
    await using stream = watchEvents();
    expect(stream.coverage).toBe(coverage);
  });
});
