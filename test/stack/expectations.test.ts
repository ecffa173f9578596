/** Deletes of expectations, and a kernel that compares their ids with others than it sends. */
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  errorMessage,
  expectationMessage,
  type Message,
} from '../support/message-builder.js';
import { deleteExpectation, listExpectations } from '../support/own-socket.js';
import { accept, answer, type KernelSocket } from '../support/scripted-kernel.js';

const ENOENT = 2;
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
