/**
 * Writing to a scripted kernel: answers in any order, refusals, and kernels that
 * know less, or die.
 */
import {
  Conntrack,
  type ConntrackError,
  deleteEntries,
  type EntrySpec,
  listEntries,
  type MasterTuple,
  updateEntries,
} from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  CTNETLINK,
  doneMessage,
  type EntryDescription,
  entryMessage,
  errorMessage,
  FAMILY,
  NLM_F,
} from '../support/message-builder.js';
import {
  createEntries,
  createEntry,
  deleteEntry,
  flushEntries,
  getEntry,
  updateEntry,
  upsertEntry,
} from '../support/own-socket.js';
import { accept, type KernelSocket, waitingSockets } from '../support/scripted-kernel.js';
import { granted, nextRequests, type Request, to } from './datagrams.js';
import { flow, flows, tcpKey, tcpTuple } from './flows.js';
import { codeIn, codeOf, errorOf } from './outcome.js';

const ENOENT = 2;
const EEXIST = 17;
const EINVAL = 22;

const specOf = (number: number): EntrySpec => ({
  protocol: 'tcp',
  original: { ...tcpKey.original, source: `10.0.0.${number}` },
  timeout: 60,
});

/** Plays a table: a dump gives these entries, and a delete that names an id takes it away. */
async function serveDeletes(socket: KernelSocket, ids: Set<number>): Promise<Request[]> {
  const all: Request[] = [];
  while (ids.size > 0) {
    const requests = await nextRequests(socket);
    all.push(...requests);
    const answers = requests.map((request) => {
      const id = [...ids].find((one) => request.bytes.includes(idAttribute(one)));
      if (request.type !== CTNETLINK_DELETE || id === undefined)
        return to(request, errorMessage(EINVAL));
      ids.delete(id);
      return to(request, ackMessage());
    });
    await socket.send(...answers);
  }
  return all;
}

const CTNETLINK_NEW = 1 << 8;
const CTNETLINK_DELETE = (1 << 8) | 2;
/** CTA_ID */
const idAttribute = (id: number) => {
  const header = Buffer.from(new Uint16Array([8, 12]).buffer);
  const value = Buffer.alloc(4);
  value.writeUInt32BE(id);
  return Buffer.concat([header, value]);
};

type Quadruple = [Request, Request, Request, Request];

