/**
 * A table in a stream, and back, over a scripted kernel: what becomes of each line, what waits, and
 * what is left behind. The limits are smaller ones.
 */
import { getEventListeners } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import {
  Conntrack,
  type EntrySpec,
  type RestoreEntriesOptions,
  type RestoreEntriesResult,
  type TextReadable,
  writeEntries,
} from 'conntrack';
import { describe, expect, test, vi } from 'vitest';
import {
  CTNETLINK,
  doneMessage,
  type EntryDescription,
  entryMessage,
  errorMessage,
} from '../support/message-builder.js';
import { accept, answer, type KernelSocket, waitingSockets } from '../support/scripted-kernel.js';
import { nextRequests, to } from './datagrams.js';
import { flow, flows, tcpTuple } from './flows.js';
import { codeIn, errorOf } from './outcome.js';

/** Of what is under way, and of what waits for its master. */
const [ITEMS, BYTES] = [4, 2000];
vi.mock('../../src/core/limits.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/core/limits.js')>();
  const small = { itemsUnderWay: 4, waitingBytes: 2000, failuresKept: 3, entriesInWrite: 4 };
  return { ...original, LIMITS: { ...original.LIMITS, ...small } };
});

const [EPERM, ENOENT, EEXIST, EINVAL] = [1, 2, 17, 22];

const tuple = (port: number) => ({
  ...{ source: '10.0.0.1', destination: '10.0.0.2' },
  ...{ sourcePort: port, destinationPort: 53 },
});

const udp = (port: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
  ...{ protocol: 'udp', original: tuple(port), timeout: 60 },
  ...more,
});

const line = (port: number, more: Partial<EntrySpec> = {}) => JSON.stringify(udp(port, more));

/** One whose master has the port before it. */
const child = (port: number, more: Partial<EntrySpec> = {}) =>
  line(port, {
    master: { ...tuple(port - 1), protocol: 'udp', protocolNumber: 17 },
    ...more,
  });

/** CTA_PROTO_SRC_PORT */
const portAttribute = Buffer.from(new Uint16Array([6, 2]).buffer);
/** CTA_TUPLE_MASTER is behind the other tuples. */
const portsOf = (bytes: Buffer): number[] => {
  const ports: number[] = [];
  for (let at = bytes.indexOf(portAttribute); at !== -1; at = bytes.indexOf(portAttribute, at + 1))
    ports.push(bytes.readUInt16BE(at + 4));
  return ports;
};

/**
 * Plays the table until the socket is closed: creates what it may. `errnoOf` by the port, for what
 * it refuses. Returns the ports, in order.
 */
async function serve(socket: KernelSocket, errnoOf: (port: number) => number | undefined) {
  const ports = new Set<number>();
  for (;;) {
    const requests = await nextRequests(socket).catch(() => undefined);
    if (requests === undefined) return [...ports];
    for (const [index, request] of requests.entries()) {
      if (request.type !== CTNETLINK.new) continue;
      const [port = 0, , master] = portsOf(request.bytes);
      const isOrphan = master !== undefined && !ports.has(master);
      const errno = errnoOf(port) ?? (isOrphan ? ENOENT : undefined);
      const get = requests[index + 1];
      if (get === undefined) throw new Error('no get');
      if (errno === undefined) {
        ports.add(port);
        await socket.send(to(get, entryMessage(flow(port))));
      } else {
        await socket.send(to(request, errorMessage(errno)), to(get, errorMessage(ENOENT)));
      }
    }
  }
}

/** A call on a handle of its own, and the ports that it has created. */
async function restore(
  from: TextReadable,
  options?: RestoreEntriesOptions,
  errnoOf: (port: number) => number | undefined = () => undefined,
): Promise<RestoreEntriesResult & { readonly ports: number[] }> {
  const handle = await Conntrack.open();
  const restoring = handle.restoreEntries(from, options).finally(() => handle.close());
  const serving = accept().then((socket) => serve(socket, errnoOf));
  const result = await restoring;
  return { ...result, ports: await serving };
}

const lines = (...all: string[]) => Readable.from(all.map((one) => `${one}\n`));

