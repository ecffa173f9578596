import { listEntries } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  entryMessage,
  errorMessage,
  type Message,
  NLM_F,
  NLMSG,
  nfgenmsg,
  statsMessage,
} from '../support/message-builder.js';
import { countEntries, getEntry } from '../support/own-socket.js';
import { accept, RECEIVE_BUFFER_SIZE } from '../support/scripted-kernel.js';
import { flow, tcpKey, tcpTuple } from './flows.js';

type Answer = [Message, ...Message[]];

/** Each call with an answer, a forged one, and whether it believed the right one. */
const calls: Record<
  string,
  { call: () => Promise<unknown>; right: Answer; forged: Answer; expected: unknown }
> = {
  listEntries: {
    call: async () => (await listEntries()).map(({ id }) => id),
    right: [entryMessage(flow(1)), doneMessage()],
    forged: [entryMessage(flow(666)), doneMessage()],
    expected: [1],
  },
  getEntry: {
    call: async () => (await getEntry(tcpKey))?.id,
    right: [entryMessage({ original: tcpTuple, id: 1 }), ackMessage()],
    forged: [entryMessage({ original: tcpTuple, id: 666 }), ackMessage()],
    expected: 1,
  },
  countEntries: {
    call: countEntries,
    right: [statsMessage(1), ackMessage()],
    forged: [statsMessage(666), ackMessage()],
    expected: 1,
  },
};

describe.each(Object.entries(calls))('%s', (_, { call, right, forged, expected }) => {
  const start = async () => {
    const result = call();
    const socket = await accept();
    await socket.request();
    return { result, socket };
  };

  test('drops what other processes send, however right it looks', async () => {
    const { result, socket } = await start();
    await socket.sendFrom(1234, ...forged);
    await socket.sendFrom(socket.portId, ...forged);
    await socket.sendFrom(0xffffffff, errorMessage(1));
    await socket.send(...right);
    expect(await result).toEqual(expected);
  });

  test('drops what other processes send, however wrong it is', async () => {
    const { result, socket } = await start();
    await socket.sendFrom(1234, Buffer.alloc(3));
    await socket.sendFrom(1234, { ...forged[0], length: 0xffffffff });
    await socket.sendFrom(1234, Buffer.alloc(RECEIVE_BUFFER_SIZE + 1));
    await socket.sendFrom(1234);
    await socket.send(...right);
    expect(await result).toEqual(expected);
  });

  test.each<[string, (portId: number) => Partial<Message>]>([
    ['of another sequence number', () => ({ sequence: 77 })],
    ['of sequence number 0', () => ({ sequence: 0 })],
    ['of another port id', (portId) => ({ portId: portId + 1 })],
    ['of port id 0', () => ({ portId: 0 })],
  ])('drops messages %s', async (_, differ) => {
    const { result, socket } = await start();
    const stray = (message: Message) => ({ ...message, ...differ(socket.portId) });
    await socket.send(...forged.map(stray), stray(errorMessage(1)));
    await socket.send(stray(doneMessage(12)), ...right);
    expect(await result).toEqual(expected);
  });

  test('drops messages of types that it does not know, and those without a meaning', async () => {
    const { result, socket } = await start();
    const payload = nfgenmsg(2);
    const empty = Buffer.alloc(0);
    await socket.send(
      { type: NLMSG.noop, flags: 0, payload: empty },
      { type: 0x1ff, flags: NLM_F.multi, payload },
      { type: 0x0a00, flags: NLM_F.multi, payload: empty },
      ...right,
    );
    expect(await result).toEqual(expected);
  });

  test('goes on after a datagram of nothing', async () => {
    const { result, socket } = await start();
    await socket.send();
    await socket.send(...right);
    expect(await result).toEqual(expected);
  });
});