describe('createEntries', () => {
  test('gives each item its own result, in whatever order the answers come', async () => {
    const creating = createEntries([1, 2, 3].map(specOf));
    const socket = await accept();
    const requests = await nextRequests(socket);
    expect(requests.map(({ type, flags }) => [type, flags])).toEqual(
      [1, 2, 3].flatMap(() => [
        [CTNETLINK.new, NLM_F.request | NLM_F.create | NLM_F.excl],
        [CTNETLINK.get, NLM_F.request],
      ]),
    );
    const answers = requests.flatMap((request, index) => {
      if (index === 2) return [to(request, errorMessage(EEXIST))];
      return granted(request, flow((index >> 1) + 1));
    });
    for (const message of answers.reverse()) await socket.send(message);
    const results = await creating;
    expect(results.map(({ entry, error }) => entry?.id ?? codeIn(error))).toEqual([1, 'EEXIST', 3]);
    await socket.closed();
  });

  test('a wrong item has its error, and the others are sent without it', async () => {
    const wrong = [{ ...specOf(9), timeout: -1 }, null, { ...specOf(9), protocol: 'tpc' }];
    const creating = createEntries([wrong[0], specOf(1), wrong[1], specOf(2), wrong[2]] as never);
    const socket = await accept();
    const requests = await nextRequests(socket);
    expect(requests).toHaveLength(4);
    for (const [index, request] of requests.entries()) {
      for (const message of granted(request, flow((index >> 1) + 1))) await socket.send(message);
    }
    const results = await creating;
    expect(results.map(({ entry, error }) => entry?.id ?? String(error))).toEqual([
      expect.stringMatching(/^RangeError: specs\[0\]\.timeout: /),
      1,
      expect.stringMatching(/^TypeError: specs\[2\]: /),
      2,
      expect.stringMatching(/^TypeError: specs\[4\]\.protocol: /),
    ]);
    await socket.closed();
  });

  test('lets the event loop turn, while it checks many items', async () => {
    const conntrack = await Conntrack.open();
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const results = await conntrack.createEntries(Array<never>(3000).fill({} as never));
    isOver = true;
    expect(results).toHaveLength(3000);
    expect(turns).toBeGreaterThan(1);
    await conntrack.close();
  });

  test('without a right item sends nothing', async () => {
    const results = await createEntries([{}, { protocol: 'tcp' }] as never);
    expect(results.map(({ error }) => error)).toEqual([
      expect.any(TypeError),
      expect.any(TypeError),
    ]);
  });

  test('sends a master before what belongs to it, and answers in the order of the list', async () => {
    const master = ({ protocol, original }: EntrySpec) =>
      ({ protocol, ...original }) as MasterTuple;
    const [a, b, c, d] = [1, 2, 3, 4].map(specOf) as [EntrySpec, EntrySpec, EntrySpec, EntrySpec];
    // 3 belongs to 4, which belongs to 1; 2 belongs to itself, and 5 to none of the list.
    const list: EntrySpec[] = [
      { ...c, master: master(d) },
      { ...b, master: master(b) },
      { ...specOf(5), master: master(specOf(77)) },
      { ...d, master: master(a) },
      a,
    ];
    const creating = createEntries(list);
    const socket = await accept();
    // What has no master goes first, and the others when it is there.
    const first = await nextRequests(socket);
    await socket.send(...first.flatMap((request) => granted(request, flow(1))));
    const requests = [...first, ...(await nextRequests(socket))];
    const sent = requests
      .filter(({ type }) => type === CTNETLINK_NEW)
      .map(({ bytes }) =>
        [1, 2, 3, 4, 5].find((number) => bytes.indexOf(Buffer.from([10, 0, 0, number])) === 32),
      );
    expect(sent).toEqual([1, 4, 3, 2, 5]);
    socket.close();
    await creating;
  });

  test('gives the words of the kernel with the item that they belong to', async () => {
    const creating = createEntries([1, 2].map(specOf));
    const socket = await accept();
    const [first, lost, second, get] = (await nextRequests(socket)) as Quadruple;
    await socket.send(
      to(first, errorMessage(EINVAL, 'Bad tuple')),
      to(first, errorMessage(ENOENT)),
    );
    await socket.sendFrom(77, to(second, errorMessage(EINVAL, 'of a stranger')));
    await socket.send({ ...errorMessage(EINVAL), sequence: 9999 });
    await socket.send(to(lost, errorMessage(ENOENT)));
    await socket.send(...granted(get, flow(2)));
    const [one, two] = await creating;
    expect(one?.error).toMatchObject({ code: 'EINVAL', detail: 'Bad tuple' });
    expect(two?.entry?.id).toBe(2);
  });

  test('has an unknown outcome of what was sent, and none of what was not', async () => {
    const creating = createEntries(Array.from({ length: 70 }, (_, number) => specOf(number)));
    const socket = await accept();
    const [, get] = (await nextRequests(socket)) as [Request, Request];
    await socket.send(...granted(get, flow(0)));
    await socket.send(Buffer.alloc(3));
    const results = await creating;
    const outcomes = results.map(({ error }) => (error as ConntrackError | undefined)?.outcome);
    expect(results[0]?.entry?.id).toBe(0);
    expect(outcomes.slice(1, 64)).toEqual(Array(63).fill('unknown'));
    expect(outcomes.slice(64)).toEqual(Array(6).fill(undefined));
    expect(new Set(results.slice(1).map(({ error }) => codeIn(error)))).toEqual(
      new Set(['EBADMSG']),
    );
    await socket.closed();
  });

  test.each([
    ['was removed', ackMessage(), undefined],
    ['is gone', errorMessage(ENOENT), undefined],
    ['was not removed', errorMessage(EINVAL), 'created without its labels'],
  ])('whose labels have no room: the entry %s', async (_, answer, left) => {
    const creating = createEntries([{ ...specOf(0), labels: 1n }, specOf(1)]);
    const socket = await accept();
    const requests = await nextRequests(socket);
    for (const [index, request] of requests.entries()) {
      for (const message of granted(request, flow(index >> 1))) await socket.send(message);
    }
    const [remove] = (await nextRequests(socket)) as [Request];
    await socket.send(to(remove, answer));
    const [unlabelled, other] = await creating;
    expect(codeIn(unlabelled?.error)).toBe('ENOSPC');
    const text = String(unlabelled?.error);
    if (left === undefined) expect(text).not.toContain('was created');
    else expect(text).toContain(left);
    expect(other?.entry?.id).toBe(1);
  });

  test('of an entry that is gone at once is told apart from one that was not created', async () => {
    const creating = createEntry(specOf(1));
    const socket = await accept();
    const [, get] = (await nextRequests(socket)) as [Request, Request];
    await socket.send(to(get, errorMessage(ENOENT)));
    const error = await errorOf(creating);
    expect(error).toMatchObject({ code: 'ENOENT' });
    expect(String(error)).toContain('was created, but ended');
  });

  test('says of a kernel that dies in the middle what was done before', async () => {
    const creating = createEntries(Array.from({ length: 70 }, (_, number) => specOf(number)));
    const socket = await accept();
    const requests = await nextRequests(socket);
    expect(requests).toHaveLength(128);
    for (const [index, request] of requests.slice(0, 6).entries()) {
      for (const message of granted(request, flow(index >> 1))) await socket.send(message);
    }
    socket.close();
    const results = await creating;
    expect(results).toHaveLength(70);
    expect(results.map(({ entry }) => entry?.id)).toEqual([
      0,
      1,
      2,
      ...Array<undefined>(67).fill(undefined),
    ]);
    const codes = new Set(results.slice(3).map(({ error }) => codeIn(error)));
    expect(codes).toEqual(new Set(['ECONNRESET']));
  });

  test('does not wait for ever for a kernel that says nothing', async () => {
    const master = { protocol: 'tcp', protocolNumber: 6, ...tcpKey.original } as const;
    const creating = createEntries([specOf(1), specOf(2), { ...specOf(3), master }]);
    const socket = await accept();
    const [first] = (await nextRequests(socket)) as [Request];
    await socket.send(to(first, errorMessage(EEXIST)));
    const errors = (await creating).map(({ error }) => error as ConntrackError);
    expect(errors.map(codeIn)).toEqual(['EEXIST', 'ETIMEDOUT', 'ETIMEDOUT']);
    // The third, whose master must be there first, is not sent any more.
    expect(errors.map(({ outcome }) => outcome)).toEqual([undefined, 'unknown', undefined]);
  });

  test.each([
    ['says nothing', ['ETIMEDOUT'], (_: KernelSocket) => undefined],
    [
      'ends',
      ['ECONNRESET', 'EPIPE'],
      (socket: KernelSocket) => {
        socket.close();
      },
    ],
  ])('of more than are under way: the rest, after the kernel %s', async (_, codes, end) => {
    const all = Array.from({ length: 3000 }, (_, number) => ({
      ...specOf(1),
      original: { ...tcpKey.original, sourcePort: number },
    }));
    const creating = createEntries(all);
    const socket = await accept();
    const [first, get] = (await nextRequests(socket)) as [Request, Request];
    await socket.send(...granted(first), ...granted(get, flow(1)));
    const began = performance.now();
    end(socket);
    const results = await creating;
    // It waits for one answer, not for one of each batch.
    expect(performance.now() - began).toBeLessThan(1900);
    expect(results).toHaveLength(3000);
    expect(results[0]?.entry?.id).toBe(1);
    const errors = results.slice(1).map(({ error }) => error as ConntrackError);
    expect([...new Set(errors.map(codeIn))].sort()).toEqual(codes);
    expect(errors.filter(({ outcome }) => outcome === 'unknown')).toHaveLength(63);
  });
});