const told = ({ failures }: RestoreEntriesResult) =>
  failures.map(({ line: number, error }) => [
    number,
    error instanceof RangeError ? 'range' : codeIn(error) === error ? error.name : codeIn(error),
  ]);

describe('restoreEntries', () => {
  test('creates what each line says, and counts what became of each', async () => {
    const of: Readonly<Record<number, number>> = { 2: EEXIST, 4: EINVAL };
    const text =
      'tcp      6 60 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=5 dport=53 ' +
      'src=10.0.0.2 dst=10.0.0.1 sport=53 dport=5 use=1';
    const all = ['# 1', line(1), '', line(2), `  ${line(3)}`, line(4), text, '{"protocol":'];
    const result = await restore(lines(...all), undefined, (port) => of[port]);
    expect(result).toMatchObject({ created: 3, existed: 1, failed: 2, ports: [1, 3, 5] });
    expect(told(result)).toEqual([
      [6, 'EINVAL'],
      [8, 'SyntaxError'],
    ]);
  });

  test('has the number of a line that is behind others of its batch, and the first failures', async () => {
    const wrong = (port: number) => JSON.stringify({ ...udp(port), timeout: -1 });
    const long = 'x'.repeat(70_000);
    const all = [line(1), wrong(2), ...[3, 4, 5].map((port) => line(port)), long, wrong(7), '?'];
    const result = await restore(lines(...all), undefined, (port) =>
      port === 5 ? EINVAL : undefined,
    );
    expect(result).toMatchObject({ created: 3, existed: 0, failed: 5 });
    expect(result.failures).toHaveLength(3);
    for (const { line: number } of result.failures) expect([2, 5, 6, 7, 8]).toContain(number);
    const numbers = result.failures.map(({ line: number }) => number);
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
  });

  test('sends a line again when its master has come, over several generations', async () => {
    const others = Array.from({ length: 2 * ITEMS }, (_, index) => line(50 + index));
    const generations = [7, 6, 5, 4, 3, 2].map((port) => child(port));
    const result = await restore(lines(...generations, child(99), ...others, line(1)));
    expect(result).toMatchObject({ created: 7 + others.length, existed: 0, failed: 1 });
    expect(result.ports.slice(-7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(told(result)).toEqual([[7, 'ENOENT']]);
  });

  test('gives up a line whose master is not there and one that waits in vain', async () => {
    const result = await restore(lines(line(9), child(5), child(6), child(7)));
    expect(result).toMatchObject({ created: 1, failed: 3, ports: [9] });
    expect(told(result)).toEqual([2, 3, 4].map((number) => [number, 'ENOENT']));
  });

  test('of an entry without a master that is refused for another reason does not wait', async () => {
    const result = await restore(lines(line(1), line(2)), undefined, () => ENOENT);
    expect(result).toMatchObject({ created: 0, failed: 2, ports: [] });
  });

  test('keeps so many bytes of lines that wait for their masters', async () => {
    const size = Buffer.byteLength(child(3));
    const fit = Math.floor(BYTES / size);
    const children = Array.from({ length: fit + 2 }, (_, index) => child(101 + 2 * index));
    const masters = children.map((_, index) => line(100 + 2 * index));
    const result = await restore(lines(...children, ...masters));
    expect(result).toMatchObject({ created: children.length + fit, existed: 0, failed: 2 });
    expect(told(result)).toEqual([
      [fit + 1, 'ENOENT'],
      [fit + 2, 'ENOENT'],
    ]);
    // A line that takes the last byte fits.
    const helper = 'h'.repeat(15);
    const filler = child(3, { helper }).length - helper.length;
    const exact = `${child(3, { helper })}${' '.repeat(BYTES - filler - helper.length)}`;
    for (const [more, failed] of [
      ['', 0],
      [' ', 1],
    ] as const) {
      const others = [40, 41, 42].map((port) => line(port));
      const one = await restore(lines(`${exact}${more}`, ...others, line(2)));
      expect(one).toMatchObject({ failed });
    }
  });

  test('rejects when each line would be refused, and sends no more', async () => {
    const read: number[] = [];
    async function* pieces() {
      for (let port = 1; port < 100; port++) {
        read.push(port);
        yield `${line(port)}\n`;
      }
    }
    const handle = await Conntrack.open();
    const restoring = errorOf(handle.restoreEntries(pieces()));
    const serving = accept().then((socket) => serve(socket, () => EPERM));
    expect(await restoring).toMatchObject({ code: 'EPERM', operation: 'restoreEntries' });
    expect(read.length).toBeLessThan(5 * ITEMS);
    await handle.close();
    await serving;
  });

  test('reads no further than the kernel answers', async () => {
    let read = 0;
    async function* pieces() {
      for (let port = 1; port <= 10 * ITEMS; port++) {
        read++;
        yield `${line(port)}\n`;
      }
    }
    const handle = await Conntrack.open();
    const restoring = handle.restoreEntries(pieces());
    const socket = await accept();
    const first = await nextRequests(socket);
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    // One batch is under way, and one is ready.
    expect(read).toBeGreaterThan(ITEMS);
    expect(read).toBeLessThanOrEqual(2 * ITEMS);
    const gets = first.filter(({ type }) => type === CTNETLINK.get);
    for (const get of gets) await socket.send(to(get, entryMessage(flow(1))));
    const serving = serve(socket, () => undefined);
    expect(await restoring).toMatchObject({ created: 10 * ITEMS, failed: 0 });
    await handle.close();
    await serving;
  });

  test('ends with its signal, and destroys what it reads', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const { signal } = controller;
    const source = new Readable({ read: () => undefined });
    const handle = await Conntrack.open();
    const restoring = errorOf(handle.restoreEntries(source, { signal }));
    await setImmediate();
    expect(source.destroyed).toBe(false);
    controller.abort(reason);
    expect(await restoring).toBe(reason);
    expect(source.destroyed).toBe(true);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    // One that has ended already is left alone.
    const closing = new Readable({ read: () => undefined });
    const waiting = errorOf(handle.restoreEntries(closing));
    await setImmediate();
    await handle.close();
    expect(await waiting).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    expect(closing.destroyed).toBe(true);
  });

  test.each<[string, (() => Promise<never>) | (() => Promise<object>) | undefined]>([
    ['has no return()', undefined],
    ['waits for ever', () => new Promise<object>(() => undefined)],
    ['fails', () => Promise.reject(new Error('of the source'))],
  ])('ends the iterator of another source, which %s', async (_, leave) => {
    const handle = await Conntrack.open();
    const controller = new AbortController();
    const returned = vi.fn(leave);
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<string>>(() => undefined),
        ...(leave && { return: returned }),
      }),
    } as unknown as TextReadable;
    const restoring = errorOf(handle.restoreEntries(source, { signal: controller.signal }));
    await setImmediate();
    controller.abort('over');
    expect(await restoring).toBe('over');
    expect(returned).toHaveBeenCalledTimes(leave === undefined ? 0 : 1);
    await setImmediate();
    await handle.close();
  });

  test('does not end a source that has come to its end', async () => {
    const returned = vi.fn();
    const pieces = [`${line(1)}\n`, line(2)];
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = pieces.shift();
          return value === undefined ? { value, done: true } : { value, done: false };
        },
        return: returned,
      }),
    } as unknown as TextReadable;
    expect(await restore(source)).toMatchObject({ created: 2, failed: 0, ports: [1, 2] });
    expect(returned).not.toHaveBeenCalled();
  });

  test('takes labels by the names that it is given', async () => {
    const text =
      'udp      17 60 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=53 ' +
      'src=10.0.0.2 dst=10.0.0.1 sport=53 dport=5 labels=vip';
    const labels = new Map([[1, 'vip']]);
    const handle = await Conntrack.open();
    const restoring = handle.restoreEntries(lines(text), { labels });
    const socket = await accept();
    const [created, get] = await nextRequests(socket);
    // CTA_LABELS
    const attribute = Buffer.concat([Buffer.from(new Uint16Array([20, 22]).buffer), Buffer.of(2)]);
    expect(created?.bytes.includes(attribute)).toBe(true);
    if (get) await socket.send(to(get, entryMessage({ ...flow(1), labels: 2n })));
    expect(await restoring).toMatchObject({ created: 1 });
    await handle.close();
  });
});

