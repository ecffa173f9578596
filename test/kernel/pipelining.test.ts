/**
 * Thousands of requests at a time, of every kind, that succeed, fail, and are closed.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import {
  Conntrack,
  ConntrackError,
  type Entry,
  type EntrySpec,
  getEntries,
  getEntry,
  listEntries,
} from 'conntrack';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { built } from '../support/built.js';
import { runNode } from '../support/child.js';
import { many } from '../support/emulation.js';
import { run } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { Random } from '../support/random.js';
import { describeInNamespace } from '../support/requirements.js';

const packageUrl = new URL('../../dist/index.js', import.meta.url).href;
const helperPath = built('test/support/native/namespace.node');

const flow = (number: number): EntrySpec => ({
  protocol: number % 2 === 0 ? 'udp' : 'tcp',
  original: {
    source:
      number % 3 === 0 ? `10.0.${number >> 8}.${number & 255}` : `fd00::${number.toString(16)}`,
    destination: number % 3 === 0 ? '10.9.9.9' : 'fd00:9::9',
    sourcePort: 1024 + number,
    destinationPort: 443,
  },
  timeout: 600,
  mark: number,
});

/** What a call must come to: a word for a value or an error. */
interface Call {
  readonly run: (handle: Conntrack) => Promise<unknown>;
  readonly expected: unknown;
  /** One answer settles it at once. */
  readonly isSingle: boolean;
}

const wordOf = (value: unknown): unknown => {
  if (value instanceof ConntrackError) return value.code;
  if (value instanceof Error) return value.constructor.name;
  return typeof value === 'object' && value !== null ? (value as Entry).mark : value;
};

/** Each is about a flow of its own: of `there`, or one that is not. */
function callAbout(random: Random, number: number, there: ReadonlyMap<number, Entry>): Call {
  const entry = there.get(number);
  const { protocol, original } = flow(number);
  const key = { protocol, original } as EntrySpec;
  const single = (expected: unknown, run: Call['run']): Call => ({ run, expected, isSingle: true });
  const double = (expected: unknown, run: Call['run']): Call => ({
    run,
    expected,
    isSingle: false,
  });
  const wrong = single('TypeError', (handle) =>
    handle.getEntry({ ...key, protocol: 'tpc' as 'tcp' }),
  );
  const expectation = double(undefined, (handle) =>
    handle.getExpectation({ protocol: 'udp', tuple: original }),
  );
  return entry === undefined
    ? random.of([
        single(undefined, (handle) => handle.getEntry(key)),
        single(false, (handle) => handle.deleteEntry({ ...key, id: number + 1 })),
        double(false, (handle) => handle.deleteEntry(key)),
        double('ENOENT', (handle) => handle.updateEntry(key, { mark: 1 })),
        single(number, (handle) => handle.createEntry(flow(number))),
        wrong,
        expectation,
      ])
    : random.of([
        single(number, (handle) => handle.getEntry(key)),
        single(number, (handle) => handle.getEntry(entry)),
        single(undefined, (handle) => handle.getEntry({ ...key, id: (entry.id + 1) >>> 0 })),
        single('EEXIST', (handle) => handle.createEntry(flow(number))),
        single(true, (handle) => handle.deleteEntry(entry)),
        double(true, (handle) => handle.deleteEntry(key)),
        double(number + 7, (handle) => handle.updateEntry(entry, { mark: number + 7 })),
        wrong,
        expectation,
      ]);
}

const sockets = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // that of the listing itself
    }
  }).length;

