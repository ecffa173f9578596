import { Conntrack, type EntryKey } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  CTNETLINK,
  type EntryDescription,
  entryMessage,
  errorMessage,
  inverse,
  type Message,
  statsMessage,
} from '../support/message-builder.js';
import { countEntries, getEntry } from '../support/own-socket.js';
import { accept, answer, waitingSockets } from '../support/scripted-kernel.js';
import { nextRequests, to } from './datagrams.js';
import { tcpKey, tcpTuple } from './flows.js';
import { errorOf } from './outcome.js';

/** What getEntry gives when the kernel sends these datagrams. */
async function lookUp(key: EntryKey, ...datagrams: Message[][]) {
  const [entry, socket] = await Promise.all([getEntry(key), answer(...datagrams)]);
  await socket.closed();
  return entry;
}

const found = (entry: Partial<EntryDescription> = {}) =>
  entryMessage({ original: tcpTuple, id: 5, ...entry });

describe('getEntry', () => {
  test('gives the entry', async () => {
    const entry = await lookUp(tcpKey, [found({ mark: 3 })]);
    expect(entry).toMatchObject({ id: 5, mark: 3, protocol: 'tcp' });
    expect(entry?.toJSON().original).toEqual(tcpKey.original);
  });

  test('gives the entry with everything that it has', async () => {
    const large = { helper: 'sip', securityContext: 'c'.repeat(4096), labels: 1n << 127n };
    expect(await lookUp(tcpKey, [found(large)])).toMatchObject(large);
  });

  test('gives nothing when there is none', async () => {
    expect(await lookUp(tcpKey, [errorMessage(2)])).toBeUndefined();
  });

  test('gives the entry that has the tuple as reply, when asked by its reply', async () => {
    const key = { protocol: 'tcp', reply: tcpKey.original } as const;
    const entry = found({ original: inverse(tcpTuple), reply: tcpTuple });
    expect(await lookUp(key, [entry])).toMatchObject({ id: 5 });
  });

  test.each<[string, EntryKey, Partial<EntryDescription>]>([
    [
      'its reply when an original tuple is asked for',
      tcpKey,
      { original: inverse(tcpTuple), reply: tcpTuple },
    ],
    [
      'its original when a reply tuple is asked for',
      { protocol: 'tcp', reply: tcpKey.original },
      { original: tcpTuple },
    ],
    ['another id', { ...tcpKey, id: 6 }, {}],
  ])('gives nothing for an entry that has the tuple, but as %s', async (_, key, entry) => {
    expect(await lookUp(key, [found(entry)])).toBeUndefined();
  });

  test('gives the entry of the id that is asked for', async () => {
    expect(await lookUp({ ...tcpKey, id: 5 }, [found()])).toMatchObject({ id: 5 });
  });

  test('gives the entry of the zone of one direction that is asked for', async () => {
    const original = { ...tcpKey.original, zone: 9 };
    const entry = found({ original: { ...tcpTuple, zone: 9 }, reply: inverse(tcpTuple) });
    const key = { protocol: 'tcp', original } as const;
    expect((await lookUp(key, [entry]))?.original.zone).toBe(9);
  });
});

/** IPCTNL_MSG_CT_GET_CTRZERO */
const GET_AND_ZERO = (1 << 8) | 3;

describe('getEntry with zeroCounters', () => {
  test('zeroes the counters of the entry that was found, by its tuple', async () => {
    const conntrack = await Conntrack.open();
    const zeroing = conntrack.getEntry({ ...tcpKey, id: 5 }, { zeroCounters: true });
    const socket = await accept();
    const [get] = await nextRequests(socket);
    if (get) await socket.send(to(get, found({ mark: 1 })));
    const [zero] = await nextRequests(socket);
    expect([get?.type, zero?.type]).toEqual([CTNETLINK.get, GET_AND_ZERO]);
    if (zero) await socket.send(to(zero, found({ mark: 2 })));
    expect(await zeroing).toMatchObject({ id: 5, mark: 2 });
    await conntrack.close();
  });

  test('zeroes none where another entry has the tuple', async () => {
    const conntrack = await Conntrack.open();
    const zeroing = conntrack.getEntry({ ...tcpKey, id: 6 }, { zeroCounters: true });
    const socket = await answer([found()]);
    expect(await zeroing).toBeUndefined();
    await conntrack.close();
    await socket.closed();
  });
});

describe('getEntries', () => {
  test('gives the entries in the order of the keys, and nothing for those that are not there', async () => {
    const conntrack = await Conntrack.open();
    const ended = { ...tcpKey, id: 5, status: { dying: true } } as EntryKey;
    const getting = conntrack.getEntries([tcpKey, { ...tcpKey, id: 6 }, ended, tcpKey]);
    const socket = await accept();
    const requests = await nextRequests(socket);
    for (const request of [...requests].reverse()) {
      const isFirst = request === requests[0];
      await socket.send(to(request, isFirst ? errorMessage(2) : found()));
    }
    const entries = await getting;
    expect(entries.map((entry) => entry?.id)).toEqual([undefined, undefined, undefined, 5]);
    expect(requests).toHaveLength(3);
    await conntrack.close();
    await socket.closed();
  });

  test('names the key that is wrong, and sends nothing', async () => {
    const conntrack = await Conntrack.open();
    await expect(conntrack.getEntries([tcpKey, {} as EntryKey])).rejects.toThrow(/^keys\[1\]/);
    expect(waitingSockets()).toBe(0);
    await conntrack.close();
  });

  test('lets the event loop turn, while it checks many keys', async () => {
    const conntrack = await Conntrack.open();
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const keys = Array<EntryKey>(3000).fill({ ...tcpKey, status: { dying: true } } as EntryKey);
    expect(await conntrack.getEntries(keys)).toHaveLength(3000);
    isOver = true;
    expect(turns).toBeGreaterThan(1);
    await conntrack.close();
  });
});

describe('countEntries', () => {
  test.each([0, 1, 4294967295])('gives %i', async (count) => {
    const [counted, socket] = await Promise.all([countEntries(), answer([statsMessage(count)])]);
    expect(counted).toBe(count);
    await socket.closed();
  });
});

describe('a kernel that never answers', () => {
  const afterASecond = async (call: Promise<unknown>) => {
    const start = performance.now();
    const error = await errorOf(call);
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'recvmsg' });
    const waited = performance.now() - start;
    expect(waited).toBeGreaterThan(900);
    expect(waited).toBeLessThan(5000);
  };

  test('ends getEntry after about a second', async () => {
    await Promise.all([afterASecond(getEntry(tcpKey)), answer()]);
  });

  test('and answers late is not taken for the answer to the next request', async () => {
    const conntrack = await Conntrack.open();
    const first = errorOf(conntrack.countEntries());
    const socket = await accept();
    await socket.request();
    expect(await first).toMatchObject({ code: 'ETIMEDOUT' });
    await socket.send(statsMessage(111));
    const second = conntrack.countEntries();
    await socket.request();
    await socket.send(statsMessage(222));
    expect(await second).toBe(222);
    await conntrack.close();
    await socket.closed();
  });
});

test('a request that fails does not stop those that were sent with it', async () => {
  const conntrack = await Conntrack.open();
  const failing = errorOf(conntrack.countEntries());
  const counting = conntrack.countEntries();
  const socket = await accept();
  await socket.request();
  await socket.send({ ...errorMessage(12), sequence: 1 }, { ...statsMessage(3), sequence: 2 });
  expect(await failing).toMatchObject({ code: 'ENOMEM' });
  expect(await counting).toBe(3);
  await conntrack.close();
  await socket.closed();
});