describe('createEntries', () => {
  test('checks an item when there is room for it', async () => {
    let checked = 0;
    const specs = Array.from({ length: 5 * ITEMS }, (_, index) => {
      const { protocol: _protocol, ...rest } = udp(index + 1);
      return Object.defineProperty(rest, 'protocol', {
        enumerable: true,
        get: () => {
          checked = Math.max(checked, index + 1);
          return 'udp';
        },
      }) as EntrySpec;
    });
    const handle = await Conntrack.open();
    const creating = handle.createEntries(specs);
    const socket = await accept();
    const first = await nextRequests(socket);
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    expect(checked).toBe(ITEMS);
    for (const request of first) {
      if (request.type === CTNETLINK.get) await socket.send(to(request, entryMessage(flow(1))));
    }
    const serving = serve(socket, () => undefined);
    expect((await creating).every(({ entry }) => entry !== undefined)).toBe(true);
    await handle.close();
    await serving;
  });
});

/** Keeps what is written, and how much waits in it. */
class Kept extends Writable {
  readonly pieces: string[] = [];
  most = 0;

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.most = Math.max(this.most, this.writableLength);
    this.pieces.push(piece.toString());
    globalThis.setImmediate(done);
  }

  get lines(): { id: number; master?: unknown }[] {
    return this.pieces.flatMap((piece) => {
      expect(piece.endsWith('\n')).toBe(true);
      return piece
        .slice(0, -1)
        .split('\n')
        .map((text) => JSON.parse(text) as { id: number });
    });
  }
}