describe('createEntries of a handle that closes', () => {
  test('tells those that may have been done from those that were not sent', async () => {
    const handle = await Conntrack.open();
    const all = Array.from({ length: 3000 }, (_, number) => ({
      ...specOf(1),
      original: { ...tcpKey.original, sourcePort: number },
    }));
    const creating = handle.createEntries(all);
    const socket = await accept();
    expect(await nextRequests(socket)).toHaveLength(128);
    await handle.close();
    const errors = (await creating).map(({ error }) => error as ConntrackError);
    expect(new Set(errors.map(codeIn))).toEqual(new Set(['ERR_CONNTRACK_CLOSED']));
    const outcomes = errors.map(({ outcome }) => outcome);
    expect(outcomes.slice(0, 64)).toEqual(Array(64).fill('unknown'));
    expect(new Set(outcomes.slice(64))).toEqual(new Set([undefined]));
    await expect(handle.createEntries(all)).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    await socket.closed();
  });
});

describe('updateEntry', () => {
  const found = (request: Request, id: number) => granted(request, { id, original: tcpTuple });

  test.each([
    ['the entry that was there', 5, 5],
    ['a newer entry on the same tuple', 5, 6],
    ['a newer entry, where 0 was the id', 0, 1],
  ])('of what turns out to be %s', async (_, before, after) => {
    const updating = updateEntry(tcpKey, { mark: 9 }).catch((error: unknown) => error);
    const socket = await accept();
    const [get] = (await nextRequests(socket)) as [Request];
    await socket.send(...found(get, before));
    const [, look] = (await nextRequests(socket)) as [Request, Request];
    await socket.send(...found(look, after));
    const result = await updating;
    if (before === after) expect(result).toMatchObject({ id: after });
    else {
      expect(result).toMatchObject({
        code: 'ENOENT',
        message: expect.stringContaining('newer entry on the same tuple') as string,
      });
    }
    await socket.closed();
  });
});

