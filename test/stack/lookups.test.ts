import { Conntrack, type EntryKey } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  type EntryDescription,
  entryMessage,
  errorMessage,
  inverse,
  type Message,
  statsMessage,
} from '../support/message-builder.js';
import { countEntries, getEntry } from '../support/own-socket.js';
import { accept, answer } from '../support/scripted-kernel.js';
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
