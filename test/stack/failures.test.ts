import { Conntrack, ConntrackError, listEntries } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  attribute,
  CTNETLINK,
  doneMessage,
  entryMessage,
  errorMessage,
  errorQuoting,
  type Message,
  NLM_F,
  NLMSG,
  nest,
  nfgenmsg,
  statsMessage,
  tuple,
  u8,
} from '../support/message-builder.js';
import { countEntries, getEntry } from '../support/own-socket.js';
import { accept, answer, failNext, RECEIVE_BUFFER_SIZE } from '../support/scripted-kernel.js';
import { flow, flows, tcpKey, tcpTuple } from './flows.js';
import { errorOf } from './outcome.js';

const entries = flows(2).map(entryMessage);
/** Datagrams of a table that is worth a second thread. */
const large = Array.from({ length: 20 }, (_, index) => flows(140, 140 * index).map(entryMessage));

const calls = {
  listEntries: () => listEntries(),
  getEntry: () => getEntry(tcpKey),
  countEntries: () => countEntries(),
};
type Call = keyof typeof calls;
const CALLS = Object.keys(calls) as Call[];

/** recvmsg, and recvmmsg for what is sent together. */
const RECEIVING: unknown = expect.stringMatching(/^recvmm?sg$/);

/** The error of a call that gets these datagrams for an answer; its socket must be closed then. */
async function errorFor(call: Call, ...datagrams: (Message | Buffer)[][]): Promise<ConntrackError> {
  const [error, socket] = await Promise.all([errorOf(calls[call]()), answer(...datagrams)]);
  await socket.closed();
  expect(error).toBeInstanceOf(ConntrackError);
  return error as ConntrackError;
}

describe('what the kernel refuses', () => {
  test.each(CALLS)('has its code, and no system call: %s', async (call) => {
    const error = await errorFor(call, [errorMessage(12)]);
    expect(error).toMatchObject({ code: 'ENOMEM', errno: 12, operation: call });
    expect(error).not.toHaveProperty('syscall');
    expect(error).not.toHaveProperty('detail');
  });

  test.each(CALLS)('comes with the words of the kernel: %s', async (call) => {
    const error = await errorFor(call, [errorMessage(16, 'Ask again later')]);
    expect(error).toMatchObject({ code: 'EBUSY', detail: 'Ask again later' });
    expect(error.message).toContain('Ask again later');
  });

  test.each(CALLS)('comes with its words behind the whole request: %s', async (call) => {
    const failing = errorOf(calls[call]());
    const socket = await accept();
    const request = await socket.request();
    await socket.send(errorQuoting(request, 16, 'Ask again later'));
    expect(await failing).toMatchObject({ code: 'EBUSY', detail: 'Ask again later' });
    await socket.closed();
  });

  test('is an error in the middle of a dump, too', async () => {
    const error = await errorFor('listEntries', entries, [errorMessage(12, 'Out of luck')]);
    expect(error).toMatchObject({ code: 'ENOMEM', detail: 'Out of luck' });
  });

  test('is an error at the end of a dump, too', async () => {
    const error = await errorFor('listEntries', [...entries, doneMessage(105, 'No room')]);
    expect(error).toMatchObject({ code: 'ENOBUFS', errno: 105, detail: 'No room' });
    expect(error).not.toHaveProperty('syscall');
  });

  test.each(CALLS)('for lack of privileges says how to get them: %s', async (call) => {
    const error = await errorFor(call, [errorMessage(1)]);
    expect(error).toMatchObject({ code: 'EPERM', errno: 1, operation: call });
    expect(error.message).toContain('CAP_NET_ADMIN');
    expect(error.message).toContain(error.hint);
    expect(error.hint).toContain('setcap cap_net_admin');
    expect(error.hint).toContain('systemd');
    expect(error.hint).toContain('container');
  });

  test.each(['listEntries', 'countEntries'] as const)(
    'for lack of ctnetlink is unsupported: %s',
    async (call) => {
      const error = await errorFor(call, [errorMessage(22)]);
      expect(error).toMatchObject({
        code: 'ERR_CONNTRACK_UNSUPPORTED',
        errno: 22,
        operation: call,
      });
      expect(error.hint).toContain('nf_conntrack_netlink');
    },
  );

  test('in a key is not taken for lack of ctnetlink', async () => {
    expect(await errorFor('getEntry', [errorMessage(22)])).toMatchObject({ code: 'EINVAL' });
  });
});

