import { type Entry, listEntries, streamEntries } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  type EntryDescription,
  entryMessage,
  type Message,
  NLM_F,
  NLMSG,
} from '../support/message-builder.js';
import { accept, answer } from '../support/scripted-kernel.js';
import { flow, flows, tcpTuple } from './flows.js';
import { nextValue } from './outcome.js';

const messages = (entries: readonly EntryDescription[]) => entries.map(entryMessage);

/** The ids that listEntries gives when the kernel sends these datagrams. */
async function idsOf(datagrams: Message[][], zeroCounters = false): Promise<number[]> {
  const [entries, socket] = await Promise.all([
    listEntries({}, { zeroCounters }),
    answer(...datagrams),
  ]);
  await socket.closed();
  return entries.map(({ id }) => id);
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** What listEntries gives of a table, which comes in datagrams of `perDatagram` entries. */
async function list(entries: readonly EntryDescription[], perDatagram = 100): Promise<Entry[]> {
  const listing = listEntries();
  const socket = await accept();
  await socket.request();
  for (let at = 0; at < entries.length; at += perDatagram) {
    await socket.send(...messages(entries.slice(at, at + perDatagram)));
  }
  await socket.send(doneMessage());
  const listed = await listing;
  await socket.closed();
  return listed;
}

describe('a dump', () => {
  test('of an empty table is empty', async () => {
    expect(await idsOf([[doneMessage()]])).toEqual([]);
  });

  test('goes on over datagrams until it is done', async () => {
    const datagrams = range(50).map((index) => messages(flows(3, 3 * index)));
    expect(await idsOf([...datagrams, [doneMessage()]])).toEqual(range(150));
  });

  test('may be done in the datagram of its last entries', async () => {
    expect(await idsOf([messages(flows(2)), [...messages(flows(2, 2)), doneMessage()]])).toEqual(
      range(4),
    );
  });

  test('ends where it is done, whatever follows', async () => {
    expect(await idsOf([[entryMessage(flow(0)), doneMessage(), entryMessage(flow(1))]])).toEqual([
      0,
    ]);
  });

  test('goes on after an ack, a no-op, an unknown message and an empty datagram', async () => {
    const noop = { type: NLMSG.noop, flags: 0, payload: Buffer.alloc(0) };
    const unknown = { type: 0x1fe, flags: NLM_F.multi, payload: Buffer.alloc(7) };
    const [first, second, third, fourth] = messages(flows(4)) as [
      Message,
      Message,
      Message,
      Message,
    ];
    expect(
      await idsOf([
        [first, ackMessage()],
        [second, noop, third],
        [],
        [unknown, fourth],
        [doneMessage()],
      ]),
    ).toEqual(range(4));
  });

  test('of 100,000 entries comes whole and in order', async () => {
    const count = 100_000;
    const entries = await list(flows(count), 140);
    expect(entries.length).toBe(count);
    // Not toEqual on 100,000 of them: it takes seconds to say yes.
    expect(entries.findIndex((entry, index) => entry.id !== index)).toBe(-1);
    expect(entries.at(-1)?.original.source).toBe('10.1.134.159');
  });

  test('leaves with the kernel what its reader has not asked for', async () => {
    const perDatagram = 100;
    const batch = messages(flows(perDatagram));
    const stream = streamEntries({}, { zeroCounters: true });
    const batches = stream.batches();
    const reading = batches.next();
    const socket = await accept();
    await socket.request();
    let sent = 0;
    let read = 0;

    /** Sends until the socket stays full for a while, 50 turns of the event loop. */
    const sendUntilFull = async (give: number) => {
      for (let full = 0; full < 50; ) {
        if (socket.trySend(...batch)) [sent, full] = [sent + perDatagram, 0];
        else full++;
        if (sent - read > give) return;
        await new Promise(setImmediate);
      }
    };
    // Three batches of four slabs of 341 records; 17 datagrams; and what a socket buffer holds.
    const most = 3 * 4 * 341 + (17 + 40) * perDatagram;
    let result = reading;
    for (let round = 0; round < 10; round++) {
      await sendUntilFull(most);
      expect(sent - read).toBeLessThanOrEqual(most);
      read += (await nextValue(result)).length;
      result = batches.next();
    }
    await stream.close();
    await expect(result).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    await socket.closed();
  });
});

describe('a stream', () => {
  test('gives the entries one by one, in order', async () => {
    const sending = answer(messages(flows(100)), [...messages(flows(100, 100)), doneMessage()]);
    const ids: number[] = [];
    for await (const entry of streamEntries()) ids.push(entry.id);
    await sending;
    expect(ids).toEqual(range(200));
  });

  test('gives what is there when the kernel pauses', async () => {
    const batches = streamEntries().batches();
    const reading = batches.next();
    const socket = await answer(messages(flows(2)));
    expect((await nextValue(reading)).map(({ id }) => id)).toEqual([0, 1]);
    await socket.send(entryMessage(flow(2)), doneMessage());
    expect((await nextValue(batches.next())).map(({ id }) => id)).toEqual([2]);
    expect(await batches.next()).toEqual({ value: undefined, done: true });
    await socket.closed();
  });

  test('of entries is closed by leaving the loop', async () => {
    const sending = answer(messages(flows(10)));
    for await (const { id } of streamEntries()) if (id === 2) break;
    await (await sending).closed();
  });

  test('of batches is closed by leaving the loop', async () => {
    const sending = answer(messages(flows(10)));
    for await (const batch of streamEntries().batches()) if (batch.length > 0) break;
    await (await sending).closed();
  });

  test('is closed by an error in the loop, which comes through', async () => {
    const sending = answer(messages(flows(10)));
    const error = new Error('from the loop');
    const reading = (async () => {
      for await (const { id } of streamEntries()) if (id === 2) throw error;
    })();
    await expect(reading).rejects.toBe(error);
    await (await sending).closed();
  });

  test('is closed by its disposal', async () => {
    const stream = streamEntries();
    const reading = stream.batches().next();
    const socket = await answer(messages(flows(1)));
    await reading;
    await stream[Symbol.asyncDispose]();
    await socket.closed();
  });
});

describe('a bucket that the kernel restarts', () => {
  const [a, b, c] = messages(flows(3)) as [Message, Message, Message];

  test('is given once', async () => {
    expect(await idsOf([[a, b], [a, b, c], [doneMessage()]])).toEqual([0, 1, 2]);
  });

  test('is given again while counters are zeroed, which is no repetition', async () => {
    expect(await idsOf([[a, b], [a, b, c], [doneMessage()]], true)).toEqual([0, 1, 0, 1, 2]);
  });

  test('is given once across slabs', async () => {
    const entries = flows(400);
    const again = [...entries.slice(0, 345), ...entries.slice(265, 345), ...entries.slice(345)];
    expect((await list(again)).map(({ id }) => id)).toEqual(range(400));
  });

  test.each<[string, Partial<EntryDescription>, Partial<EntryDescription>]>([
    ['zones', { zone: 1 }, { zone: 2 }],
    [
      'zones of one direction',
      { original: { ...tcpTuple, zone: 1 } },
      { original: { ...tcpTuple, zone: 2 } },
    ],
    ['zones, one of them the default', {}, { zone: 65535 }],
    ['protocols', {}, { original: { ...tcpTuple, protocol: 132 } }],
  ])('does not take the same tuple in two %s for one flow', async (_, first, second) => {
    const original = tcpTuple;
    const twins = messages([
      { original, id: 1, ...first },
      { original, id: 2, ...second },
    ]);
    expect(await idsOf([[...twins, doneMessage()]])).toEqual([1, 2]);
  });
});

describe('an entry that does not fit into what is left of a slab', () => {
  // A slab has room for 341 records; an extension takes as much as its strings need.
  test.each([337, 338, 339, 340, 341])('starts the next, after %i plain ones', async (plain) => {
    const large = { ...flow(plain), helper: 'h323', securityContext: 'c'.repeat(300) };
    const entries = [...flows(plain), large, ...flows(10, plain + 1)];
    // In one datagram, so that nothing but the border ends a slab.
    const listed = await list(entries, entries.length);
    expect(listed.map(({ id }) => id)).toEqual(range(plain + 11));
    expect(listed[plain]?.securityContext).toBe('c'.repeat(300));
    expect(listed[plain]?.helper).toBe('h323');
  });

  test('is as large as it may be, many times', async () => {
    const context = (index: number) => String(index).padEnd(4096, 'x');
    const entries = flows(100).map((entry, index) => ({
      ...entry,
      securityContext: context(index),
    }));
    const listed = await list(entries, 10);
    expect(listed.length).toBe(100);
    expect(listed.findIndex((entry, at) => entry.securityContext !== context(at))).toBe(-1);
  });
});
