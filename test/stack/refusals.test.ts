/** The same refusal of the kernel has the same sentence, whichever function met it. */
import { constants } from 'node:os';
import {
  ConntrackError,
  type EntryChanges,
  type EntryKey,
  type EntrySpec,
  updateEntries,
} from 'conntrack';
import { expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  type EntryDescription,
  entryMessage,
  errorMessage,
} from '../support/message-builder.js';
import { createEntry, updateEntry } from '../support/own-socket.js';
import { accept, answer } from '../support/scripted-kernel.js';
import { nextRequests, to } from './datagrams.js';
import { tcpKey, tcpTuple } from './flows.js';
import { errorOf } from './outcome.js';

const CHANGES: EntryChanges[] = [
  { timeout: 77 },
  { helper: 'ftp' },
  { helper: '' },
  { labels: 1n },
  { mark: 5 },
  { status: ['assured'] },
  { tcp: { state: 'CLOSE' } },
  { timeout: 77, helper: 'ftp', labels: 1n },
  { timeout: 77, helper: '', labels: 1n },
];
const ERRNOS = ['EPERM', 'EOPNOTSUPP', 'EBUSY', 'EINVAL', 'ERANGE', 'ENOSPC', 'ENOMEM'] as const;
const cells = ERRNOS.flatMap((code) => CHANGES.map((changes) => [code, changes] as const));

const entry = entryMessage({ original: tcpTuple, id: 5, tcp: { state: 3 } });

async function ofEntry(errno: number, changes: EntryChanges): Promise<unknown> {
  const updating = errorOf(updateEntry(tcpKey, changes));
  const socket = await accept();
  await socket.request();
  await socket.send(entry, ackMessage());
  // The write, and a get of what the kernel then has.
  const write = (await socket.request()).readUInt32LE(8);
  const get = { ...errorMessage(constants.errno.ENOENT), sequence: write + 1 };
  await socket.send({ ...errorMessage(errno), sequence: write }, get);
  return updating;
}

async function ofPass(errno: number, changes: EntryChanges): Promise<unknown> {
  const updating = errorOf(updateEntries({ family: 'ipv4', protocol: 'tcp' }, changes));
  const [dump, writes] = [await accept(), await accept()];
  await dump.request();
  await dump.send(entry, doneMessage());
  await writes.request();
  await writes.send(errorMessage(errno));
  return updating;
}

const sentence = (error: unknown) => {
  if (!(error instanceof ConntrackError)) throw error;
  const [first = ''] = error.message.split('\n');
  return { code: error.code, problem: first.slice(error.operation.length) };
};

test.each(cells)('%s of %o', async (code, changes) => {
  const errno = constants.errno[code as keyof typeof constants.errno];
  const [single, many] = [await ofEntry(errno, changes), await ofPass(errno, changes)];
  expect(sentence(many)).toEqual(sentence(single));
  expect((many as ConntrackError).hint).toMatch(/^Before the failure: 1 matched, 0 done/);
});

test.each<[EntryChanges, RegExp | undefined, string]>([
  [{ helper: '', timeout: 77 }, /Nothing was changed\. Delete the entry/, 'does not detach'],
  [{ helper: 'ftp', timeout: 77 }, /^Nothing was changed\.$/m, 'lacks this helper'],
  [{ labels: 1n }, undefined, 'answered EOPNOTSUPP'],
])('EOPNOTSUPP means of %o what was asked for', async (changes, hint, problem) => {
  const error = await ofEntry(constants.errno.EOPNOTSUPP, changes);
  expect(error).toMatchObject({ code: 'EOPNOTSUPP' });
  expect(sentence(error).problem).toContain(problem);
  if (hint !== undefined) expect((error as ConntrackError).hint).toMatch(hint);
});

const HELPER = { helper: 'ftp' };
const STATE: EntryChanges = { tcp: { state: 'CLOSE' } };

test.each<[string, EntryChanges, RegExp, string | undefined]>([
  ['EBUSY', { timeout: 7, ...HELPER }, /does not replace the helper/, undefined],
  ['EBUSY', { timeout: 7, status: ['assured'] }, /status changed during the update/, 'timeout'],
  ['EBUSY', { mark: 5 }, /the kernel answered EBUSY|busy/, undefined],
  ['EPERM', { timeout: 7, mark: 5 }, /the entry has a fixed timeout \(IPS_FIXED_TIMEOUT\), or/, ''],
  ['EPERM', { mark: 5 }, /^(?!.*fixed timeout)/, undefined],
  ['EINVAL', { timeout: 7, ...STATE }, /does not know this tcp state/, 'timeout'],
  ['ERANGE', STATE, /does not know this tcp state/, undefined],
  ['EINVAL', { mark: 5 }, /^(?!.*state)/, undefined],
  ['ENOSPC', { timeout: 7, mark: 5, labels: 1n }, /no rule of this network/, 'timeout, mark'],
  ['ENOSPC', { mark: 5 }, /^(?!.*no rule of this network)/, undefined],
  ['EOPNOTSUPP', HELPER, /lacks this helper/, undefined],
  ['EOPNOTSUPP', { mark: 5 }, /answered EOPNOTSUPP/, undefined],
])('%s of %o means that', async (code, changes, problem, before) => {
  const errno = constants.errno[code as keyof typeof constants.errno];
  const single = (await ofEntry(errno, changes)) as ConntrackError;
  expect(single.code).toBe(code);
  expect(sentence(single).problem).toMatch(problem);
  const many = (await ofPass(errno, changes)) as ConntrackError;
  if (before) {
    expect(single.hint).toContain(before);
    expect(many.hint).toContain(`Changed before in the refused entry: ${before}.`);
  } else {
    expect(many.hint).not.toContain('Changed before');
  }
});