describe('updateEntry of numbers that the kernel does not send', () => {
  const zeros = { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 };

  test.each([
    ['zeros, which some leave out', zeros, undefined],
    ['others: they found no room', { ...zeros, timestampOffset: 5 }, 'EOPNOTSUPP'],
  ])('%s', async (_, synproxy, code) => {
    const updating = updateEntry(tcpKey, { synproxy }).catch((error: unknown) => error);
    const socket = await accept();
    const there = { id: 5, original: tcpTuple };
    const [get] = (await nextRequests(socket)) as [Request];
    await socket.send(...granted(get, there));
    const [, look] = (await nextRequests(socket)) as [Request, Request];
    await socket.send(...granted(look, there));
    const result = await updating;
    expect(result).toMatchObject(code === undefined ? { id: 5 } : { code });
    await socket.closed();
  });
});

describe('upsertEntry', () => {
  const spec: EntrySpec = { ...tcpKey, timeout: 60, mark: 9 };
  const there: EntryDescription = { id: 5, original: tcpTuple };

  /** Answers a write and the get behind it, and has the flags of the write. */
  async function serveWrite(socket: KernelSocket, outcome: EntryDescription | number) {
    const [write, get] = (await nextRequests(socket)) as [Request, Request];
    if (typeof outcome === 'number') {
      await socket.send(to(write, errorMessage(outcome)), to(get, errorMessage(ENOENT)));
    } else {
      await socket.send(to(get, entryMessage(outcome)));
    }
    return { isCreate: (write.flags & NLM_F.create) !== 0, bytes: write.bytes };
  }

  async function serveGet(socket: KernelSocket, entry: EntryDescription | undefined) {
    const requests = await nextRequests(socket);
    expect(requests.map(({ type }) => type)).toEqual([CTNETLINK.get]);
    const [get] = requests as [Request];
    await socket.send(to(get, entry === undefined ? errorMessage(ENOENT) : entryMessage(entry)));
  }

  test('creates the entry where there is none', async () => {
    const upserting = upsertEntry(spec);
    const socket = await accept();
    expect(await serveWrite(socket, there)).toMatchObject({ isCreate: true });
    expect(await upserting).toMatchObject({ created: true, entry: { id: 5 } });
    await socket.closed();
  });

  test('changes the one that has the tuple', async () => {
    const upserting = upsertEntry({ ...spec, labels: 1n });
    const socket = await accept();
    await serveWrite(socket, EEXIST);
    await serveGet(socket, there);
    const { isCreate, bytes } = await serveWrite(socket, { ...there, mark: 9 });
    expect(isCreate).toBe(false);
    // CTA_MARK
    const mark = Buffer.concat([
      Buffer.from(new Uint16Array([8, 8]).buffer),
      Buffer.of(0, 0, 0, 9),
    ]);
    expect(bytes.includes(mark)).toBe(true);
    expect(await upserting).toMatchObject({ created: false, entry: { id: 5, mark: 9 } });
    await socket.closed();
  });

  test('creates it when the one that was there has ended meanwhile', async () => {
    const upserting = upsertEntry(spec);
    const socket = await accept();
    await serveWrite(socket, EEXIST);
    await serveGet(socket, undefined);
    await serveWrite(socket, EEXIST);
    await serveGet(socket, there);
    await serveWrite(socket, ENOENT);
    expect(await serveWrite(socket, { ...there, id: 6 })).toMatchObject({ isCreate: true });
    expect(await upserting).toMatchObject({ created: true, entry: { id: 6 } });
    await socket.closed();
  });

  test('gives up at the third time', async () => {
    const hidden = errorOf(upsertEntry(spec));
    const first = await accept();
    for (let tries = 0; tries < 3; tries++) {
      await serveWrite(first, EEXIST);
      await serveGet(first, undefined);
    }
    expect(await hidden).toMatchObject({ code: 'EEXIST', operation: 'upsertEntry' });
    await first.closed();
    const ended = errorOf(upsertEntry(spec));
    const second = await accept();
    for (let tries = 0; tries < 3; tries++) {
      await serveWrite(second, EEXIST);
      await serveGet(second, there);
      await serveWrite(second, ENOENT);
    }
    expect(await ended).toMatchObject({ code: 'ENOENT', operation: 'upsertEntry' });
    await second.closed();
  });

  test('fails at once where the kernel refuses the entry, or its change', async () => {
    const refused = errorOf(upsertEntry(spec));
    const first = await accept();
    await serveWrite(first, EINVAL);
    expect(await refused).toMatchObject({ code: 'EINVAL' });
    await first.closed();
    const unchanged = errorOf(upsertEntry(spec));
    const second = await accept();
    await serveWrite(second, EEXIST);
    await serveGet(second, there);
    await serveWrite(second, EINVAL);
    expect(await unchanged).toMatchObject({ code: 'EINVAL' });
    await second.closed();
  });

  const reply = { source: '10.0.0.2', destination: '192.0.2.1' };
  const ports = { sourcePort: 443, destinationPort: 40000 };
  const [SOURCE_NAT, CONFIRMED] = [1 << 4, 1 << 3];
  const natted: EntryDescription = {
    ...there,
    reply: { ...reply, protocol: 6, ports: [443, 40000] },
    status: SOURCE_NAT | CONFIRMED,
  };
  const master = { ...tcpKey.original, sourcePort: 7 };

  test.each<[string, Partial<EntrySpec>, EntryDescription, string | undefined]>([
    ['a reply', { reply: { ...reply, ...ports } }, there, 'reply'],
    ['no other reply', { reply: { ...reply, ...ports } }, natted, undefined],
    ['NAT', { nat: { source: { address: '192.0.2.1' } } }, there, 'nat'],
    ['the same NAT', { nat: { source: { address: '192.0.2.1' } } }, natted, undefined],
    [
      'a master',
      { master: { protocol: 'tcp', protocolNumber: 6, ...master } },
      { ...there, master: { ...tcpTuple, ports: [8, 443] } },
      'master',
    ],
    [
      'the same master',
      { master: { protocol: 'tcp', protocolNumber: 6, ...master } },
      { ...there, master: { ...tcpTuple, ports: [7, 443] } },
      undefined,
    ],
  ])('of an entry with %s', async (_, part, current, differing) => {
    const upserting = upsertEntry({ ...spec, ...part }).catch((error: unknown) => error);
    const socket = await accept();
    await serveWrite(socket, EEXIST);
    await serveGet(socket, current);
    if (differing === undefined) {
      await serveWrite(socket, current);
      expect(await upserting).toMatchObject({ created: false });
    } else {
      const error = await upserting;
      expect(error).toMatchObject({ code: 'EEXIST', operation: 'upsertEntry' });
      expect(String(error)).toContain(`differs in ${differing},`);
    }
    await socket.closed();
  });

  test.each([
    ['its handshake', 2n ** 40n, 'dccp'],
    ['nothing', 2n ** 33n, undefined],
  ])('of DCCP, where %s differs', async (_, handshakeSequence, differing) => {
    const original = { ...tcpTuple, protocol: 33 };
    const current = { id: 5, original, dccp: { state: 3, role: 1, handshakeSequence } };
    const dccp = { state: 'PARTOPEN', role: 'server', handshakeSequence: 2n ** 33n } as const;
    const upserting = upsertEntry({ ...spec, protocol: 'dccp', dccp }).catch(
      (error: unknown) => error,
    );
    const socket = await accept();
    await serveWrite(socket, EEXIST);
    await serveGet(socket, current);
    if (differing === undefined) await serveWrite(socket, current);
    const result = await upserting;
    if (differing === undefined) expect(result).toMatchObject({ created: false });
    else expect(String(result)).toContain(`differs in ${differing},`);
    await socket.closed();
  });
});

