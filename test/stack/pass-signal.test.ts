/**
 * The signals of deleteEntries() and updateEntries(): what is under way is finished, nothing
 * more is sent, and the call rejects with the reason.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { deleteEntries, updateEntries } from 'conntrack';
import { describe, expect, test, vi } from 'vitest';
import { ackMessage, doneMessage, entryMessage } from '../support/message-builder.js';
import { accept, waitingSockets } from '../support/scripted-kernel.js';
import { flow } from './flows.js';
import { errorOf } from './outcome.js';

const REASON = new Error('enough');

/** Ends long before the deadline of a test, and tells a hang from a slow kernel. */
const SOON_MS = 2000;

const PASSES = [
  {
    name: 'deleteEntries',
    run: (signal: AbortSignal, filter: object) => deleteEntries(filter, { signal }),
    counts: { matched: 1, deleted: 1, vanished: 0 },
  },
  {
    name: 'deleteEntries with dryRun',
    run: (signal: AbortSignal, filter: object) => deleteEntries(filter, { signal, dryRun: true }),
    counts: { matched: 1, deleted: 0, vanished: 0 },
  },
  {
    name: 'deleteEntries with entries',
    run: async (signal: AbortSignal, filter: object) => {
      const { entries, ...counts } = await deleteEntries(filter, { signal, entries: true });
      expect(entries.map(({ id }) => id)).toEqual([0]);
      return counts;
    },
    counts: { matched: 1, deleted: 1, vanished: 0 },
  },
  {
    name: 'updateEntries',
    run: (signal: AbortSignal, filter: object) => updateEntries(filter, { timeout: 9 }, { signal }),
    counts: { matched: 1, updated: 1, vanished: 0 },
  },
];

const writing = PASSES.filter(({ name }) => !name.endsWith('dryRun'));
const entry = entryMessage({ ...flow(0), mark: 1 });

describe.each(PASSES)('the signal of $name', ({ name, run, counts }) => {
  test.each([
    ['that the kernel would be asked for', { mark: 1 }],
    ['that nothing can match', []],
  ])('that is aborted opens no socket for a filter %s', async (_, filter) => {
    expect(await errorOf(run(AbortSignal.abort(REASON), filter))).toBe(REASON);
    expect(waitingSockets()).toBe(0);
  });

  test('ends it while the kernel is silent', async () => {
    const controller = new AbortController();
    const ending = errorOf(run(controller.signal, { mark: 1 }));
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await delay(100);
    const start = performance.now();
    controller.abort(REASON);
    expect(await ending).toBe(REASON);
    expect(performance.now() - start).toBeLessThan(SOON_MS);
    await Promise.all([dump.closed(), writes.closed()]);
  });

  test('that is aborted after the end changes nothing, and has no listener left', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = [
      vi.spyOn(signal, 'addEventListener'),
      vi.spyOn(signal, 'removeEventListener'),
    ] as const;
    const ending = run(signal, { mark: 1 });
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await dump.send(entry, doneMessage());
    if (!name.endsWith('dryRun')) {
      await writes.request();
      await writes.send(ackMessage());
    }
    expect(await ending).toEqual(counts);
    controller.abort(REASON);
    const [added, removed] = listeners;
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });
});

describe.each(writing)('the signal of $name', ({ run }) => {
  test('leaves the entry that is under way to the kernel, and names no other', async () => {
    const controller = new AbortController();
    const ending = errorOf(run(controller.signal, { mark: 1 }));
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await dump.send(entry);
    await writes.request();
    controller.abort(REASON);
    await writes.send(ackMessage());
    expect(await ending).toBe(REASON);
    await Promise.all([dump.closed(), writes.closed()]);
  });
});