describe('a socket that cannot be opened', () => {
  const attempts = {
    listEntries: () => listEntries(),
    getEntry: () => getEntry(tcpKey),
    countEntries: () => countEntries(),
    'the first request of a handle': async () => (await Conntrack.open()).countEntries(),
  };

  test.each(Object.entries(attempts))('for lack of file descriptors: %s', async (_, attempt) => {
    failNext('socket', 'EMFILE');
    const error = await errorOf(attempt());
    expect(error).toBeInstanceOf(ConntrackError);
    expect(error).toMatchObject({ code: 'EMFILE', errno: 24, syscall: 'socket' });
  });

  test('is tried again by the next request of the handle', async () => {
    const conntrack = await Conntrack.open();
    failNext('socket', 'EMFILE');
    expect(await errorOf(conntrack.countEntries())).toMatchObject({ code: 'EMFILE' });
    const counting = conntrack.countEntries();
    await answer([statsMessage(2), ackMessage()]);
    expect(await counting).toBe(2);
    await conntrack.close();
  });

  test.each(
    Object.entries(attempts).flatMap(([name, attempt]) =>
      (['EPROTONOSUPPORT', 'EAFNOSUPPORT'] as const).map((code) => [name, code, attempt] as const),
    ),
  )('for lack of netfilter is unsupported: %s, %s', async (_, code, attempt) => {
    failNext('socket', code);
    expect(await errorOf(attempt())).toMatchObject({
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      syscall: 'socket',
    });
  });
});