describeInNamespace('conntrack', 'unshare')('many requests at a time', () => {
  let other: OtherNetwork;
  beforeAll(async () => {
    other = await OtherNetwork.create();
  });
  afterAll(async () => {
    await other[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    run('conntrack', '-F');
    other.run('conntrack', '-F');
  });

  async function fill(handle: Conntrack, count: number): Promise<Map<number, Entry>> {
    const numbers = Array.from({ length: count }, (_, number) => 2 * number);
    const results = await handle.createEntries(numbers.map(flow));
    return new Map(
      results.map(({ entry, error }, index) => {
        if (error !== undefined) throw error;
        return [numbers[index] as number, entry];
      }),
    );
  }

  test('ten thousand mixed ones in each of two namespaces: each its own result, in order', async () => {
    const before = sockets();
    const handles = [await Conntrack.open(), await Conntrack.open({ netns: { pid: other.pid } })];
    await Promise.all(
      handles.map(async (handle, which) => {
        const random = new Random(which + 1);
        const there = await fill(handle, many(5000));
        const calls = Array.from({ length: many(10_000) }, (_, number) =>
          callAbout(random, number, there),
        );
        const settled: number[] = [];
        const words = await Promise.all(
          calls.map(async ({ run: begin }, index) => {
            let word: unknown;
            try {
              word = wordOf(await begin(handle));
            } catch (error) {
              word = wordOf(error);
            }
            settled.push(index);
            return word;
          }),
        );
        expect(words).toEqual(calls.map(({ expected }) => expected));
        expect(settled).toHaveLength(many(10_000));
        // What one request answers, and what was sent at all, is settled in the order of the calls.
        const singles = settled.filter(
          (index) => calls[index]?.isSingle === true && calls[index].expected !== 'TypeError',
        );
        expect(singles).toEqual(singles.toSorted((a, b) => a - b));
        const left = new Map(
          (await handle.listEntries()).map((entry) => [entry.original.sourcePort, entry]),
        );
        for (const [number, { expected }] of calls.entries()) {
          const isThere = there.has(number) ? expected !== true : expected === number;
          expect(left.has(1024 + number), `flow ${number}`).toBe(isThere);
        }
        await handle.close();
      }),
    );
    expect(sockets()).toBe(before);
  });

  test('that are closed in the middle: each settles, and tells what was done', async () => {
    const before = sockets();
    for (const turns of [0, 1, 3, 10]) {
      const handle = await Conntrack.open();
      const results = Array.from({ length: 4000 }, async (_, number) => {
        try {
          return await handle.createEntry(flow(number));
        } catch (error) {
          return error as ConntrackError;
        }
      });
      // A pass on the same handle that is aborted meanwhile.
      const controller = new AbortController();
      const pass = handle.deleteEntries({ mark: 1 << 30 }, { signal: controller.signal });
      const passed = pass.then(
        () => 'ended',
        (error: unknown) => error,
      );
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      controller.abort('enough');
      const closing = handle.close();
      const settled = await Promise.all(results);
      await closing;
      expect(['enough', 'ended']).toContain(await passed);
      const there = new Set((await listEntries()).map(({ original }) => original.sourcePort));
      for (const [number, result] of settled.entries()) {
        if (!(result instanceof ConntrackError)) {
          expect(there.has(1024 + number)).toBe(true);
          continue;
        }
        expect(result.code).toBe('ERR_CONNTRACK_CLOSED');
        if (result.outcome !== 'unknown') expect(there.has(1024 + number)).toBe(false);
      }
      run('conntrack', '-F');
    }
    expect(sockets()).toBeLessThanOrEqual(before + 1); // that of the thread's functions
  });

  test('getEntries gives what getEntry gives, in the order of the keys', async () => {
    const handle = await Conntrack.open();
    const there = await fill(handle, 3000);
    const random = new Random(9);
    const keys = Array.from({ length: 5000 }, () => {
      const number = random.below(7000);
      const { protocol, original } = flow(number);
      return random.of([{ protocol, original }, there.get(number) ?? { protocol, original }]);
    });
    const one = await Promise.all(keys.map((key) => getEntry(key as Entry)));
    const many = await getEntries(keys);
    expect(many.map((entry) => entry?.id)).toEqual(one.map((entry) => entry?.id));
    expect(many.filter((entry) => entry === undefined).length).toBeGreaterThan(500);
    expect(await getEntries([])).toEqual([]);
    const wrong = [...keys.slice(0, 2), { ...keys[2], protocol: 'tpc' }] as Entry[];
    await expect(getEntries(wrong)).rejects.toThrow(/^keys\[2\]\.protocol: /);
    await handle.close();
  });

  // The helper moves the thread, which no JavaScript can do.
  test('functions without a handle work in the namespace that the thread is in at the call', async () => {
    const script = `
      import { createRequire } from 'node:module';
      import { readdirSync, readlinkSync } from 'node:fs';
      import { countEntries, createEntry, getEntry } from '${packageUrl}';
      const { enterFreshNetwork } = createRequire(import.meta.url)('${helperPath}');
      const spec = (port) => ({ protocol: 'udp', timeout: 60,
        original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: port, destinationPort: 53 } });
      enterFreshNetwork();
      const calls = [createEntry(spec(1)), createEntry(spec(2)), countEntries()];
      enterFreshNetwork();
      calls.push(countEntries(), getEntry(spec(1)), createEntry(spec(3)), countEntries());
      enterFreshNetwork();
      calls.push(countEntries());
      const results = await Promise.all(calls);
      await new Promise(setImmediate);
      const sockets = readdirSync('/proc/self/fd').filter((fd) => {
        try { return fd > 2 && readlinkSync('/proc/self/fd/' + fd).startsWith('socket:'); } catch { return false; }
      });
      console.log(JSON.stringify(results.map((r) => r?.original?.sourcePort ?? r ?? null)), sockets.length);
    `;
    const { stdout, stderr } = await runNode(['--input-type=module', '--eval', script]);
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe('[1,2,2,0,null,3,1,0] 1');
  });
});
