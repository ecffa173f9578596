/**
 * What ends with something else: all that a handle has begun ends with the handle, and all that
 * follows a signal with the signal, whatever its neighbours do.
 */
import {
  Conntrack,
  ConntrackError,
  deleteEntries,
  listEntries,
  streamEntries,
  updateEntries,
  watchEvents,
} from 'conntrack';
import { describe, expect, test } from 'vitest';
import { doneMessage, entryMessage } from '../support/message-builder.js';
import { accept, type KernelSocket } from '../support/scripted-kernel.js';
import { flow } from './flows.js';
import { errorOf } from './outcome.js';

type Api = Pick<
  Conntrack,
  'deleteEntries' | 'listEntries' | 'streamEntries' | 'updateEntries' | 'watchEvents'
>;

interface Begun {
  /** What becomes of it: `'end'`, or what it rejects with. */
  readonly ending: Promise<unknown>;
  readonly sockets: KernelSocket[];
  /** Ends it from inside. */
  leave(): Promise<unknown>;
}

const filter = { mark: 1 };

/** Everything that goes on until something ends it. */
const KINDS: Record<string, (api: Api, signal?: AbortSignal) => Promise<Begun>> = {
  watchEvents: async (api, signal) => {
    const stream = api.watchEvents({ signal });
    const next = stream.batches().next();
    const ending = next.then(({ done }) => (done === true ? 'end' : 'event'), ofError);
    return { ending, sockets: [await accept()], leave: () => stream.close() };
  },
  streamEntries: async (api, signal) => {
    const batches = api.streamEntries({}, { signal }).batches();
    const next = batches.next();
    const socket = await dumping();
    const ending = next.then(({ done }) => (done === true ? 'end' : 'entries'), ofError);
    return { ending, sockets: [socket], leave: async () => batches.return?.() };
  },
  listEntries: async (api, signal) => {
    const ending = api.listEntries({}, { signal }).then(() => 'list', ofError);
    const socket = await dumping();
    return { ending, sockets: [socket], leave: () => socket.send(doneMessage()) };
  },
  deleteEntries: async (api, signal) => walking(api.deleteEntries(filter, { signal })),
  'deleteEntries with dryRun': async (api, signal) =>
    walking(api.deleteEntries(filter, { signal, dryRun: true })),
  updateEntries: async (api, signal) =>
    walking(api.updateEntries(filter, { timeout: 9 }, { signal })),
};

const ofError = (error: unknown): unknown => error;

async function dumping(): Promise<KernelSocket> {
  const socket = await accept();
  await socket.request();
  return socket;
}

async function walking(pass: Promise<unknown>): Promise<Begun> {
  const ending = pass.then(() => 'counts', ofError);
  const [dump, writes] = [await dumping(), await accept()];
  return { ending, sockets: [dump, writes], leave: () => dump.send(doneMessage()) };
}

const kinds = Object.entries(KINDS);
const pairs = kinds.flatMap(([one, beginOne]) =>
  kinds.map(([other, beginOther]) => ({ one, other, beginOne, beginOther })),
);
const module: Api = { deleteEntries, listEntries, streamEntries, updateEntries, watchEvents };
const REASON = new Error('enough');

/** Far more than it takes, and less than the runner allows. */
const SOON_MS = 5000;
async function soon<T>(promise: Promise<T>): Promise<T | 'it did not end'> {
  const limit = AbortSignal.timeout(SOON_MS);
  return Promise.race([
    promise,
    new Promise<'it did not end'>((resolve) => {
      limit.addEventListener('abort', () => {
        resolve('it did not end');
      });
    }),
  ]);
}

describe('close() of a handle', () => {
  test.each(kinds)('ends %s, and resolves when its sockets are closed', async (name, begin) => {
    const handle = await Conntrack.open();
    const { ending, sockets } = await begin(handle);
    expect(await soon(handle.close().then(() => 'closed'))).toBe('closed');
    const expected = name === 'watchEvents' ? 'end' : 'ERR_CONNTRACK_CLOSED';
    const ended = await soon(ending);
    expect(ended instanceof ConntrackError ? ended.code : ended).toBe(expected);
    for (const socket of sockets) await socket.closed();
  });

  test('ends all of them at once', async () => {
    const handle = await Conntrack.open();
    const begun: Begun[] = [];
    for (const [, begin] of kinds) begun.push(await begin(handle));
    expect(await soon(handle.close().then(() => 'closed'))).toBe('closed');
    for (const { ending, sockets } of begun) {
      expect(await soon(ending)).not.toBe('it did not end');
      for (const socket of sockets) await socket.closed();
    }
  });
});

describe('a signal', () => {
  test.each(kinds)('ends %s with its reason', async (_, begin) => {
    const controller = new AbortController();
    const { ending, sockets } = await begin(module, controller.signal);
    controller.abort(REASON);
    expect(await soon(ending)).toBe(REASON);
    for (const socket of sockets) await socket.closed();
  });

  test.each(
    pairs.flatMap((pair) => [
      { ...pair, left: 'first' as const },
      { ...pair, left: 'second' as const },
    ]),
  )('of $one and $other ends one when the $left has left', async (pair) => {
    const controller = new AbortController();
    const begun = [
      await pair.beginOne(module, controller.signal),
      await pair.beginOther(module, controller.signal),
    ] as const;
    const [leaving, staying] = pair.left === 'first' ? begun : ([begun[1], begun[0]] as const);
    await leaving.leave();
    await soon(leaving.ending);
    controller.abort(REASON);
    expect(await soon(staying.ending)).toBe(REASON);
    for (const socket of staying.sockets) await socket.closed();
  });
});

describe('entries that were listed', () => {
  test('are given when the signal aborts behind the end', async () => {
    const controller = new AbortController();
    const listing = listEntries({}, { signal: controller.signal });
    const socket = await dumping();
    await socket.send(entryMessage(flow(1)), doneMessage());
    expect((await listing).map(({ id }) => id)).toEqual([1]);
    controller.abort(REASON);
    expect(await errorOf(listEntries({}, { signal: controller.signal }))).toBe(REASON);
  });
});