describe('an answer that cannot be trusted', () => {
  const entry = entryMessage(flow(3));
  const cut = (message: Message, bytes: number): Message => ({
    ...message,
    payload: message.payload.subarray(0, bytes),
  });
  const withAttributes = (...attributes: Buffer[]): Message => ({
    type: CTNETLINK.new,
    flags: NLM_F.multi,
    payload: Buffer.concat([nfgenmsg(2), ...attributes]),
  });
  const lyingAttribute = (length: number) => {
    const lie = attribute(8, Buffer.alloc(4));
    lie.set(new Uint8Array(Uint16Array.of(length).buffer));
    return lie;
  };
  const family4 = tuple(1, tcpTuple);
  const wrong: [string, (Message | Buffer)[]][] = [
    ['a message longer than its datagram', [{ ...entry, length: 5000 }]],
    ['a message shorter than its header', [{ ...entry, length: 15 }]],
    ['a message of length 0', [{ ...entry, length: 0 }]],
    ['a message with a length of 2^32 - 1', [{ ...entry, length: 0xffffffff }]],
    ['a second message that is cut', [entry, { ...entryMessage(flow(4)), length: 5000 }]],
    ['bytes behind the last message', [entry, Buffer.alloc(8)]],
    ['a header that is cut', [Buffer.alloc(15)]],
    ['no nfgenmsg', [cut(entry, 3)]],
    ['no attributes', [cut(entry, 4)]],
    ['an attribute longer than its message', [withAttributes(family4, lyingAttribute(400))]],
    ['an attribute shorter than its header', [withAttributes(family4, lyingAttribute(3))]],
    ['an attribute of length 0', [withAttributes(family4, lyingAttribute(0))]],
    [
      'an integer that is cut',
      [{ ...entryMessage({ ...flow(3), more: [attribute(8, u8(1, 2))] }) }],
    ],
    [
      'a tuple without addresses',
      [entryMessage({ ...flow(3), more: [nest(1, nest(2, attribute(1, u8(6))))] })],
    ],
    ['no reply tuple', [withAttributes(family4)]],
    [
      'a string that is too long',
      [entryMessage({ ...flow(3), securityContext: 'c'.repeat(4097) })],
    ],
    ['an error without its number', [{ type: NLMSG.error, flags: 0, payload: Buffer.alloc(2) }]],
  ];

  test.each(wrong)('fails a dump at its start: %s', async (_, datagram) => {
    const error = await errorFor('listEntries', datagram);
    expect(error).toMatchObject({ code: 'EBADMSG', operation: 'listEntries' });
  });

  test.each(wrong)('fails a dump in the middle, never a short list: %s', async (_, datagram) => {
    const error = await errorFor('listEntries', entries, datagram);
    expect(error).toMatchObject({ code: 'EBADMSG' });
  });

  test.each(wrong)('fails a large dump in the middle, too: %s', async (_, datagram) => {
    const error = await errorFor('listEntries', ...large, datagram);
    expect(error).toMatchObject({ code: 'EBADMSG' });
  });

  test.each(wrong)('fails getEntry: %s', async (_, datagram) => {
    expect(await errorFor('getEntry', datagram)).toMatchObject({ code: 'EBADMSG' });
  });

  test.each<[string, Message]>([
    ['without its attribute', { ...withAttributes(), type: CTNETLINK.getStats }],
    ['that is cut', { ...withAttributes(attribute(1, u8(0, 0))), type: CTNETLINK.getStats }],
    ['without a payload', { type: CTNETLINK.getStats, flags: 0, payload: Buffer.alloc(0) }],
    [
      'with an attribute that lies',
      {
        ...withAttributes(attribute(1, Buffer.alloc(4)), lyingAttribute(99)),
        type: CTNETLINK.getStats,
      },
    ],
  ])('fails countEntries: a count %s', async (_, message) => {
    expect(await errorFor('countEntries', [message])).toMatchObject({ code: 'EBADMSG' });
  });

  test.each(['getEntry', 'countEntries'] as const)(
    'fails %s: an ack and no answer before it',
    async (call) => {
      expect(await errorFor(call, [errorMessage(0)])).toMatchObject({ code: 'EBADMSG' });
    },
  );

  test('fails a dump: DONE without its number', async () => {
    const done = { type: NLMSG.done, flags: NLM_F.multi, payload: Buffer.alloc(0) };
    expect(await errorFor('listEntries', [...entries, done])).toMatchObject({ code: 'EBADMSG' });
  });

  test.each(CALLS)('is one that was truncated: %s', async (call) => {
    const tooLong = Buffer.alloc(RECEIVE_BUFFER_SIZE + 1);
    expect(await errorFor(call, [tooLong])).toMatchObject({ code: 'EMSGSIZE', syscall: RECEIVING });
  });

  test('is no datagram that just fits', async () => {
    const largest = { ...flow(3), more: [attribute(99, Buffer.alloc(40_000))] };
    const message = entryMessage(largest);
    const rest = RECEIVE_BUFFER_SIZE - 16 - message.payload.length;
    const filler = { type: NLMSG.noop, flags: 0, payload: Buffer.alloc(rest - 16) };
    const [listed] = await Promise.all([listEntries(), answer([message, filler], [doneMessage()])]);
    expect(listed.map(({ id }) => id)).toEqual([3]);
  });
});

describe('a kernel that goes away', () => {
  test.each(CALLS)('before it answers: %s', async (call) => {
    const failing = errorOf(calls[call]());
    const socket = await answer();
    socket.close();
    expect(await failing).toMatchObject({
      code: 'ECONNRESET',
      syscall: RECEIVING,
      operation: call,
    });
  });

  test.each([
    ['a dump', [entries]],
    ['a large dump', large],
  ])('in the middle of %s', async (_, datagrams) => {
    const failing = errorOf(listEntries());
    const socket = await answer(...datagrams);
    socket.close();
    expect(await failing).toMatchObject({ code: 'ECONNRESET', syscall: 'recvmsg' });
  });

  test('before it is asked again', async () => {
    const conntrack = await Conntrack.open();
    const counting = conntrack.countEntries();
    const socket = await answer([statsMessage(1), ackMessage()]);
    expect(await counting).toBe(1);
    socket.close();
    expect(await errorOf(conntrack.countEntries())).toMatchObject({
      code: 'EPIPE',
      syscall: 'sendto',
      operation: 'countEntries',
    });
    await conntrack.close();
  });
});
