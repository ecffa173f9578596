/**
 * When a call settles, whatever the pool of threads and the kernel do; and what it reports of a
 * request whose answer never came.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import {
  Conntrack,
  type ConntrackError,
  type EntryKey,
  type ExpectationKey,
  explainFilter,
} from 'conntrack';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { isSlow } from '../support/emulation.js';
import {
  ackMessage,
  doneMessage,
  entryMessage,
  errorMessage,
  expectationMessage,
} from '../support/message-builder.js';
import {
  accept,
  failNext,
  type KernelSocket,
  waitingSockets,
  withStoppedClock,
} from '../support/scripted-kernel.js';
import { withHeldPool } from '../support/thread-pool.js';
import { tcpKey, tcpTuple } from './flows.js';
import { errorOf } from './outcome.js';

const SECOND = 1000;
/** What a job takes to end, and what a machine under load adds. */
const SOON = isSlow ? 2500 : 800;
const REASON = new Error('enough');

const entry = entryMessage({ original: tcpTuple, id: 5 });
const whole: EntryKey = { ...tcpKey, id: 5 };
const spec = { ...tcpKey, timeout: 60 } as const;
const expected: ExpectationKey = {
  protocol: 'tcp',
  tuple: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 0, destinationPort: 50000 },
};

/** Each request that a handle sends, behind what the kernel has answered before it. */
const REQUESTS: Record<
  string,
  {
    send: (handle: Conntrack) => Promise<unknown>;
    changes: boolean;
    before?: Parameters<KernelSocket['send']>;
  }
> = {
  countEntries: { send: (handle) => handle.countEntries(), changes: false },
  getEntry: { send: (handle) => handle.getEntry(tcpKey), changes: false },
  'getEntry, zeroing': {
    send: (handle) => handle.getEntry(tcpKey, { zeroCounters: true }),
    changes: true,
    before: [entry, ackMessage()],
  },
  createEntry: { send: (handle) => handle.createEntry(spec), changes: true },
  upsertEntry: { send: (handle) => handle.upsertEntry(spec), changes: true },
  createEntries: {
    send: async (handle) => {
      const [result] = await handle.createEntries([spec]);
      if (result?.error !== undefined) throw result.error;
    },
    changes: true,
  },
  'updateEntry, looking it up': {
    send: (handle) => handle.updateEntry(tcpKey, { mark: 1 }),
    changes: false,
  },
  updateEntry: {
    send: (handle) => handle.updateEntry(tcpKey, { mark: 1 }),
    changes: true,
    before: [entry, ackMessage()],
  },
  'deleteEntry, looking it up': { send: (handle) => handle.deleteEntry(tcpKey), changes: false },
  deleteEntry: { send: (handle) => handle.deleteEntry(whole), changes: true },
  flushEntries: { send: (handle) => handle.flushEntries(), changes: true },
  listExpectations: { send: (handle) => handle.listExpectations(), changes: false },
  getExpectation: { send: (handle) => handle.getExpectation(expected), changes: false },
  'deleteExpectation, looking it up': {
    send: (handle) => handle.deleteExpectation(expected),
    changes: false,
  },
  'updateExpectation, looking it up': {
    send: (handle) => handle.updateExpectation(expected, { timeout: 60 }),
    changes: false,
  },
  updateExpectation: {
    send: (handle) => handle.updateExpectation(expected, { timeout: 60 }),
    changes: true,
    before: [expectationMessage(5), ackMessage()],
  },
  countExpectations: { send: (handle) => handle.countExpectations(), changes: false },
  'deleteExpectations, looking for them': {
    send: (handle) => handle.deleteExpectations({ helper: 'ftp' }),
    changes: false,
  },
  deleteExpectations: {
    send: (handle) => handle.deleteExpectations({ helper: 'ftp' }),
    changes: true,
    before: [expectationMessage(5), doneMessage()],
  },
  listNamespaceIds: { send: (handle) => handle.listNamespaceIds(), changes: false },
  flushExpectations: { send: (handle) => handle.flushExpectations(), changes: true },
  'flushExpectations of a helper': {
    send: (handle) => handle.flushExpectations({ helper: 'ftp' }),
    changes: true,
  },
};
const requests = Object.entries(REQUESTS).map(([name, request]) => ({ name, ...request }));