describe('a key with a start time', () => {
  const startTime = 1_795_633_250_859_431_405n;
  const key = { ...tcpKey, id: 5, startTimeNs: startTime };
  const found = (request: Request, start: bigint | undefined) =>
    granted(request, { id: 5, original: tcpTuple, ...(start && { startTime: start }) });
  const others = [startTime + 1n, startTime - 1n, undefined];

  test('is deleted once the start time was compared', async () => {
    const deleting = deleteEntry({ ...key, startTimeNs: String(startTime) });
    const socket = await accept();
    const [get] = (await nextRequests(socket)) as [Request];
    expect(get.type).toBe(CTNETLINK.get);
    await socket.send(...found(get, startTime));
    const [remove] = (await nextRequests(socket)) as [Request];
    expect(remove.type).toBe(CTNETLINK_DELETE);
    expect(remove.bytes.includes(idAttribute(5))).toBe(true);
    await socket.send(to(remove, ackMessage()));
    expect(await deleting).toBe(true);
    await socket.closed();
  });

  test.each(others)('names no entry with the start time %s', async (start) => {
    for (const [act, result] of [
      [() => getEntry(key), undefined],
      [() => deleteEntry(key), false],
      [() => codeOf(updateEntry(key, { mark: 9 })), 'ENOENT'],
    ] as const) {
      const acting = act();
      const socket = await accept();
      const [get, ...more] = (await nextRequests(socket)) as [Request];
      expect([get.type, ...more]).toEqual([CTNETLINK.get]);
      await socket.send(...found(get, start));
      expect(await acting).toBe(result);
      await socket.closed();
    }
  });

  test.each(others)('is not taken for the entry that the update has met: %s', async (start) => {
    const updating = errorOf(updateEntry(key, { mark: 9 }));
    const socket = await accept();
    const [get] = (await nextRequests(socket)) as [Request];
    await socket.send(...found(get, startTime));
    const [, look] = (await nextRequests(socket)) as [Request, Request];
    await socket.send(...found(look, start));
    expect(await updating).toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('newer entry on the same tuple') as string,
    });
    await socket.closed();
  });

  test('costs a request; one without does not', async () => {
    const deleting = deleteEntry({ ...tcpKey, id: 5 });
    const socket = await accept();
    const [remove] = (await nextRequests(socket)) as [Request];
    expect(remove.type).toBe(CTNETLINK_DELETE);
    await socket.send(to(remove, ackMessage()));
    expect(await deleting).toBe(true);
  });
});

