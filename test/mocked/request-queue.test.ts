/** Requests over an addon that has no memory, fails, or is closed under them. */
import { constants } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import type { NativeFailure } from '../../src/core/native.js';
import { ANSWER, REQUEST } from '../../src/record/layout.js';
import { RequestQueue } from '../../src/request/queue.js';

const sockets = vi.hoisted((): object[] => []);

vi.mock('../../src/core/load-addon.js', () => ({
  loadAddon: () => ({
    // A constructor that returns an object makes that one.
    RequestSocket: function RequestSocket() {
      return sockets.shift();
    },
  }),
}));

const ENOMEM: NativeFailure = { errno: constants.errno.ENOMEM, syscall: 'malloc' };
const ENOENT: NativeFailure = { errno: constants.errno.ENOENT };
const EPERM: NativeFailure = { errno: constants.errno.EPERM };
const fault = new Error('the requests are not such');

/** A queue whose socket does this, and stays that of the thread. */
function queueOver(socket: object): RequestQueue {
  sockets.push({ isOfThread: () => true, close: () => Promise.resolve(), ...socket });
  return new RequestQueue(undefined, true);
}

const get = (queue: RequestQueue) => queue.send('getEntry', 'get', () => 'an answer');
const list = (queue: RequestQueue) => queue.ask('listTimeoutPolicies', 'listTimeoutPolicies');

/** What becomes of one of many requests of a call. */
const posted = (queue: RequestQueue) =>
  new Promise((resolve, reject) => {
    queue.post('createEntries', 'create', 0, { settle: resolve, refuse: reject }, 0);
  });

beforeEach(() => {
  sockets.length = 0;
});

describe('a request that is not sent', () => {
  test('for lack of memory fails with all that wait with it', async () => {
    const queue = queueOver({ send: () => ({ failure: ENOMEM }) });
    for (const waiting of [get(queue), posted(queue)]) {
      await expect(waiting).rejects.toMatchObject({ code: 'ENOMEM', syscall: 'malloc' });
    }
    // Only the kernel's refusal leaves a socket behind.
    expect(queue.isOfThread()).toBe(true);
  });

  test.each<[string, (queue: RequestQueue) => Promise<unknown>]>([
    ['one', get],
    ['one of many', posted],
    ['one with a long answer', list],
  ])('for a fault of the addon rejects with it: %s', async (_, send) => {
    const fail = () => {
      throw fault;
    };
    const queue = queueOver({ send: fail, listTimeoutPolicies: fail });
    await expect(send(queue)).rejects.toBe(fault);
    expect(queue.isOfThread()).toBe(true);
    // The next one is tried.
    await expect(send(queue)).rejects.toBe(fault);
  });

  test('for it is closed first names its function', async () => {
    const queue = queueOver({});
    const waiting = [get(queue), list(queue), get(queue)];
    const codes = Promise.allSettled(waiting);
    await queue.close();
    const error = { code: 'ERR_CONNTRACK_CLOSED' };
    expect(await codes).toMatchObject([
      { reason: { ...error, operation: 'getEntry' } },
      { reason: { ...error, operation: 'listTimeoutPolicies' } },
      { reason: { ...error, operation: 'getEntry' } },
    ]);
    expect(() => get(queue)).toThrow('the handle is closed');
  });
});

test('no more jobs are under way than the limit, and the next one follows an answer', async () => {
  const most = LIMITS.requestJobsUnderWay;
  const answers: ((outcome: object) => void)[] = [];
  const listTimeoutPolicies = () => new Promise((resolve) => answers.push(resolve));
  const queue = queueOver({ listTimeoutPolicies });
  const asked = Array.from({ length: most + 2 }, () => list(queue));
  await turn();
  expect(answers).toHaveLength(most);
  for (const [index, asking] of asked.entries()) {
    answers[index]?.({ slabs: [] });
    await asking;
    await turn();
    if (index === 0) expect(answers).toHaveLength(most + 1);
  }
});

