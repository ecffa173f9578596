/**
 * streamDeletes() over a scripted kernel: what was deleted is known at every end.
 */
import { deleteEntries, type Entry, flushEntries, streamDeletes } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  CTNETLINK,
  doneMessage,
  type EntryDescription,
  entryAttributes,
  entryMessage,
  errorMessage,
  type Message,
  nfgenmsg,
} from '../support/message-builder.js';
import { accept, failNext, type KernelSocket } from '../support/scripted-kernel.js';
import { flow } from './flows.js';
import { errorOf } from './outcome.js';

const ENOENT = 2;
const EPERM = 1;

const marked = (number: number): EntryDescription => ({ ...flow(number), mark: 1 });

/** The event that the kernel sends ahead of the answer to a delete. */
function lastOf(number: number, packets: bigint): Message {
  const counters: EntryDescription['counters'] = { original: [packets, 0n], reply: [packets, 0n] };
  return {
    type: CTNETLINK.delete,
    flags: 0,
    sequence: 0,
    payload: Buffer.concat([nfgenmsg(2), entryAttributes({ ...marked(number), counters })]),
  };
}

/** The answer to the request with this number in the datagram that was sent last. */
function to(datagram: Buffer, index: number, message: Message): Message {
  const [sequence = 0] = new Uint32Array(
    datagram.buffer.slice(datagram.byteOffset + 8, datagram.byteOffset + 12),
  );
  return { ...message, sequence: sequence + index };
}

/** The sockets of a pass over these flows. */
async function pass(numbers: readonly number[], end: readonly Message[] = [doneMessage()]) {
  const [dump, writes] = [await accept(), await accept()];
  await dump.request();
  await dump.send(...numbers.map((number) => entryMessage(marked(number))), ...end);
  return { dump, writes };
}

async function closed({ dump, writes }: { dump: KernelSocket; writes: KernelSocket }) {
  await Promise.all([dump.closed(), writes.closed()]);
}

const idsOf = (entries: readonly Entry[] = []) => entries.map(({ id }) => id);

test('what was deleted has its last counters, and says where it has not', async () => {
  const deleting = deleteEntries({ mark: 1 }, { entries: true });
  const sockets = await pass([1, 2, 3]);
  const sent = await sockets.writes.request();
  await sockets.writes.send(
    lastOf(1, 11n),
    to(sent, 1, errorMessage(ENOENT)),
    to(sent, 2, ackMessage()),
  );
  const { entries, ...counts } = await deleting;
  expect(counts).toEqual({ matched: 3, deleted: 2, vanished: 1 });
  expect(entries.map(({ id, final, counters }) => [id, final, counters?.original.packets])).toEqual(
    [
      [1, true, 11],
      [3, false, undefined],
    ],
  );
  await closed(sockets);
});

test('a flush that reports deletes one by one', async () => {
  const flushing = flushEntries({ family: 'ipv4', entries: true });
  const sockets = await pass([1, 2, 3]);
  const sent = await sockets.writes.request();
  await sockets.writes.send(
    lastOf(1, 11n),
    to(sent, 1, errorMessage(ENOENT)),
    to(sent, 2, ackMessage()),
  );
  const result = await flushing;
  expect(result).toMatchObject({ matched: 3, deleted: 2, vanished: 1 });
  expect(idsOf(result.entries)).toEqual([1, 3]);
  await closed(sockets);
});

test('a stream opens its sockets with the first read', async () => {
  failNext('socket', 'EMFILE');
  const stream = streamDeletes({ mark: 1 });
  expect(await errorOf(stream.batches().next())).toMatchObject({
    code: 'EMFILE',
    operation: 'streamDeletes',
  });
  await stream.close();
});

test('an error of the kernel comes behind what was deleted before it', async () => {
  const stream = streamDeletes({ mark: 1 });
  const batches = stream.batches();
  const first = batches.next();
  const sockets = await pass([1, 2]);
  const sent = await sockets.writes.request();
  await sockets.writes.send(
    to(sent, 0, ackMessage()),
    lastOf(1, 11n),
    to(sent, 1, errorMessage(EPERM)),
  );
  expect(idsOf((await first).value)).toEqual([1]);
  const error = await errorOf(batches.next());
  expect(error).toMatchObject({ code: 'EPERM' });
  expect(String(error)).toContain('2 matched, 1 done, 0 vanished');
  expect(stream.counters).toEqual({ matched: 2, deleted: 1, vanished: 0 });
  expect(await batches.next()).toEqual({ value: undefined, done: true });
  await closed(sockets);
});

describe('what was deleted and not delivered', () => {
  test.each(['abort', 'close'] as const)('by a read that ends from outside: %s', async (how) => {
    const controller = new AbortController();
    const stream = streamDeletes({ mark: 1 }, { signal: controller.signal });
    const reading = errorOf(stream.batches().next());
    const sockets = await pass([1, 2], []);
    const sent = await sockets.writes.request();
    const closing = how === 'close' ? stream.close() : undefined;
    if (how === 'abort') controller.abort(new Error('enough'));
    // What the kernel has done is known later.
    await reading;
    await sockets.writes.send(lastOf(1, 11n), lastOf(2, 22n), to(sent, 1, ackMessage()));
    await closing;
    await stream.close();
    await closed(sockets);
    expect(stream.counters).toEqual({ matched: 2, deleted: 2, vanished: 0 });
    expect(idsOf(stream.undelivered)).toEqual([1, 2]);
  });

  test('by a loop over entries that is left', async () => {
    const stream = streamDeletes({ mark: 1 });
    const entries = stream[Symbol.asyncIterator]();
    const first = entries.next();
    const sockets = await pass([1, 2, 3]);
    const sent = await sockets.writes.request();
    await sockets.writes.send(to(sent, 2, ackMessage()));
    expect((await first).value?.id).toBe(1);
    expect(stream.undelivered).toEqual([]);
    expect((await entries.next()).value?.id).toBe(2);
    await entries.return?.();
    expect(idsOf(stream.undelivered)).toEqual([3]);
    expect(stream.counters.deleted).toBe(3);
    await closed(sockets);
  });

  test('by a loop over entries that was closed from outside', async () => {
    const stream = streamDeletes({ mark: 1 });
    const entries = stream[Symbol.asyncIterator]();
    const first = entries.next();
    const sockets = await pass([1, 2], []);
    const sent = await sockets.writes.request();
    await sockets.writes.send(to(sent, 1, ackMessage()));
    expect((await first).value?.id).toBe(1);
    await stream.close();
    expect(await errorOf(entries.next())).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    expect(idsOf(stream.undelivered)).toEqual([2]);
    await closed(sockets);
  });
});

test('a stream is read once, and one read at a time', async () => {
  const stream = streamDeletes({ mark: 1 });
  const batches = stream.batches();
  expect(() => stream.batches()).toThrow('streamDeletes');
  const first = batches.next();
  expect(await errorOf(batches.next())).toMatchObject({ code: 'ERR_CONNTRACK_BUSY' });
  const sockets = await pass([]);
  expect(await first).toEqual({ value: undefined, done: true });
  await closed(sockets);
});

test('a stream that nobody reads sends nothing', async () => {
  const stream = streamDeletes({ mark: 1 });
  await stream.close();
  expect(await errorOf(stream.batches().next())).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
});