/** A request that the kernel has, and has not answered. */
async function unanswered({ send, before }: (typeof requests)[number]) {
  const handle = await Conntrack.open();
  const error = errorOf(send(handle)) as Promise<ConntrackError>;
  const socket = await accept();
  await socket.request();
  if (before !== undefined) {
    await socket.send(...before);
    await socket.request();
  }
  return { handle, socket, error };
}

/** Moves the clock until it has settled. Returns how far. */
async function advanceUntil(
  settled: Promise<unknown>,
  advance: (milliseconds: number) => number,
): Promise<number> {
  const ended = settled.then(() => true);
  let waited = 0;
  while (!(await Promise.race([ended, delay(1, false)]))) waited += advance(5);
  return waited;
}

const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

describe('a request without an answer', () => {
  test.each(requests)('$name: fails after a second, and tells whether it may be done', (request) =>
    withStoppedClock(async (advance) => {
      const { error, handle, socket } = await unanswered(request);
      const waited = await advanceUntil(error, advance);
      expect(await error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'recvmsg' });
      expect((await error).outcome).toBe(request.changes ? 'unknown' : undefined);
      // The clock goes on between two waits.
      expect(waited).toBeGreaterThanOrEqual(SECOND);
      expect(waited).toBeLessThan(2 * SECOND);
      await handle.close();
      await socket.closed();
    }),
  );

  test.each(requests)('$name: ends when the handle is closed', async (request) => {
    const { error, handle, socket } = await unanswered(request);
    expect(await milliseconds(() => handle.close())).toBeLessThan(SOON);
    expect(await error).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    expect((await error).outcome).toBe(request.changes ? 'unknown' : undefined);
    await socket.closed();
  });

  test.each(requests)('$name: which found no room', async (request) => {
    const { error, handle, socket } = await unanswered(request);
    socket.overrun(1);
    expect(await error).toMatchObject({ code: 'ENOBUFS', syscall: 'recvmsg' });
    expect((await error).outcome).toBe(request.changes ? 'unknown' : undefined);
    await handle.close();
  });

  test.each(requests)('$name: which cannot be understood', async (request) => {
    const { error, handle, socket } = await unanswered(request);
    await socket.send(Buffer.alloc(5));
    expect(await error).toMatchObject({ code: 'EBADMSG' });
    expect((await error).outcome).toBe(request.changes ? 'unknown' : undefined);
    await handle.close();
  });
});

describe('what is known', () => {
  test.each(requests)('$name: was refused', async (request) => {
    const { error, handle, socket } = await unanswered(request);
    await socket.send(errorMessage(12));
    expect(await error).toMatchObject({ code: 'ENOMEM' });
    expect(await error).not.toHaveProperty('outcome');
    await handle.close();
  });

  test.each(requests)('$name: was never sent', async ({ send, before }) => {
    const handle = await Conntrack.open();
    if (before === undefined) failNext('sendto', 'ENOBUFS');
    const error = errorOf(send(handle));
    if (before !== undefined) {
      const socket = await accept();
      await socket.request();
      failNext('sendto', 'ENOBUFS');
      await socket.send(...before);
    }
    expect(await error).toMatchObject({ code: 'ENOBUFS', syscall: 'sendto' });
    expect(await error).not.toHaveProperty('outcome');
    await handle.close();
    if (before === undefined) await (await accept()).closed();
  });

  test('an answer that comes late is an answer', async () => {
    const handle = await Conntrack.open();
    const deleting = handle.deleteEntry(whole);
    const socket = await accept();
    await socket.request();
    await delay(SECOND / 2);
    await socket.send(ackMessage());
    expect(await deleting).toBe(true);
    await handle.close();
  });
});

