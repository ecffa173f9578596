/** Statistics, load and settings, of a kernel whose files and answers a test writes. */
import { describe, expect, it, test, vi } from 'vitest';
import type { NativeFailure, NetNamespaceArgument } from '../../src/core/native.js';
import { readLoad } from '../../src/health/read-load.js';
import { readStats } from '../../src/health/read-stats.js';
import { readSettings, writeSettings } from '../../src/health/settings-files.js';
import type { RequestQueue } from '../../src/request/queue.js';
import { linked } from '../support/error-link.js';

const ENOENT = 2;
const EIO = 5;
const ENOMEM = 12;
const EINVAL = 22;
const ELSEWHERE = { handle: 'another' } as unknown as NetNamespaceArgument;

const addon = vi.hoisted(() => ({
  /** By path. A number is the error of opening it. */
  files: new Map<string, string | number>(),
  /** What opens files, in order: the network namespace and the path. */
  reads: [] as [unknown, string][],
  writes: [] as [string, string][],
  /** By path: the error of writing it. */
  refusals: new Map<string, number>(),
  readFiles: (netns: unknown, paths: readonly string[]) =>
    paths.map((path) => {
      addon.reads.push([netns, path]);
      const text = addon.files.get(path) ?? ENOENT;
      return typeof text === 'number' ? { failure: { errno: text, syscall: 'open' } } : { text };
    }),
  writeFile: async (_: unknown, path: string, text: string) => {
    addon.writes.push([path, text]);
    const errno = addon.refusals.get(path);
    if (errno !== undefined) return { failure: { errno, syscall: 'write' } };
    addon.files.set(path, `${text}\n`);
    return {};
  },
}));
vi.mock('../../src/core/load-addon.js', () => ({ loadAddon: () => addon }));

const setting = (name: string) => `/proc/sys/net/netfilter/nf_conntrack_${name}`;
const STAT = '/proc/thread-self/net/stat/nf_conntrack';
const STAT_TEXT = 'entries found drop\n00000007 00000001 00000002\n00000007 00000000 00000003\n';
const USAGE = { entries: 9, maxEntries: 90 };

/** The files of a kernel with connection tracking, but for those given. */
function show(difference: Record<string, string | number | undefined> = {}) {
  addon.reads.length = 0;
  addon.writes.length = 0;
  addon.refusals.clear();
  addon.files.clear();
  const all = {
    [setting('count')]: '6\n',
    [setting('max')]: '100\n',
    [setting('buckets')]: '50\n',
    [STAT]: STAT_TEXT,
    ...difference,
  };
  for (const [path, text] of Object.entries(all)) {
    if (text !== undefined) addon.files.set(path, text);
  }
}

interface Answers {
  readonly usage?: { readonly entries: number; readonly maxEntries: number | undefined };
  /** Of the request for the usage. */
  readonly refused?: NativeFailure;
  /** Of the request for the counters. */
  readonly failed?: NativeFailure;
}

/** A kernel behind netlink; `asked` gets the names of the requests. */
function kernel({ usage, refused, failed }: Answers, asked: string[] = []): RequestQueue {
  return {
    async send(_: string, request: string, take: (answer: unknown) => unknown) {
      asked.push(request);
      return take(refused === undefined ? { usage } : { failure: refused });
    },
    async ask(_: string, request: string) {
      asked.push(request);
      if (failed !== undefined) return { cpus: [], failure: failed };
      return { cpus: request === 'stats' ? [[3, 2, 4, 10, 5]] : [[3, 1, 8]] };
    },
  } as unknown as RequestQueue;
}

const UNTRACKED_HINT =
  'Load connection tracking with "modprobe nf_conntrack". A sandbox may hide /proc/sys.';
const REFUSED = kernel({ refused: { errno: 1 } });
const UNTRACKED = {
  code: 'ERR_CONNTRACK_UNSUPPORTED',
  hint: linked('ERR_CONNTRACK_UNSUPPORTED', UNTRACKED_HINT),
};