describe('deleteEntry', () => {
  test('asks for an id before it deletes, and names it', async () => {
    const deleting = deleteEntry(tcpKey);
    const socket = await accept();
    const [get] = (await nextRequests(socket)) as [Request];
    expect(get.type).toBe(CTNETLINK.get);
    await socket.send(...granted(get, { id: 77, original: tcpTuple }));
    const [remove] = (await nextRequests(socket)) as [Request];
    expect(remove.type).toBe(CTNETLINK_DELETE);
    expect(remove.bytes.includes(idAttribute(77))).toBe(true);
    await socket.send(to(remove, ackMessage()));
    expect(await deleting).toBe(true);
    await socket.closed();
  });

  test.each([
    ['EPERM', 1],
    ['ENOMEM', 12],
  ])('fails with %s', async (code, errno) => {
    const deleting = errorOf(deleteEntry({ ...tcpKey, id: 5 }));
    const socket = await accept();
    await socket.request();
    await socket.send(errorMessage(errno));
    expect(await deleting).toMatchObject({ code, operation: 'deleteEntry' });
  });
});

describe('deleteEntries', () => {
  const marked = (index: number): EntryDescription => ({ ...flow(index), mark: index % 3 });

  test('deletes what matches alone, where the kernel ignores what it is asked to leave out', async () => {
    const deleting = deleteEntries({ mark: 1, family: 'ipv4' });
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    const entries = Array.from({ length: 400 }, (_, index) => marked(index));
    const datagrams = [entries.slice(0, 100), entries.slice(100, 200), entries.slice(200)];
    const sending = (async () => {
      for (const part of datagrams) await dump.send(...part.map(entryMessage));
      await dump.send(doneMessage());
    })();
    const wanted = new Set(entries.flatMap(({ id = 0, mark }) => (mark === 1 ? [id] : [])));
    const { size } = wanted;
    const requests = await serveDeletes(writes, wanted);
    await sending;
    expect(await deleting).toEqual({ matched: size, deleted: size, vanished: 0 });
    expect(requests).toHaveLength(size);
    for (const { version } of requests) expect(version).toBe(0);
    await Promise.all([dump.closed(), writes.closed()]);
  });

  test('counts what vanished', async () => {
    const deleting = deleteEntries({ mark: 1 });
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await dump.send(...[1, 4, 7].map((index) => entryMessage(marked(index))), doneMessage());
    const requests = await nextRequests(writes);
    await writes.send(
      ...requests.map((request, index) =>
        to(request, index === 1 ? errorMessage(ENOENT) : ackMessage()),
      ),
    );
    expect(await deleting).toEqual({ matched: 3, deleted: 2, vanished: 1 });
  });

  test('ends at a refusal, and says how far it came', async () => {
    const deleting = errorOf(deleteEntries({ mark: 1 }));
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await dump.send(...[1, 4, 7].map((index) => entryMessage(marked(index))), doneMessage());
    const requests = await nextRequests(writes);
    await writes.send(
      ...requests.map((request, index) =>
        to(request, index === 1 ? errorMessage(16, 'Busy') : ackMessage()),
      ),
    );
    const error = await deleting;
    expect(error).toMatchObject({ code: 'EBUSY', detail: 'Busy' });
    expect(String(error)).toContain('Before the failure: 3 matched, 2 done, 0 vanished');
    expect(String(error).split('(kernel: Busy)')).toHaveLength(2);
    await Promise.all([dump.closed(), writes.closed()]);
  });

  test.each(['the dump', 'the deletes'])('of a kernel that dies during %s fails', async (what) => {
    const deleting = errorOf(deleteEntries({ mark: 1 }));
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await dump.send(entryMessage(marked(1)));
    if (what === 'the dump') {
      dump.close();
    } else {
      await dump.send(doneMessage());
      await writes.request();
      writes.close();
    }
    expect(await deleting).toMatchObject({ code: 'ECONNRESET', operation: 'deleteEntries' });
  });

  test('dryRun sends nothing but the dump', async () => {
    const deleting = deleteEntries({ mark: 1 }, { dryRun: true });
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    await dump.send(...flows(5).map((_, index) => entryMessage(marked(index))), doneMessage());
    expect(await deleting).toEqual({ matched: 2, deleted: 0, vanished: 0 });
    await Promise.all([dump.closed(), writes.closed()]);
  });
});