/** Answers a reading of the table. */
const shown = (...entries: EntryDescription[]) =>
  answer(entries.map(entryMessage), [doneMessage()]);

describe('writeEntries', () => {
  test('writes a line for each entry, some at a time', async () => {
    const kept = new Kept();
    const writing = writeEntries(kept);
    await (await shown(...flows(10))).closed();
    expect(await writing).toEqual({ entries: 10 });
    expect(kept.lines.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, id) => id));
    expect(kept.pieces.map((piece) => piece.split('\n').length - 1)).toEqual([4, 4, 2]);
    // What waits in the stream is one piece.
    expect(kept.most).toBeLessThanOrEqual(Math.max(...kept.pieces.map(({ length }) => length)));
    expect(kept.writableEnded).toBe(false);
    expect(waitingSockets()).toBe(0);
  });

  test('reads again for entries that have masters, which are behind these', async () => {
    const kept = new Kept();
    const writing = writeEntries(kept);
    const master = { ...tcpTuple, source: '10.0.0.3' };
    const entries = flows(6).map((one, index) => (index % 2 === 0 ? { ...one, master } : one));
    for (let reading = 0; reading < 2; reading++) await (await shown(...entries)).closed();
    expect(await writing).toEqual({ entries: 6 });
    expect(kept.lines.map(({ id }) => id)).toEqual([1, 3, 5, 0, 2, 4]);
    expect(kept.lines.map(({ master: one }) => one !== undefined)).toEqual([
      ...[false, false, false, true, true, true],
    ]);
  });

  test('rejects with the failure of the stream, whose event ends nothing', async () => {
    const failing = new Writable({
      write(_piece, _encoding, done) {
        done(new Error('no space'));
      },
    });
    const writing = errorOf(writeEntries(failing));
    await (await shown(...flows(3))).closed();
    expect(await writing).toMatchObject({ message: 'no space' });
    expect(failing.listenerCount('error')).toBe(1);
    await setImmediate();
    expect(failing.listenerCount('error')).toBe(0);
  });

  test('ends with its signal while the stream takes nothing', async () => {
    const controller = new AbortController();
    const stuck = new Writable({ write: () => undefined });
    const writing = errorOf(writeEntries(stuck, {}, { signal: controller.signal }));
    const socket = await answer(flows(3).map(entryMessage));
    await vi.waitFor(() => {
      expect(stuck.writableLength).toBeGreaterThan(0);
    });
    controller.abort('enough');
    expect(await writing).toBe('enough');
    await socket.closed();
  });
});