describe('the load of the own network namespace', () => {
  it('comes from /proc, without a request', async () => {
    show();
    const asked: string[] = [];
    expect(await readLoad(kernel({ usage: USAGE }, asked), undefined)).toEqual({
      entries: 7,
      maxEntries: 100,
      buckets: 50,
      total: { found: 1, drop: 5, other: {} },
    });
    expect(asked).toEqual([]);
    // The lines of the processors have the number of entries.
    expect(addon.reads.map(([, path]) => path)).not.toContain(setting('count'));
  });

  it.each([
    ['the counters', { [STAT]: undefined }, { entries: 6, maxEntries: 100, buckets: 50 }],
    ['the maximum', { [setting('max')]: undefined }, { entries: 9, maxEntries: 90, buckets: 50 }],
    [
      'all numbers of entries',
      { [STAT]: undefined, [setting('count')]: undefined },
      { entries: 9, maxEntries: 90, buckets: 50 },
    ],
  ])('comes from netlink where /proc lacks %s', async (_, hidden, load) => {
    show(hidden);
    const found = await readLoad(kernel({ usage: USAGE }), undefined);
    expect(found).toMatchObject(load);
    expect(found.total).toEqual(
      STAT in hidden ? { found: 4, drop: 5, other: {} } : { found: 1, drop: 5, other: {} },
    );
  });

  it('has no counters where neither shows them, and no buckets where /proc lacks them', async () => {
    show({ [STAT]: undefined, [setting('buckets')]: undefined });
    expect(await readLoad(REFUSED, undefined)).toEqual({
      entries: 6,
      maxEntries: 100,
      buckets: undefined,
      total: { other: {} },
    });
  });

  it('is an error where neither shows the entries', async () => {
    show({ [setting('max')]: undefined });
    await expect(readLoad(REFUSED, undefined)).rejects.toMatchObject({
      ...UNTRACKED,
      operation: 'readPressure',
      errno: ENOENT,
      syscall: 'open',
    });
    // Empty files hide those of the kernel.
    show({ [setting('max')]: '', [setting('count')]: '', [STAT]: '' });
    const error = await readLoad(REFUSED, undefined).catch((reason: unknown) => reason);
    expect(error).toMatchObject(UNTRACKED);
    expect(error).not.toHaveProperty('errno');
    // A kernel before 4.18 does not send the maximum.
    show({ [setting('max')]: undefined });
    const older = kernel({ usage: { entries: 9, maxEntries: undefined } });
    await expect(readLoad(older, undefined)).rejects.toMatchObject(UNTRACKED);
  });
});

describe('the load of another network namespace', () => {
  it('comes from netlink; only the buckets, which all share, from our own files', async () => {
    show();
    expect(await readLoad(kernel({ usage: USAGE }), ELSEWHERE)).toEqual({
      ...USAGE,
      buckets: 50,
      total: { found: 4, drop: 5, other: {} },
    });
    expect(addon.reads).toEqual([[undefined, setting('buckets')]]);
  });

  it.each([
    ['refuses', REFUSED, { found: 1, drop: 5, other: {} }],
    [
      'does not send the maximum',
      kernel({ usage: { entries: 9, maxEntries: undefined } }),
      { found: 4, drop: 5, other: {} },
    ],
  ])('comes from its files where the kernel %s', async (_, requests, total) => {
    show();
    const load = await readLoad(requests, ELSEWHERE);
    expect(load).toEqual({ entries: 7, maxEntries: 100, buckets: 50, total });
    expect(addon.reads).toContainEqual([ELSEWHERE, setting('max')]);
    expect(addon.reads).toContainEqual([undefined, setting('buckets')]);
  });

  it('is an error where the request for the counters fails, or nothing shows the entries', async () => {
    show();
    const failing = kernel({ usage: USAGE, failed: { errno: ENOMEM } });
    await expect(readLoad(failing, ELSEWHERE)).rejects.toMatchObject({
      code: 'ENOMEM',
      operation: 'readPressure',
    });
    show({ [setting('max')]: undefined });
    await expect(readLoad(REFUSED, ELSEWHERE)).rejects.toMatchObject({
      ...UNTRACKED,
      errno: ENOENT,
    });
  });
});

describe('statistics from /proc', () => {
  it.each([
    ['without privileges', REFUSED],
    ['without ctnetlink', kernel({ refused: { errno: EINVAL } })],
  ])('%s', async (_, requests) => {
    show();
    expect(await readStats(requests, undefined)).toEqual({
      source: 'proc',
      entries: 6,
      maxEntries: 100,
      cpus: [
        { cpu: 0, found: 1, drop: 2, other: {} },
        { cpu: 1, found: 0, drop: 3, other: {} },
      ],
      total: { found: 1, drop: 5, other: {} },
    });
    show({ [STAT]: undefined });
    expect(await readStats(requests, undefined)).toMatchObject({
      cpus: [],
      total: { other: {} },
    });
  });

  it('of netlink have the maximum of /proc where an old kernel sends none', async () => {
    show();
    const older = kernel({ usage: { entries: 9, maxEntries: undefined } });
    expect(await readStats(older, undefined)).toEqual({
      source: 'netlink',
      entries: 9,
      maxEntries: 100,
      cpus: [{ cpu: 3, found: 4, drop: 5, expectNew: 8, other: {} }],
      total: { found: 4, drop: 5, expectNew: 8, other: {} },
    });
  });

  it('do not hide an EINVAL of a system call', async () => {
    show();
    const broken = kernel({ refused: { errno: EINVAL, syscall: 'sendmsg' } });
    await expect(readStats(broken, undefined)).rejects.toMatchObject({ syscall: 'sendmsg' });
  });

  it.each([['count'], ['max']])('are an error without nf_conntrack_%s', async (name) => {
    show({ [setting(name)]: undefined });
    await expect(readStats(REFUSED, undefined)).rejects.toMatchObject({
      ...UNTRACKED,
      operation: 'readStats',
      errno: ENOENT,
    });
    show({ [setting(name)]: '' });
    const error = await readStats(REFUSED, undefined).catch((reason: unknown) => reason);
    expect(error).toMatchObject(UNTRACKED);
    expect(error).not.toHaveProperty('errno');
  });
});

