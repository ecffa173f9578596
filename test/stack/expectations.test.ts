/** Deletes of expectations, and a kernel that compares their ids with others than it sends. */
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  errorMessage,
  expectationMessage,
  type Message,
} from '../support/message-builder.js';
import {
  deleteExpectation,
  deleteExpectations,
  listExpectations,
  updateExpectation,
} from '../support/own-socket.js';
import { accept, answer, type KernelSocket } from '../support/scripted-kernel.js';

const EPERM = 1;
const ENOENT = 2;
const ETIME = 62;
const absent = () => errorMessage(ENOENT);

async function one() {
  const [[expectation]] = await Promise.all([
    listExpectations(),
    answer([expectationMessage(5)], [doneMessage()]),
  ]);
  if (expectation === undefined) throw new Error('no expectation');
  return expectation;
}

/** Answers requests as they come; gives their sizes. */
async function serve(socket: KernelSocket, messages: readonly Message[]): Promise<number[]> {
  const sizes: number[] = [];
  for (const message of messages) {
    sizes.push((await socket.request()).length);
    await socket.send(message);
  }
  return sizes;
}

describe('deleteExpectation', () => {
  test.each<[string, Message[], boolean]>([
    ['is there', [expectationMessage(5), ackMessage()], true],
    ['is not there', [absent()], false],
    ['ended before the delete', [expectationMessage(5), absent(), absent()], false],
    [
      'was replaced before the delete',
      [expectationMessage(5), absent(), expectationMessage(6)],
      false,
    ],
    [
      'is there, and the kernel knows no id',
      [expectationMessage(5), absent(), expectationMessage(5), ackMessage()],
      true,
    ],
  ])('of one that %s', async (_, messages, isDeleted) => {
    const expectation = await one();
    const [deleted, sizes] = await Promise.all([
      deleteExpectation(expectation),
      accept().then((socket) => serve(socket, messages)),
    ]);
    expect(deleted).toBe(isDeleted);
    expect(sizes).toHaveLength(messages.length);
    // The last one names no id, which is an attribute of eight bytes.
    if (messages.length === 4) expect(sizes[3]).toBe((sizes[1] ?? 0) - 8);
  });
});

describe('deleteExpectations', () => {
  const of = { helper: 'ftp' };

  test('names tuple and id, and counts what has ended', async () => {
    const [result, sizes] = await Promise.all([
      deleteExpectations(of),
      accept().then(async (socket) => {
        await socket.request();
        await socket.send(expectationMessage(5), doneMessage());
        // The delete, the look whether the kernel knows no id, and the look at all of them.
        return serve(socket, [absent(), absent(), doneMessage()]);
      }),
    ]);
    expect(result).toEqual({ matched: 1, deleted: 0, vanished: 1 });
    expect(sizes[0]).toBe(sizes[1]);
  });

  test('rejects when one that it could not delete is still there', async () => {
    const deleting = deleteExpectations(of);
    const socket = await accept();
    await socket.request();
    await socket.send(expectationMessage(5), doneMessage());
    await serve(socket, [absent(), absent()]);
    await socket.request();
    await socket.send(expectationMessage(5), doneMessage());
    await expect(deleting).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  });

  test('rejects with what the kernel answers', async () => {
    const deleting = deleteExpectations(of);
    const socket = await accept();
    await socket.request();
    await socket.send(expectationMessage(5), doneMessage());
    await serve(socket, [errorMessage(EPERM)]);
    await expect(deleting).rejects.toMatchObject({ code: 'EPERM' });
  });
});

describe('updateExpectation', () => {
  test.each<[string, Message[], string, RegExp]>([
    ['is not there', [absent()], 'ENOENT', /no expectation has this key/],
    ['has another id', [expectationMessage(6)], 'ENOENT', /no expectation has this key/],
    ['ended before the update', [expectationMessage(5), absent()], 'ENOENT', /has ended/],
    [
      'is about to end',
      [expectationMessage(5), errorMessage(ETIME)],
      'ETIME',
      /timeout .* is over/,
    ],
    ['ended since', [expectationMessage(5), ackMessage(), absent()], 'ENOENT', /was changed, but/],
    [
      'was replaced since',
      [expectationMessage(5), ackMessage(), expectationMessage(6)],
      'ENOENT',
      /was changed, but/,
    ],
    ['may not be changed', [expectationMessage(5), errorMessage(EPERM)], 'EPERM', /CAP_NET_ADMIN/],
  ])('of one that %s', async (_, messages, code, message) => {
    const expectation = await one();
    const updating = updateExpectation(expectation, { timeout: 60 });
    const [, result] = await Promise.all([
      accept().then((socket) => serve(socket, messages)),
      updating.catch((error: unknown) => error),
    ]);
    expect(result).toMatchObject({ code, operation: 'updateExpectation' });
    expect(String(result)).toMatch(message);
  });

  test('resolves with what the kernel has', async () => {
    const expectation = await one();
    const [updated] = await Promise.all([
      updateExpectation(expectation, { timeout: 60 }),
      accept().then((socket) =>
        serve(socket, [expectationMessage(5), ackMessage(), expectationMessage(5)]),
      ),
    ]);
    expect(updated.toJSON()).toEqual(expectation.toJSON());
  });
});
