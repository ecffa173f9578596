/** The evidence of a diagnosis: what is counted, and where the kernel or /proc shows less. */
import { beforeEach, expect, test, vi } from 'vitest';
import { ConntrackError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import type { EntryStream, ReadOptions } from '../../src/entry/stream.js';
import { findingsOf } from '../../src/health/diagnose.js';
import { gatherEvidence } from '../../src/health/evidence.js';
import type { TableStats } from '../../src/health/stats.js';

const ENOENT = 2;
const RMEM_MAX = '/proc/sys/net/core/rmem_max';

const addon = vi.hoisted(() => ({
  granted: 0,
  /** Of the socket that asks for the receive buffer. */
  failure: undefined as { errno: number; syscall: string } | undefined,
  files: new Map<string, string>(),
  grantedReceiveBuffer: () =>
    addon.failure === undefined ? { bytes: addon.granted } : { failure: addon.failure },
  readFiles: (_: unknown, paths: readonly string[]) =>
    paths.map((path) => {
      const text = addon.files.get(path);
      return text === undefined ? { failure: { errno: ENOENT, syscall: 'open' } } : { text };
    }),
}));
vi.mock('../../src/core/load-addon.js', () => ({ loadAddon: () => addon }));
vi.mock('../../src/core/limits.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/core/limits.js')>();
  return { ...original, LIMITS: { ...original.LIMITS, shortestLookMs: 1 } };
});

const stats = {
  source: 'netlink',
  entries: 0,
  maxEntries: 100,
  cpus: [],
  total: { other: {} },
} as unknown as TableStats;

const empty = {
  readStats: async () => stats,
  readSettings: async () => ({}),
  streamEntries: () => ({ batches: async function* () {} }) as unknown as EntryStream,
};

beforeEach(() => {
  addon.granted = LIMITS.receiveBufferBytes;
  addon.failure = undefined;
  addon.files.clear();
});

const capOf = async () =>
  findingsOf(await gatherEvidence(empty, undefined)).find(
    ({ code }) => code === 'receive-buffer-capped',
  );

test('a capped receive buffer is found with the file of its limit, and without', async () => {
  addon.granted = 425_984;
  addon.files.set(RMEM_MAX, '212992\n');
  expect(await capOf()).toMatchObject({ current: 212_992, evidence: { granted: 425_984 } });

  addon.files.clear();
  const found = await capOf();
  expect(found).toMatchObject({ evidence: { granted: 425_984 }, suggested: 32 << 20 });
  expect(found).not.toHaveProperty('current');

  addon.granted = LIMITS.receiveBufferBytes;
  expect(await capOf()).toBeUndefined();
});

/** A source whose tables have these entries, or end with this error. */
const tables = (entries: object[] | Error, dying: object[] | Error) => ({
  ...empty,
  readSettings: async () => ({ tcpEstablishedTimeout: 432_000 }),
  streamEntries: (_?: undefined, { table }: ReadOptions = {}) => {
    const found = table === 'dying' ? dying : entries;
    async function* batches() {
      if (found instanceof Error) throw found;
      for (const one of found) yield [one];
    }
    return { batches } as unknown as EntryStream;
  },
});
const idle = { protocol: 'tcp', tcp: { state: 'ESTABLISHED' }, timeout: 400_000 };
const refusal = (code: string, syscall?: string) =>
  new ConntrackError('refused', { code, operation: 'streamEntries', syscall });

test('every batch of the table is counted, and of those that are dying', async () => {
  const found = await gatherEvidence(tables([idle, idle, {}], [{}, {}]), undefined);
  expect(found).toMatchObject({
    refusal: undefined,
    census: { entries: 3, established: 2, idle: { 7440: 2, 86400: 0 } },
    dying: 2,
  });
});

test.each([
  ['EPERM', 'EPERM'],
  ['ERR_CONNTRACK_UNSUPPORTED', 'UNSUPPORTED'],
])('a table that may not be read (%s) is a refusal, and the rest remains', async (code, word) => {
  const found = await gatherEvidence(tables(refusal(code), [{}]), undefined);
  expect(found).toMatchObject({ before: stats, after: stats, refusal: word });
  expect(found.census).toBeUndefined();
  expect(found.dying).toBeUndefined();
});

test('a kernel without a list of what is dying leaves that out alone', async () => {
  const found = await gatherEvidence(tables([idle], refusal('EOPNOTSUPP')), undefined);
  expect(found).toMatchObject({ census: { entries: 1 }, refusal: undefined });
  expect(found.dying).toBeUndefined();
});

/** Of another package, whose codes are no answers of the kernel. */
const bug = Object.assign(new Error('a bug'), { code: 'EPERM' });

test.each([
  ['of the table', tables(refusal('ENOMEM'), []), 'refused'],
  ['of the table, not of the kernel', tables(bug, []), 'a bug'],
  ['of the dying ones, not of the kernel', tables([], new Error('a bug')), 'a bug'],
  [
    'of the settings',
    { ...empty, readSettings: () => Promise.reject(refusal('EMFILE')) },
    'refused',
  ],
  [
    'of the settings, not of the kernel',
    { ...empty, readSettings: () => Promise.reject(new Error('a bug')) },
    'a bug',
  ],
])('another error %s is one of the diagnosis', async (_, source, message) => {
  await expect(gatherEvidence(source, undefined)).rejects.toThrow(message);
});

test('where /proc hides the settings, the rest remains', async () => {
  const hidden = {
    ...empty,
    readSettings: () => Promise.reject(refusal('ERR_CONNTRACK_UNSUPPORTED')),
  };
  expect(await gatherEvidence(hidden, undefined)).toMatchObject({ settings: {}, before: stats });
});

test('a sandbox without sockets hides the receive buffer, and no other failure does', async () => {
  addon.failure = { errno: 13, syscall: 'socket' };
  expect((await gatherEvidence(empty, undefined)).receiveBuffer).toBeUndefined();
  addon.failure = { errno: 24, syscall: 'socket' };
  await expect(gatherEvidence(empty, undefined)).rejects.toMatchObject({
    code: 'EMFILE',
    operation: 'diagnose',
  });
});

test('the traffic comes from the files of the network namespace', async () => {
  const net = '/proc/thread-self/net';
  addon.files.set(`${net}/snmp`, 'Ip: InReceives OutRequests\nIp: 1 2\nTcp: CurrEstab\nTcp: 4\n');
  addon.files.set(`${net}/snmp6`, 'Ip6InReceives\t10\n');
  expect((await gatherEvidence(empty, undefined)).traffic).toEqual({
    packets: 13,
    tcpConnections: 4,
  });
});