test('close() of a handle with many requests ends each', async () => {
  const handle = await Conntrack.open();
  const begin = () => [
    ...Array.from({ length: 12 }, () => errorOf(handle.createEntry(spec))),
    ...Array.from({ length: 12 }, () => errorOf(handle.deleteEntry(whole))),
  ];
  const sent = begin();
  const socket = await accept();
  await socket.request();
  const waiting = begin();
  expect(await milliseconds(() => handle.close())).toBeLessThan(SOON);
  const code = 'ERR_CONNTRACK_CLOSED';
  for (const error of await Promise.all(sent))
    expect(error).toMatchObject({ code, outcome: 'unknown' });
  for (const error of await Promise.all(waiting)) {
    expect(error).toMatchObject({ code });
    expect(error).not.toHaveProperty('outcome');
  }
  await socket.closed();
});

describe('more requests than three jobs take', () => {
  /** What one datagram has, and what is not sent behind it. */
  const [SENT, ALL] = [LIMITS.requestsInSend, 1200];
  const begin = (handle: Conntrack) =>
    Array.from({ length: ALL }, () => errorOf(handle.deleteEntry(whole)));

  async function expectRefused(errors: readonly Promise<unknown>[], code: string) {
    for (const [index, error] of (await Promise.all(errors)).entries()) {
      expect(error).toMatchObject({ code });
      expect((error as ConntrackError).outcome).toBe(index < SENT ? 'unknown' : undefined);
    }
  }

  test('a silent kernel is waited for once', () =>
    withStoppedClock(async (advance) => {
      const handle = await Conntrack.open();
      const errors = begin(handle);
      const socket = await accept();
      await socket.request();
      const waited = await advanceUntil(Promise.all(errors), advance);
      await expectRefused(errors, 'ETIMEDOUT');
      expect(waited).toBeLessThan(2 * SECOND);
      await handle.close();
      await socket.closed();
    }));

  test('close() ends each', async () => {
    const handle = await Conntrack.open();
    const errors = begin(handle);
    const socket = await accept();
    await socket.request();
    expect(await milliseconds(() => handle.close())).toBeLessThan(SOON);
    await expectRefused(errors, 'ERR_CONNTRACK_CLOSED');
    await socket.closed();
  });

  test('close() ends each while others hold the pool', async () => {
    await withHeldPool(async () => {
      const handle = await Conntrack.open();
      const errors = begin(handle);
      await turn();
      expect(await milliseconds(() => handle.close())).toBeLessThan(SOON);
      for (const error of await Promise.all(errors)) {
        expect(error).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
        expect(error).not.toHaveProperty('outcome');
      }
    });
    await (await accept()).closed();
  });
});

/** What has a signal, until it is under way. */
const ABORTABLE: Record<string, (handle: Conntrack, signal: AbortSignal) => Promise<unknown>> = {
  listEntries: (handle, signal) => handle.listEntries({}, { signal }),
  streamEntries: (handle, signal) => handle.streamEntries({}, { signal }).batches().next(),
  'listEntries of those that are dying': (handle, signal) =>
    handle.listEntries({}, { signal, table: 'dying' }),
  deleteEntries: (handle, signal) => handle.deleteEntries({ mark: 1 }, { signal }),
  'deleteEntries with dryRun': (handle, signal) =>
    handle.deleteEntries({ mark: 1 }, { signal, dryRun: true }),
  'deleteEntries with entries': (handle, signal) =>
    handle.deleteEntries({ mark: 1 }, { signal, entries: true }),
  streamDeletes: (handle, signal) => handle.streamDeletes({ mark: 1 }, { signal }).batches().next(),
  updateEntries: (handle, signal) => handle.updateEntries({ mark: 1 }, { mark: 2 }, { signal }),
  watchEvents: (handle, signal) => handle.watchEvents({ signal }).batches().next(),
  watchPressure: (handle, signal) => handle.watchPressure({ signal }).next(),
};
const abortable = Object.entries(ABORTABLE).map(([name, begin]) => ({ name, begin }));

/** Whether it has settled within a turn of the loop. */
async function settlesAtOnce(ending: Promise<unknown>): Promise<unknown> {
  return Promise.race([ending, turn().then(() => turn('it has not settled'))]);
}