describe('updateEntries', () => {
  test('adds to the status that each entry has', async () => {
    const updating = updateEntries({ mark: 0 }, { status: ['assured'] });
    const [dump, writes] = [await accept(), await accept()];
    await dump.request();
    const statuses = [0x8, 0xa];
    await dump.send(
      ...statuses.map((status, index) => entryMessage({ ...flow(index), status })),
      doneMessage(),
    );
    const requests = await nextRequests(writes);
    const sent = requests.map(({ bytes }) =>
      bytes.subarray(bytes.indexOf(Buffer.from(new Uint16Array([8, 3]).buffer)) + 4).readUInt32BE(),
    );
    expect(sent).toEqual([0xc, 0xe]);
    await writes.send(...requests.map((request) => to(request, ackMessage())));
    expect(await updating).toEqual({ matched: 2, updated: 2, vanished: 0 });
  });
});

describe('what is wrong sends nothing', () => {
  const tcp = { state: 'CLOSE' } as const;
  const sctp = { state: 'CLOSED', originalTag: 1, replyTag: 2 } as const;
  const synproxy = { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 };
  const sequenceAdjust = {
    original: { correctionPosition: 0, offsetBefore: 0, offsetAfter: 0 },
  };
  const both = [{ protocol: 'tcp' }, { protocol: 'sctp', mark: 1 }] as const;

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['no filter', () => deleteEntries(undefined as never), /^filter: matches a whole address/],
    ['a filter of all', () => deleteEntries({}), /^filter: matches a whole address family/],
    ['a family', () => deleteEntries({ family: 'ipv6' }), /^filter: matches a whole address/],
    ['a family among others', () => deleteEntries([{ mark: 1 }, { family: 'ipv4' }]), /^filter: /],
    ['no filter', () => updateEntries(undefined as never, { mark: 1 }), /^filter: matches every/],
    ['a filter of all', () => updateEntries({}, { mark: 1 }), /^filter: matches every entry/],
    ['any protocol', () => updateEntries({ mark: 1 }, { tcp }), /^changes\.tcp: requires protocol/],
    [
      'two protocols',
      () => updateEntries({ protocol: ['tcp', 'udp'] }, { tcp }),
      /^changes\.tcp: requires protocol: 'tcp' in the filter/,
    ],
    ['another one', () => updateEntries(both, { tcp }), /^changes\.tcp: requires protocol: 'tcp'/],
    ['another one', () => updateEntries(both, { sctp }), /^changes\.sctp: requires protocol/],
    ['a SYN proxy', () => updateEntries({ mark: 1 }, { synproxy }), /^changes\.synproxy: only upd/],
    [
      'a sequence',
      () => updateEntries({ mark: 1 }, { sequenceAdjust }),
      /^changes\.sequenceAdjust: only updateEntry\(\) takes it/,
    ],
    [
      'zeroing of a part',
      () => listEntries({ mark: 1 }, { zeroCounters: true }),
      /^options\.zeroCounters: excludes every filter but/,
    ],
    [
      'zeroing of what is dying',
      () => listEntries({}, { zeroCounters: true, table: 'dying' }),
      /^options\.zeroCounters: excludes table: 'dying'/,
    ],
  ])('%s (%#)', async (_, call, message) => {
    const error = await (async () => call())().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(message);
    expect(waitingSockets()).toBe(0);
  });

  test('a list of no filters, which matches nothing', async () => {
    const none = { matched: 0, vanished: 0 };
    expect(await listEntries([])).toEqual([]);
    expect(await deleteEntries([])).toEqual({ ...none, deleted: 0 });
    expect(await updateEntries([], { mark: 1 })).toEqual({ ...none, updated: 0 });
    expect(waitingSockets()).toBe(0);
  });
});

