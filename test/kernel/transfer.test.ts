/**
 * A table in a stream, and back.
 */
import { PassThrough, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  Conntrack,
  countEntries,
  createEntries,
  createEntry,
  type Entry,
  type EntryJson,
  type EntrySpec,
  flushEntries,
  formatEntry,
  listEntries,
  restoreEntries,
  writeEntries,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { isEmulated } from '../support/emulation.js';
import { nft } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { createMany } from './populate.js';

/** A stream that keeps what is written to it. */
class Kept extends Writable {
  readonly pieces: string[] = [];

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.pieces.push(piece.toString());
    setImmediate(done);
  }

  get lines(): string[] {
    return this.pieces.join('').split('\n').slice(0, -1);
  }
}

async function saved(...rest: [filter?: Parameters<typeof writeEntries>[1]]): Promise<string[]> {
  const kept = new Kept();
  const { entries } = await writeEntries(kept, ...rest);
  expect(kept.lines).toHaveLength(entries);
  expect(kept.writableEnded).toBe(false);
  return kept.lines;
}

const restored = (lines: readonly string[]) =>
  restoreEntries(Readable.from(lines.map((line) => `${line}\n`)));

const tuple = (port: number) => ({
  ...{ source: '10.0.0.1', destination: '10.0.0.2' },
  ...{ sourcePort: port, destinationPort: 53 },
});

const udp = (port: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
  ...{ protocol: 'udp', original: tuple(port), timeout: 60_000 },
  ...more,
});

/** What the kernel sets itself, and what time changes. */
const CHANGES = new Set(['use', 'timeout', 'startTime', 'startTimeNs', 'bits', 'expected']);

/** What a create can set. */
const lasting = (entry: Entry): string =>
  JSON.stringify({ ...entry.toJSON(), id: 0 }, (name, value: unknown) =>
    CHANGES.has(name) ? undefined : value,
  );

const table = async () => (await listEntries()).map(lasting).sort();