describe('requests that wait together', () => {
  /** A queue whose kernel does all; the bytes of each job. */
  function recording() {
    const jobs: Buffer[] = [];
    const queue = queueOver({
      send: async (memory: ArrayBuffer, used: number) => {
        jobs.push(Buffer.from(new Uint8Array(memory, 0, used)));
        return { answers: new ArrayBuffer(1000 * ANSWER.size), slabs: [] };
      },
    });
    return { queue, jobs };
  }

  const all = () => 'all';
  const most = LIMITS.requestBytesInJob;
  /** Of the records of a request; sixteen requests fill a job. */
  const bytes = most / 16 - REQUEST.headerSize;

  test('fill a job to its last byte, and what is left is another one', async () => {
    const { queue, jobs } = recording();
    const sent = Array.from({ length: 32 }, () => queue.begin('op', 'get', bytes, all).promise);
    sent.push(queue.send('op', 'usage', all));
    expect(jobs, 'full ones wait for nothing').toHaveLength(2);
    expect(await Promise.all(sent)).toEqual(sent.map(() => 'all'));
    expect(jobs.map(({ length }) => length)).toEqual([most, most, REQUEST.headerSize]);
  });

  test('have nothing of those before them', async () => {
    const { queue, jobs } = recording();
    for (const value of [0xff, 0]) {
      const sent = Array.from({ length: 16 }, () => {
        const { view, at, promise } = queue.begin('op', 'get', bytes, all);
        if (value > 0) new Uint8Array(view.buffer, at + REQUEST.headerSize, bytes).fill(value);
        return promise;
      });
      await Promise.all(sent);
      const job = jobs.pop() ?? Buffer.alloc(0);
      expect(job).toHaveLength(most);
      for (let at = REQUEST.headerSize; at < job.length; at += REQUEST.headerSize + bytes) {
        expect(job.subarray(at, at + bytes).equals(Buffer.alloc(bytes, value))).toBe(true);
      }
    }
  });
});

describe('a socket of the thread', () => {
  test.each<[string, readonly NativeFailure[], boolean]>([
    ['one of several requests', [ENOENT, EPERM], false],
    ['none of them', [ENOENT, ENOENT], true],
  ])('is left when the kernel refuses %s', async (_, failures, stays) => {
    const outcome = {
      answers: new ArrayBuffer(failures.length * ANSWER.size),
      slabs: [],
      failures: failures.flatMap((failure, index) => [index, failure]),
    };
    const queue = queueOver({ send: async () => outcome });
    await Promise.all(failures.map(() => get(queue)));
    expect(queue.isOfThread()).toBe(stays);
  });

  test('is left when the kernel refuses a long answer', async () => {
    const queue = queueOver({ listTimeoutPolicies: async () => ({ slabs: [], failure: EPERM }) });
    expect(await list(queue)).toMatchObject({ failure: EPERM });
    expect(queue.isOfThread()).toBe(false);
  });

  test('is closed when what was asked before has its answer', async () => {
    const events: string[] = [];
    let answer: (outcome: object) => void = () => undefined;
    const queue = queueOver({
      listTimeoutPolicies: () => new Promise((resolve) => (answer = resolve)),
      close: async () => void events.push('closed'),
    });
    const asked = list(queue).then(() => events.push('answered'));
    await turn();
    queue.retire();
    await turn();
    expect(events).toEqual([]);
    answer({ slabs: [] });
    await asked;
    await turn();
    expect(events.sort()).toEqual(['answered', 'closed']);
  });
});

test('a thread has one queue, and another once it has left what that one was opened for', async () => {
  vi.resetModules();
  const { queueOfThread } = await import('../../src/request/thread-queue.js');
  const close = vi.fn(async () => undefined);
  let stays = true;
  const outcome = { answers: new ArrayBuffer(ANSWER.size), slabs: [] };
  sockets.push({ isOfThread: () => stays, close, send: async () => outcome });
  const queue = queueOfThread();
  expect(await get(queue)).toBe('an answer');
  await turn();
  expect(queueOfThread()).toBe(queue);
  expect(close).not.toHaveBeenCalled();
  stays = false;
  expect(queueOfThread()).not.toBe(queue);
  expect(close).toHaveBeenCalledOnce();
});
