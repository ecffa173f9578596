/** How a mirror takes what goes wrong: at its opening, and later. */
import { constants } from 'node:os';
import { Conntrack, mirrorTable, type TableMirror } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  doneMessage,
  entryMessage,
  errorMessage,
  type Message,
  NLM_F,
} from '../support/message-builder.js';
import { accept, answer, failNext, type KernelSocket } from '../support/scripted-kernel.js';
import { flow, flows } from './flows.js';

const created = (index: number): Message => ({
  ...entryMessage(flow(index)),
  flags: NLM_F.create | NLM_F.excl,
  sequence: 0,
  portId: 0,
});

/** A mirror of so many flows, and the socket that its events come from. */
async function open(count: number): Promise<{ mirror: TableMirror; events: KernelSocket }> {
  const opening = mirrorTable();
  const events = await accept();
  await answer([...flows(count).map(entryMessage), doneMessage()]);
  return { mirror: await opening, events };
}

const ids = (mirror: TableMirror) => Array.from(mirror, ({ id }) => id).sort();

async function expectEnded(mirror: TableMirror, events: KernelSocket, error: unknown) {
  expect(() => mirror.size).toThrow(error);
  await expect(mirror.refresh()).rejects.toBe(error);
  await events.closed();
}

describe('a mirror', () => {
  test('rejects when it may not subscribe, and opens nothing', async () => {
    failNext('bind', 'EPERM');
    await expect(mirrorTable()).rejects.toMatchObject({ code: 'EPERM', operation: 'watchEvents' });
  });

  test('rejects when it may not read, and closes what it has opened', async () => {
    const opening = mirrorTable();
    const events = await accept();
    await answer([errorMessage(constants.errno.EPERM)]);
    await expect(opening).rejects.toMatchObject({ code: 'EPERM', operation: 'streamEntries' });
    await events.closed();
  });

  test('has what events told while it read, and after that', async () => {
    const opening = mirrorTable();
    const events = await accept();
    const dump = await accept();
    await dump.request();
    await events.send(created(7));
    await dump.send(entryMessage(flow(1)), doneMessage());
    const mirror = await opening;
    expect(ids(mirror)).toEqual([1, 7]);
    await events.send(created(8));
    await mirror.caughtUp();
    expect(ids(mirror)).toEqual([1, 7, 8]);
    await mirror.close();
    await events.closed();
  });

  test('asks the kernel about a flow that it did not have', async () => {
    await using handle = await Conntrack.open();
    const opening = handle.mirrorTable();
    const events = await accept();
    await answer([doneMessage()]);
    const mirror = await opening;
    await events.send({ ...created(7), flags: 0 });
    const caughtUp = mirror.caughtUp();
    await answer([entryMessage({ ...flow(7), mark: 5 })]);
    await caughtUp;
    expect(Array.from(mirror, ({ id, mark }) => [id, mark])).toEqual([[7, 5]]);
    await mirror.close();
    await events.closed();
  });

  test('ends with the error when a reading fails', async () => {
    const { mirror, events } = await open(3);
    const changes = mirror.changes().batches();
    const told = changes.next().catch((error: unknown) => error);
    const refreshed = mirror.refresh().catch((error: unknown) => error);
    await answer([entryMessage(flow(0))], [errorMessage(constants.errno.ENOMEM)]);
    const error = await refreshed;
    expect(error).toMatchObject({ code: 'ENOMEM', operation: 'streamEntries' });
    expect(await told).toBe(error);
    await expectEnded(mirror, events, error);
  });

  test('ends with the error when its events fail', async () => {
    const { mirror, events } = await open(3);
    const told = mirror
      .changes()
      .batches()
      .next()
      .catch((error: unknown) => error);
    failNext('recvmmsg', 'ENOMEM');
    await events.send(created(7));
    const error = await told;
    expect(error).toMatchObject({ code: 'ENOMEM', syscall: 'recvmmsg' });
    await expectEnded(mirror, events, error);
  });

  test('reads again when an event was malformed', async () => {
    const { mirror, events } = await open(3);
    const told: unknown[] = [];
    const telling = (async () => {
      for await (const change of mirror.changes()) told.push(change);
    })();
    await events.send({ ...created(4), length: 15 });
    await answer([...flows(2).map(entryMessage), doneMessage()]);
    await expect.poll(() => told.length).toBe(2);
    expect(told).toMatchObject([
      { type: 'lost', cause: 'kernel', count: 1 },
      { type: 'removed', synthetic: true, before: { id: 2 } },
    ]);
    expect(mirror.resyncs).toBe(1);
    await mirror.close();
    await telling;
  });

  test('closes at once while the kernel is silent', async () => {
    const { mirror, events } = await open(3);
    const refreshed = mirror.refresh().catch((error: unknown) => error);
    const dump = await accept();
    await dump.request();
    const start = performance.now();
    await mirror.close();
    expect(performance.now() - start).toBeLessThan(800);
    expect(await refreshed).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    await Promise.all([events.closed(), dump.closed()]);
  });
});