const SPEC: EntrySpec = { ...tcpKey, timeout: 60 };
const master = { ...tcpKey.original, protocol: 'tcp', protocolNumber: 6 } as const;

test.each<[string, Partial<EntrySpec>, RegExp, RegExp | undefined]>([
  ['EEXIST', {}, /an entry has this tuple already/, /updateEntry\(\), or delete it first\.$/m],
  ['ENOENT', { master }, /no entry has the master's tuple/, undefined],
  ['ENOENT', {}, /^(?!.*master)/, undefined],
  ['ENOSPC', { labels: 1n }, /no rule of this network namespace uses labels/, /ct label set/],
  ['ENOSPC', {}, /^(?!.*labels)/, undefined],
  ['EOPNOTSUPP', { helper: 'ftp' }, /has no helper 'ftp' for/, /modprobe nf_conntrack_ftp/],
  ['EOPNOTSUPP', {}, /^(?!.*helper)/, undefined],
  ['ENOMEM', {}, /the table is full, or/, /nf_conntrack_max/],
  ['EINVAL', {}, /EINVAL|invalid/i, undefined],
])('%s of a creation with %o means that', async (code, part, problem, hint) => {
  const creating = errorOf(createEntry({ ...SPEC, ...part }));
  const socket = await accept();
  const [write, get] = await nextRequests(socket);
  const errno = constants.errno[code as keyof typeof constants.errno];
  if (write) await socket.send(to(write, errorMessage(errno)));
  if (get) await socket.send(to(get, errorMessage(constants.errno.ENOENT)));
  const error = await creating;
  expect(error).toMatchObject({ code, operation: 'createEntry' });
  expect(sentence(error).problem).toMatch(problem);
  if (hint !== undefined) expect((error as ConntrackError).hint).toMatch(hint);
});

test.each<[string, EntryChanges, EntryDescription, RegExp]>([
  ['of a fixed timeout', { timeout: 5 }, { original: tcpTuple, status: 0x408 }, /fixed timeout/],
  [
    'of TCP, of UDP',
    { tcp: { state: 'CLOSE' } },
    { original: { ...tcpTuple, protocol: 17 } },
    /^changes\.tcp: the entry's protocol is udp/,
  ],
  [
    'of SCTP, of TCP',
    { sctp: { state: 'CLOSED', originalTag: 1, replyTag: 2 } },
    { original: tcpTuple },
    /^changes\.sctp: the entry's protocol is tcp/,
  ],
])('updateEntry refuses what an entry does not take, and sends it not: %s', async (...row) => {
  const [, changes, current, message] = row;
  const protocol = current.original.protocol === 17 ? 'udp' : 'tcp';
  const updating = errorOf(updateEntry({ ...tcpKey, protocol }, changes));
  const socket = await accept();
  const [get] = await nextRequests(socket);
  if (get) await socket.send(to(get, entryMessage({ id: 5, ...current })));
  expect(String((await updating) as Error)).toMatch(new RegExp(message.source.replace('^', ': ')));
  await socket.closed();
});

test('updateEntry finds no entry: none is there, or it ended before, or with the change', async () => {
  const missing = {
    code: 'ENOENT',
    message: expect.stringContaining('no entry matches') as string,
  };
  const dying = { ...tcpKey, status: { dying: true } } as EntryKey;
  await expect(updateEntry(dying, { mark: 1 })).rejects.toMatchObject(missing);
  const none = errorOf(updateEntry(tcpKey, { mark: 1 }));
  await (await answer([errorMessage(constants.errno.ENOENT)])).closed();
  expect(await none).toMatchObject(missing);
  expect(await ofEntry(constants.errno.ENOENT, { mark: 1 })).toMatchObject(missing);
});

test.each([
  [{ timeout: 0 }, constants.errno.ENOENT, 5],
  [{ timeout: 1 }, constants.errno.ENOENT, 'the entry was changed, but ended'],
  [{ timeout: 0 }, constants.errno.ENOMEM, 'the entry was changed, but could not be read: ENOMEM'],
])('updateEntry with %o of an entry that cannot be read then', async (changes, errno, result) => {
  const updating = updateEntry(tcpKey, changes).catch((error: unknown) => error);
  const socket = await accept();
  const [first] = await nextRequests(socket);
  if (first) await socket.send(to(first, entryMessage({ id: 5, original: tcpTuple })));
  const [, look] = await nextRequests(socket);
  if (look) await socket.send(to(look, errorMessage(errno)));
  const outcome = await updating;
  if (typeof result === 'number') expect(outcome).toMatchObject({ id: result });
  else expect(String(outcome)).toContain(result);
});