describe('a kernel that refuses what it is asked to leave out', () => {
  test.each([
    ['EINVAL', EINVAL],
    ['EOPNOTSUPP', 95],
  ])('with %s is asked for all', async (_, errno) => {
    const listing = listEntries({ protocol: 'tcp', original: { destinationPort: 443 } });
    const socket = await accept();
    const [filtered] = (await nextRequests(socket)) as [Request];
    expect(filtered.family).toBe(FAMILY.ipv4);
    expect(filtered.bytes.length).toBeGreaterThan(20);
    await socket.send(to(filtered, doneMessage(errno)));
    const [plain] = (await nextRequests(socket)) as [Request];
    expect(plain.bytes.length).toBe(20);
    await socket.send(to(plain, entryMessage(flow(1))), to(plain, doneMessage()));
    const [ipv6] = (await nextRequests(socket)) as [Request];
    expect([ipv6.family, ipv6.bytes.length]).toEqual([FAMILY.ipv6, 20]);
    await socket.send(to(ipv6, doneMessage()));
    expect((await listing).map(({ id }) => id)).toEqual([1]);
    await socket.closed();
  });

  test('and refuses that, too, has no ctnetlink', async () => {
    const listing = errorOf(listEntries({ mark: 5 }));
    const socket = await accept();
    for (let i = 0; i < 2; i++) {
      await socket.request();
      await socket.send(errorMessage(EINVAL));
    }
    expect(await listing).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED' });
  });

  test('in the middle fails: half a list is none', async () => {
    const listing = errorOf(listEntries({ mark: 0 }));
    const socket = await accept();
    await socket.request();
    await socket.send(entryMessage(flow(1)));
    await socket.send(doneMessage(EINVAL));
    expect(await listing).toMatchObject({ errno: EINVAL });
    await socket.closed();
  });
});

describe('flushEntries', () => {
  test('sends the one message that empties the table', async () => {
    const flushing = flushEntries();
    const socket = await accept();
    const [flush] = (await nextRequests(socket)) as [Request];
    expect([flush.type, flush.family, flush.version, flush.bytes.length]).toEqual([
      CTNETLINK_DELETE,
      0,
      1,
      20,
    ]);
    await socket.send(ackMessage());
    await flushing;
  });

  test('of a family, where the kernel would ignore it, deletes one by one', async () => {
    const conntrack = await Conntrack.open();
    const flushing = conntrack.flushEntries({ family: 'ipv6' });
    // The probes: a kernel that knows no filter begins to dump.
    for (const probe of [await accept(), await accept(), await accept()]) {
      await probe.request();
      await probe.send(entryMessage(flow(1)));
    }
    const [dump, writes] = [await accept(), await accept()];
    const [asked] = (await nextRequests(dump)) as [Request];
    expect(asked.family).toBe(FAMILY.ipv6);
    await dump.send(
      entryMessage({
        ...flow(9),
        original: { ...tcpTuple, source: 'fd00::1', destination: 'fd00::2' },
      }),
      doneMessage(),
    );
    expect(await serveDeletes(writes, new Set([9]))).toHaveLength(1);
    await flushing;
    await conntrack.close();
    expect(waitingSockets()).toBe(0);
  });

  test('of a family, where the kernel heeds it', async () => {
    const conntrack = await Conntrack.open();
    const flushing = conntrack.flushEntries({ family: 'ipv6' });
    const probes = [await accept(), await accept(), await accept()];
    for (const [index, probe] of probes.entries()) {
      const errno = [95, EINVAL, 0][index];
      await probe.request();
      await probe.send(doneMessage(errno));
    }
    const requests = await accept();
    const [flush] = (await nextRequests(requests)) as [Request];
    expect([flush.type, flush.family, flush.version, flush.bytes.length]).toEqual([
      CTNETLINK_DELETE,
      FAMILY.ipv6,
      1,
      20,
    ]);
    await requests.send(ackMessage());
    await flushing;
    await conntrack.close();
  });
});