describeInNamespace('conntrack', 'nft')('a table in a stream', () => {
  beforeEach(async () => {
    nft('flush ruleset');
    nft(`table inet t {
      chain c { type filter hook output priority 0; meta mark 99 ct label set 5; }
      chain nat { type nat hook postrouting priority 0; }
    }`);
    await flushEntries();
  });

  async function createAll(specs: readonly EntrySpec[]): Promise<void> {
    const results = await createEntries(specs);
    expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
  }

  const KINDS: EntrySpec[] = [
    udp(1, { mark: 7, labels: 1n << 100n, status: ['seenReply', 'assured'] }),
    udp(2, { zone: 5 }),
    udp(3, { original: { ...tuple(3), zone: 6 } }),
    udp(4, { nat: { source: { address: '192.0.2.1', port: 9 } } }),
    {
      ...{ protocol: 'tcp', original: tuple(5), timeout: 60_000, helper: 'ftp' },
      tcp: { state: 'ESTABLISHED', original: { windowScale: 3, flags: 3, flagsMask: 3 } },
    },
    {
      ...{ protocol: 'tcp', original: tuple(6), timeout: 60_000 },
      ...{ master: { ...tuple(5), protocol: 'tcp', protocolNumber: 6 }, tcp: { state: 'CLOSE' } },
    },
    {
      protocol: 'icmpv6',
      original: { source: 'fd00::1', destination: 'fd00::2', icmp: { type: 128, code: 0, id: 3 } },
      timeout: 60_000,
    },
    { protocol: 50, original: { source: 'fd00::1', destination: 'fd00::2' }, timeout: 60_000 },
  ];

  test('comes back as it was', async () => {
    await createAll(KINDS);
    const before = await table();
    const lines = await saved();
    await flushEntries();
    expect(await restored(lines)).toEqual({
      ...{ created: KINDS.length, existed: 0, failed: 0, failures: [] },
    });
    expect(await table()).toEqual(before);
    expect(await restored(lines)).toMatchObject({ created: 0, existed: KINDS.length, failed: 0 });
  });

  test('what matches, masters before what they expect', async () => {
    await createAll(KINDS);
    expect(await saved({ protocol: 'udp' })).toHaveLength(4);
    expect(await saved([])).toEqual([]);
    const lines = (await saved()).map((line) => JSON.parse(line) as EntryJson);
    expect(lines.map(({ master }) => master !== undefined)).toEqual([
      ...Array<boolean>(7).fill(false),
      true,
    ]);
  });

  test('masters behind what they expect, over several generations', async () => {
    const generations = 40;
    const child = (port: number) =>
      udp(
        port,
        port === 1 ? {} : { master: { ...tuple(port - 1), protocol: 'udp', protocolNumber: 17 } },
      );
    const lines = Array.from({ length: generations }, (_, index) =>
      JSON.stringify(child(generations - index)),
    );
    const lost = JSON.stringify(
      udp(999, { master: { ...tuple(998), protocol: 'udp', protocolNumber: 17 } }),
    );
    // More than are sent at a time lie between them.
    const others = Array.from({ length: 3000 }, (_, index) => JSON.stringify(udp(2000 + index)));
    const result = await restored([lost, ...lines.slice(0, -1), ...others, ...lines.slice(-1)]);
    expect(result).toMatchObject({ created: generations + 3000, existed: 0, failed: 1 });
    expect(
      result.failures.map(({ line, error }) => [line, (error as { code?: string }).code]),
    ).toEqual([[1, 'ENOENT']]);
  });

  test('with text among JSON, cut anywhere', async () => {
    const entry = await createEntry(udp(1));
    const text = [
      '# é comment ☃',
      JSON.stringify(udp(2)),
      '',
      formatEntry(entry, { format: 'save' })
        .replace('--sport 1 ', '--sport 3 ')
        .replace(/dst 1$/, 'dst 3'),
      String(entry).replace('sport=1 ', 'sport=4 ').replace('dport=1 ', 'dport=4 '),
      `  ${JSON.stringify(udp(5))}  \r`,
      JSON.stringify(udp(6)),
    ].join('\n');
    for (const size of [1, 2, 3, 7, 1000]) {
      await flushEntries();
      const bytes = Buffer.from(text);
      async function* pieces() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      expect(await restoreEntries(pieces())).toMatchObject({ created: 5, failed: 0 });
      expect((await listEntries()).map((one) => one.original.sourcePort).sort()).toEqual([
        2, 3, 4, 5, 6,
      ]);
    }
  });

  test('a failure stops nothing', async () => {
    const right = (port: number) => JSON.stringify(udp(port));
    const lines = [
      right(1),
      '{"protocol":',
      '{"__proto__":{"protocol":"udp"}}',
      right(2),
      'x'.repeat(70_000),
      `{"a":"\u001b"}`,
      JSON.stringify({ ...udp(3), timeout: -1 }),
      JSON.stringify({ ...udp(3), what: 1 }),
      '[NEW] udp',
      '[]',
      JSON.stringify({ ...udp(4), helper: 'no-such' }),
      right(5),
    ];
    const result = await restored(lines);
    expect(result).toMatchObject({ created: 3, existed: 0, failed: 9 });
    const told = result.failures.map(
      ({ line, error }) => `${line} ${error.name}: ${error.message}`,
    );
    expect(told.map((text) => text.split('\n', 1)[0])).toEqual([
      expect.stringMatching(/^2 SyntaxError: the line: is no JSON: /),
      expect.stringMatching(/^3 TypeError: entry\["__proto__"\]|^3 TypeError: entry.__proto__/),
      '5 RangeError: the line: must have at most 65536 characters',
      expect.stringMatching(/^6 SyntaxError: the line: is no JSON: [\x20-\x7e]*$/),
      expect.stringMatching(/^7 RangeError: entry\.timeout: must be/),
      expect.stringMatching(/^8 TypeError: entry\.what: unknown field/),
      expect.stringMatching(/^9 TypeError: it: is an event of conntrack -E/),
      expect.stringMatching(/^10 TypeError: it: is an event|^10 TypeError/),
      expect.stringMatching(/^11 ConntrackError: restoreEntries: the kernel has no helper/),
    ]);
  });

  test('it counts all failures, and keeps the first', async () => {
    const result = await restored(Array<string>(5000).fill('what'));
    expect(result).toMatchObject({ created: 0, failed: 5000 });
    expect(result.failures.map(({ line }) => line)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });

  test('backpressure: what a stream has not taken is not made', async () => {
    createMany(0, 10_000);
    let most = 0;
    const slow = new Writable({
      write(_piece, _encoding, done) {
        most = Math.max(most, this.writableLength);
        setTimeout(done, 1);
      },
    });
    expect(await writeEntries(slow)).toEqual({ entries: 10_000 });
    expect(most).toBeLessThan(512 * 1024);
  });

  test('a stream that fails rejects the call, and ends nothing else', async () => {
    createMany(0, 5000);
    const failing = new Writable({
      write(_piece, _encoding, done) {
        done(new Error('no space'));
      },
    });
    await expect(writeEntries(failing)).rejects.toThrow('no space');
    const ended = new PassThrough();
    ended.end();
    await expect(writeEntries(ended)).rejects.toThrow('write after end');
    const destroyed = new Kept();
    destroyed.destroy();
    await expect(writeEntries(destroyed)).rejects.toThrow('destroyed');
    const broken = new Readable({
      read() {
        this.destroy(new Error('no disk'));
      },
    });
    await expect(restoreEntries(broken)).rejects.toThrow('no disk');
    await expect(restoreEntries(Readable.from([1] as never))).rejects.toThrow(
      'readable: must give strings or bytes, not 1',
    );
    expect(await countEntries()).toBe(5000);
  });

  test('a signal, and the end of the handle, end the waiting', async () => {
    createMany(0, 5000);
    const handle = await Conntrack.open();
    const stuck = () => new Writable({ write: () => undefined });
    const silent = () => new Readable({ read: () => undefined });
    const begun = performance.now();
    const reason = new Error('enough');
    const signal = () => {
      const controller = new AbortController();
      setTimeout(() => {
        controller.abort(reason);
      }, 20);
      return controller.signal;
    };
    await expect(writeEntries(stuck(), {}, { signal: signal() })).rejects.toBe(reason);
    const source = silent();
    await expect(restoreEntries(source, { signal: signal() })).rejects.toBe(reason);
    await finished(source).catch(() => undefined);
    expect(source.destroyed).toBe(true);
    const aborted = AbortSignal.abort(reason);
    await expect(writeEntries(stuck(), {}, { signal: aborted })).rejects.toBe(reason);
    await expect(restoreEntries(silent(), { signal: aborted })).rejects.toBe(reason);
    const pending = [handle.writeEntries(stuck()), handle.restoreEntries(silent())].map((call) =>
      expect(call).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' }),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    await handle.close();
    await Promise.all(pending);
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test('more entries than are under way at a time', async () => {
    const count = isEmulated ? 5000 : 20_000;
    createMany(0, count);
    const pipe = new PassThrough();
    const pieces: Buffer[] = [];
    pipe.on('data', (piece: Buffer) => pieces.push(piece));
    expect(await writeEntries(pipe)).toEqual({ entries: count });
    const before = await table();
    await flushEntries();
    expect(await restoreEntries(Readable.from(pieces))).toEqual({
      ...{ created: count, existed: 0, failed: 0, failures: [] },
    });
    expect(await table()).toEqual(before);
  });
});