describe('settings', () => {
  it('are read as numbers, switches and words; what is not there is absent', () => {
    show({
      [setting('acct')]: '1\n',
      [setting('timestamp')]: '0\n',
      [setting('events')]: '2\n',
      [setting('log_invalid')]: '255\n',
      [setting('udp_timeout')]: '30\n',
      [setting('helper')]: '',
    });
    expect(readSettings('readSettings', undefined)).toEqual({
      maxEntries: 100,
      buckets: 50,
      accounting: true,
      timestamps: false,
      events: 'auto',
      logInvalid: 255,
      udpTimeout: 30,
    });
    // A word that a newer kernel may add.
    show({ [setting('events')]: '3\n' });
    expect(readSettings('readSettings', undefined)).not.toHaveProperty('events');
  });

  it('are an error where /proc has none', () => {
    show({ [setting('max')]: undefined, [setting('buckets')]: undefined });
    const read = () => readSettings('readSettings', undefined);
    expect(read).toThrow(expect.objectContaining({ ...UNTRACKED, errno: ENOENT }));
    show({ [setting('max')]: '', [setting('buckets')]: '' });
    expect(read).toThrow(expect.objectContaining(UNTRACKED));
  });

  it('are written as the kernel takes them, and read back', async () => {
    show();
    const changes = {
      accounting: true,
      timestamps: false,
      events: 'auto',
      logInvalid: 0,
      udpTimeout: 0,
      tcpLoose: undefined,
      maxEntries: 2 ** 31 - 1,
    } as const;
    const { tcpLoose: _, ...given } = changes;
    expect(await writeSettings(changes, undefined)).toEqual({ buckets: 50, ...given });
    expect(addon.writes).toEqual([
      [setting('max'), '2147483647'],
      [setting('acct'), '1'],
      [setting('timestamp'), '0'],
      [setting('events'), '2'],
      [setting('log_invalid'), '0'],
      [setting('udp_timeout'), '0'],
    ]);
  });

  test.each([
    ['udpTimeout', 30, 'udp_timeout', EINVAL, 'EINVAL', /Changed before: accounting\. A timeout/],
    ['logInvalid', 7, 'log_invalid', EINVAL, 'EINVAL', /Changed before: accounting\.$/m],
    ['udpTimeout', 30, 'udp_timeout', 13, 'EACCES', /Run as root of the user namespace/],
    ['udpTimeout', 30, 'udp_timeout', EIO, 'EIO', /^Changed before: accounting\.$/m],
  ] as const)(
    '%s = %d that fails for %s with %d ends the writing',
    async (name, value, sysctl, errno, code, hint) => {
      show({ [setting('acct')]: '0\n' });
      addon.refusals.set(setting(sysctl), errno);
      const changes = { accounting: true, [name]: value, ipv6FragmentHighBytes: 5 };
      const error = await writeSettings(changes, undefined).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code, errno, syscall: 'write', operation: 'writeSettings' });
      expect(error).toHaveProperty('hint', expect.stringMatching(hint));
      expect(addon.files.get(setting('acct'))).toBe('1\n');
      expect(addon.writes.at(-1)).toEqual([setting(sysctl), String(value)]);
    },
  );

  it('that apply to all namespaces are named as such', async () => {
    show();
    addon.refusals.set(setting('max'), 13);
    await expect(writeSettings({ maxEntries: 5 }, undefined)).rejects.toThrow(
      /nf_conntrack_max is read-only here\nNothing was changed\. It applies to all network/,
    );
  });

  it('that were written and cannot be read back are named in the error', async () => {
    show({ [setting('timestamp')]: EIO });
    const error = await writeSettings({ accounting: true }, undefined).catch((one: unknown) => one);
    expect(error).toMatchObject({
      code: 'EIO',
      operation: 'writeSettings',
      errno: EIO,
      syscall: 'open',
      hint: 'Changed before: accounting.\nSee conntrack/docs/errors.md',
      cause: { code: 'EIO' },
    });
    expect(String(error)).toContain('the settings were written, but could not be read');
    // Nothing was written, nothing is said of it.
    await expect(writeSettings({}, undefined)).rejects.toThrow(/cannot read .*timestamp/);
  });
});