describe('an abort settles its caller in the next turn of the loop', () => {
  test.each(abortable)('$name: while others hold the pool', async ({ begin }) => {
    await withHeldPool(async () => {
      const handle = await Conntrack.open();
      const controller = new AbortController();
      const ending = errorOf(begin(handle, controller.signal));
      await turn();
      controller.abort(REASON);
      expect(await settlesAtOnce(ending)).toBe(REASON);
      expect(await milliseconds(() => handle.close())).toBeLessThan(SOON);
    });
    while (waitingSockets() > 0) await accept();
  });

  // Pressure is read from /proc.
  const asking = abortable.filter(({ name }) => name !== 'watchPressure');
  test.each(asking)('$name: while the kernel is silent', async ({ begin }) => {
    const handle = await Conntrack.open();
    const controller = new AbortController();
    const ending = errorOf(begin(handle, controller.signal));
    const socket = await accept();
    // The subscription of events sends nothing.
    if (socket.groups.length === 0) await socket.request();
    controller.abort(REASON);
    expect(await settlesAtOnce(ending)).toBe(REASON);
    expect(await milliseconds(() => handle.close())).toBeLessThan(SOON);
    while (waitingSockets() > 0) await accept();
  });
});

/** What reads the table, or writes to it, of which the kernel sends nothing, or not all. */
const WALKS: Record<string, (handle: Conntrack) => Promise<unknown>> = {
  listEntries: (handle) => handle.listEntries(),
  'listEntries of those that are dying': (handle) => handle.listEntries({}, { table: 'dying' }),
  streamEntries: (handle) => handle.streamEntries().batches().next(),
  deleteEntries: (handle) => handle.deleteEntries({ mark: 1 }),
  'deleteEntries with entries': (handle) => handle.deleteEntries({ mark: 1 }, { entries: true }),
  streamDeletes: (handle) => handle.streamDeletes({ mark: 1 }).batches().next(),
  'flushEntries with entries': (handle) => handle.flushEntries({ entries: true }),
  updateEntries: (handle) => handle.updateEntries({ mark: 1 }, { mark: 2 }),
};
const walks = Object.entries(WALKS).map(([name, begin]) => ({ name, begin }));

/** Those of which a second socket sends changes. */
const CHANGING = [
  'deleteEntries',
  'deleteEntries with entries',
  'streamDeletes',
  'flushEntries with entries',
  'updateEntries',
];

describe('a table that never ends', () => {
  test.each(walks)('$name fails after a second of silence', ({ begin }) =>
    withStoppedClock(async (advance) => {
      const handle = await Conntrack.open();
      const error = errorOf(begin(handle));
      const socket = await accept();
      await socket.request();
      const waited = await advanceUntil(error, advance);
      expect(await error).toMatchObject({ code: 'ETIMEDOUT' });
      expect(await error).not.toHaveProperty('outcome');
      expect(waited).toBeGreaterThanOrEqual(SECOND);
      expect(waited).toBeLessThan(2 * SECOND);
      await handle.close();
      await socket.closed();
      while (waitingSockets() > 0) await accept();
    }),
  );

  test.each(walks.filter(({ name }) => CHANGING.includes(name)))(
    '$name fails when its changes have no answer',
    ({ begin }) =>
      withStoppedClock(async (advance) => {
        const handle = await Conntrack.open();
        const error = errorOf(begin(handle));
        const [dump, writes] = [await accept(), await accept()];
        await dump.request();
        await dump.send(entryMessage({ original: tcpTuple, id: 5, mark: 1 }), doneMessage());
        await writes.request();
        const waited = await advanceUntil(error, advance);
        expect(await error).toMatchObject({ code: 'ETIMEDOUT', outcome: 'unknown' });
        expect(String(await error)).toContain('1 matched, 0 done, 0 vanished');
        expect(waited).toBeLessThan(2 * SECOND);
        await handle.close();
        await Promise.all([dump.closed(), writes.closed()]);
      }),
  );
});

test('explainFilter() blocks the loop for 50 ms at most', () => {
  const began = performance.now();
  expect(() => explainFilter({ protocol: 'tcp', family: 'ipv4' })).toThrow('did not answer');
  expect(performance.now() - began).toBeLessThan(SOON);
});
