import { stat } from 'node:fs/promises';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Conntrack, listEntries, streamEntries } from 'conntrack';
import { describe, expect, test, vi } from 'vitest';
import { runNode } from '../support/child.js';
import { doneMessage, entryMessage } from '../support/message-builder.js';
import { answer, waitingSockets } from '../support/scripted-kernel.js';
import { flow, flows } from './flows.js';
import { codeOf, errorOf, nextValue } from './outcome.js';

const entries = flows(3).map(entryMessage);

/** A stream that waits for a kernel that has sent three entries and then no more. */
async function silentStream(signal?: AbortSignal) {
  const stream = streamEntries({}, { signal });
  const batches = stream.batches();
  const first = batches.next();
  const socket = await answer(entries);
  expect(await nextValue(first)).toHaveLength(3);
  return { stream, batches, socket, next: batches.next() };
}

describe('while the kernel is silent in the middle of a dump', () => {
  test('the event loop goes on', async () => {
    const { stream, next, socket } = await silentStream();
    let turns = 0;
    for (const start = performance.now(); performance.now() - start < 200; turns++) await turn();
    // Were the waiting for the kernel done here, each turn would take 50 ms.
    expect(turns).toBeGreaterThan(20);
    const ended = codeOf(next);
    await stream.close();
    expect(await ended).toBe('ERR_CONNTRACK_CLOSED');
    await socket.closed();
  });

  test('more streams than the pool has threads leave room for other work', async () => {
    const silent = Array.from({ length: 12 }, () => {
      const stream = streamEntries();
      return { stream, ended: codeOf(stream.batches().next()) };
    });
    const sockets = await Promise.all(silent.map(() => answer()));
    await stat(fileURLToPath(import.meta.url));
    await Promise.all(silent.map(({ stream }) => stream.close()));
    for (const { ended } of silent) expect(await ended).toBe('ERR_CONNTRACK_CLOSED');
    for (const socket of sockets) await socket.closed();
  });

  test('the reading goes on when the kernel does', async () => {
    const { next, socket, batches } = await silentStream();
    // Longer than the addon waits at a time.
    await delay(120);
    await socket.send(entryMessage(flow(3)));
    expect((await nextValue(next)).map(({ id }) => id)).toEqual([3]);
    await socket.send(doneMessage());
    expect((await batches.next()).done).toBe(true);
    await socket.closed();
  });

  test('a signal ends it with its reason', async () => {
    const controller = new AbortController();
    const { batches, next, socket } = await silentStream(controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await errorOf(next)).toBe(reason);
    expect(await batches.next()).toEqual({ value: undefined, done: true });
    await socket.closed();
  });

  test('a signal without a reason ends it with an AbortError', async () => {
    const controller = new AbortController();
    const { next, socket } = await silentStream(controller.signal);
    controller.abort();
    expect(await errorOf(next)).toMatchObject({ name: 'AbortError' });
    await socket.closed();
  });

  test('a signal that times out ends listEntries', async () => {
    const listing = errorOf(listEntries({}, { signal: AbortSignal.timeout(50) }));
    const socket = await answer(entries);
    expect(await listing).toMatchObject({ name: 'TimeoutError' });
    await socket.closed();
  });

  test('close() makes its loop fail', async () => {
    const stream = streamEntries();
    const seen: number[] = [];
    const loop = codeOf(
      (async () => {
        for await (const { id } of stream) seen.push(id);
      })(),
    );
    const socket = await answer(entries);
    while (seen.length < 3) await turn();
    await stream.close();
    await socket.closed();
    expect(await loop).toBe('ERR_CONNTRACK_CLOSED');
    expect(seen).toEqual([0, 1, 2]);
  });

  test('return() ends it, and the next() that waits sees the end', async () => {
    const { batches, next, socket } = await silentStream();
    expect(await batches.return?.()).toEqual({ value: undefined, done: true });
    expect(await next).toEqual({ value: undefined, done: true });
    await socket.closed();
  });

  test('closing its handle ends it', async () => {
    const conntrack = await Conntrack.open();
    const ended = codeOf(conntrack.streamEntries().batches().next());
    const listing = codeOf(conntrack.listEntries());
    const sockets = [await answer(), await answer()];
    await conntrack.close();
    expect(await ended).toBe('ERR_CONNTRACK_CLOSED');
    expect(await listing).toBe('ERR_CONNTRACK_CLOSED');
    for (const socket of sockets) await socket.closed();
  });
});

describe('a signal that is aborted', () => {
  const reason = new Error('enough');

  test('before the first read opens no socket', async () => {
    const signal = AbortSignal.abort(reason);
    expect(await errorOf(listEntries({}, { signal }))).toBe(reason);
    expect(await errorOf(streamEntries({}, { signal }).batches().next())).toBe(reason);
    expect(waitingSockets()).toBe(0);
  });

  test('between two entries ends the loop, and what was read ahead is not given', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const failing = errorOf(
      (async () => {
        for await (const { id } of streamEntries({}, { signal: controller.signal })) {
          seen.push(id);
          controller.abort(reason);
        }
      })(),
    );
    const socket = await answer(entries);
    expect(await failing).toBe(reason);
    expect(seen).toEqual([0]);
    await socket.closed();
  });

  test('after the end of the table has been read changes nothing', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const sending = answer([...entries, doneMessage()]);
    for await (const { id } of streamEntries({}, { signal: controller.signal })) {
      seen.push(id);
      controller.abort(reason);
    }
    expect(seen).toEqual([0, 1, 2]);
    await (await sending).closed();
  });

  test('is not held by a reading that has ended', async () => {
    const { signal } = new AbortController();
    const [added, removed] = [
      vi.spyOn(signal, 'addEventListener'),
      vi.spyOn(signal, 'removeEventListener'),
    ];
    await Promise.all([listEntries({}, { signal }), answer([doneMessage()])]);
    expect(added).toHaveBeenCalledOnce();
    const [event, listener] = added.mock.calls[0] ?? [];
    expect(removed).toHaveBeenCalledWith(event, listener);
  });
});

describe('a process that waits for a silent kernel', () => {
  const program = fileURLToPath(new URL('silent-kernel.mjs', import.meta.url));
  const PENDING = [
    'stream',
    'list',
    'pass',
    'more lists than the pool has threads',
    'request',
    'requests that wait for one another',
  ];
  const ABORTABLE = PENDING.slice(0, -2);
  /** What jobs take to end, and a process under load. */
  const SOON_MS = 1500;

  test.each([
    ...PENDING.map((what) => ({ what, how: 'exits when it says so', way: 'exit', code: 7 })),
    ...PENDING.map((what) => ({ what, how: 'ends with its handle', way: 'close', code: 0 })),
    ...ABORTABLE.map((what) => ({ what, how: 'ends with its signal', way: 'abort', code: 0 })),
    { what: 'stream', how: 'ends once its loop is left', way: 'leave', code: 0 },
    ...PENDING.map((what) => ({ what, how: 'ends at an error', way: 'throw', code: 1 })),
  ])('with $what: $how', async ({ what, way, code }) => {
    const ended = await runNode([program, what, way]);
    const took = Date.now() - Number(ended.stdout);
    expect({ code: ended.code, signal: ended.signal }).toEqual({ code, signal: null });
    expect(took).toBeLessThan(SOON_MS);
  });

  test.each(PENDING)('with %s: its worker is terminated', async (what) => {
    const { code, stdout } = await runNode([program, what, 'terminate']);
    expect(code).toBe(0);
    expect(Number(stdout)).toBeLessThan(SOON_MS);
  });
});
