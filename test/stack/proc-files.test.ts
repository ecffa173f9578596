/**
 * Files of /proc that cannot be read, and sockets that a sandbox forbids: no half answer, and what
 * there is comes from where it can be had.
 */

import * as conntrack from 'conntrack';
import {
  type Conntrack,
  ConntrackError,
  listNamespaceIds,
  readSettings,
  watchEvents,
  writeSettings,
} from 'conntrack';
import { describe, expect, test } from 'vitest';
import { diagnose, readPressure, readStats } from '../support/own-socket.js';
import { failNext, waitingSockets, whileFailing } from '../support/scripted-kernel.js';
import { tcpKey } from './flows.js';
import { errorOf } from './outcome.js';

/** What reads files of /proc, first of all. */
const READERS: Record<string, () => Promise<unknown>> = {
  readSettings: () => readSettings(),
  writeSettings: () => writeSettings({}),
  readPressure: () => readPressure(),
  diagnose: () => diagnose(),
};

describe('a file that cannot be read is an error, and no absence', () => {
  const cases = Object.entries(READERS).flatMap(([name, read]) =>
    (['open', 'read'] as const).flatMap((call) =>
      (['EMFILE', 'ENFILE', 'EACCES', 'EIO', 'ENOMEM'] as const).map((code) => ({
        name,
        read,
        call,
        code,
      })),
    ),
  );
  test.each(cases)('$name: $call fails with $code', async ({ read, call, code }) => {
    failNext(call, code);
    const error = await errorOf(read());
    expect(error).toBeInstanceOf(ConntrackError);
    expect(error).toMatchObject({ code, syscall: call });
    expect(String(error)).toContain('cannot read /proc/');
  });

  test('one that is not there is absent', async () => {
    const all = Object.keys(await readSettings());
    failNext('open', 'ENOENT');
    expect(Object.keys(await readSettings())).toEqual(all.slice(1));
  });
});

/** All that need netlink. */
const SENDERS: Record<string, (api: Conntrack | typeof conntrack) => unknown> = {
  listEntries: (api) => api.listEntries(),
  streamEntries: (api) => api.streamEntries().batches().next(),
  getEntry: (api) => api.getEntry(tcpKey),
  countEntries: (api) => api.countEntries(),
  createEntry: (api) => api.createEntry({ ...tcpKey, timeout: 60 }),
  createEntries: (api) => api.createEntries([{ ...tcpKey, timeout: 60 }]),
  updateEntry: (api) => api.updateEntry(tcpKey, { mark: 1 }),
  updateEntries: (api) => api.updateEntries({ mark: 1 }, { mark: 2 }),
  deleteEntry: (api) => api.deleteEntry(tcpKey),
  deleteEntries: (api) => api.deleteEntries({ mark: 1 }),
  flushEntries: (api) => api.flushEntries(),
  'flushEntries of a family': (api) => api.flushEntries({ family: 'ipv6' }),
  listExpectations: (api) => api.listExpectations(),
  flushExpectations: (api) => api.flushExpectations(),
  watchEvents: (api) => api.watchEvents(),
};

const FORBIDDEN = [
  ['EAFNOSUPPORT', 'RestrictAddressFamilies'],
  ['EPROTONOSUPPORT', 'modprobe'],
  ['EPERM', 'seccomp'],
  ['EACCES', 'SELinux'],
] as const;

describe('where netlink is forbidden', () => {
  const cases = FORBIDDEN.flatMap(([code, cause]) =>
    Object.entries(SENDERS).map(([name, send]) => ({ code, cause, name, send })),
  );
  test.each(cases)('$code: $name tells the likely cause', async ({ code, cause, send }) => {
    const error = await whileFailing('socket', code, () => errorOf(attempt(() => send(conntrack))));
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED', syscall: 'socket' });
    expect(String(error)).toContain(cause);
    expect(String(error)).not.toContain('CAP_NET_ADMIN');
  });

  test.each(FORBIDDEN)('%s: statistics, pressure and diagnosis come from /proc', (code) =>
    whileFailing('socket', code, async () => {
      expect((await readStats()).source).toBe('proc');
      expect((await readPressure()).maxEntries).toBeGreaterThanOrEqual(0);
      const codes = (await diagnose()).map((finding) => finding.code);
      expect(codes).toContain('ctnetlink-missing');
      expect(codes).not.toContain('privileges-missing');
    }),
  );

  test('a lack of descriptors is none', async () => {
    const error = await whileFailing('socket', 'EMFILE', () => errorOf(readStats()));
    expect(error).toMatchObject({ code: 'EMFILE' });
    const ofIds = await whileFailing('socket', 'EMFILE', () => errorOf(listNamespaceIds()));
    expect(ofIds).toMatchObject({ code: 'EMFILE', operation: 'listNamespaceIds' });
    expect(() => {
      failNext('socket', 'EMFILE');
      watchEvents();
    }).toThrow(expect.objectContaining({ code: 'EMFILE' }));
    expect(waitingSockets()).toBe(0);
  });
});

async function attempt(call: () => unknown): Promise<unknown> {
  return call();
}
