import { writeSettings } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import { adviceOf, errorOfFailure } from '../../src/core/errors.js';
import { settingError, untrackedError } from '../../src/health/errors.js';
import { SETTINGS } from '../../src/health/settings.js';
import { linked } from '../support/error-link.js';

describe('writeSettings', () => {
  test.each<[string, typeof TypeError | typeof RangeError, unknown]>([
    ['changes', TypeError, undefined],
    ['changes', TypeError, []],
    ['changes.maxEntrys', TypeError, { maxEntrys: 5 }],
    ['changes.nf_conntrack_max', TypeError, { nf_conntrack_max: 5 }],
    ['changes.accounting', TypeError, { accounting: 1 }],
    ['changes.events', TypeError, { events: 2 }],
    ['changes.events', TypeError, { events: 'automatic' }],
    ['changes.logInvalid', RangeError, { logInvalid: 256 }],
    ['changes.tcpMaxRetrans', RangeError, { tcpMaxRetrans: -1 }],
    ['changes.udpTimeout', TypeError, { udpTimeout: '30' }],
    // The kernel would take it.
    ['changes.udpTimeout', RangeError, { udpTimeout: -1 }],
    ['changes.udpTimeout', RangeError, { udpTimeout: 1.5 }],
    ['changes.udpTimeout', RangeError, { udpTimeout: Number.NaN }],
    ['changes.maxEntries', RangeError, { maxEntries: 2 ** 31 }],
    ['changes.ipv6FragmentHighBytes', RangeError, { ipv6FragmentHighBytes: 2 ** 60 }],
    // Nothing is written when a later one is wrong.
    ['changes.udpTimeout', RangeError, { accounting: true, udpTimeout: -5 }],
  ])('refuses %s with a %o: %j', async (field, kind, changes) => {
    const refused = writeSettings(changes as object);
    await expect(refused).rejects.toBeInstanceOf(kind);
    await expect(refused).rejects.toThrow(`${field}: `);
  });
});

describe('the table of settings', () => {
  it('names each sysctl once', () => {
    const sysctls = Object.values(SETTINGS).map(({ sysctl }) => sysctl);
    expect(new Set(sysctls).size).toBe(sysctls.length);
  });
});

describe('errors', () => {
  const ENOENT = 2;
  const EIO = 5;
  const EACCES = 13;
  const EINVAL = 22;
  const EROFS = 30;
  const max = {
    sysctl: 'net.netfilter.nf_conntrack_max',
    isGlobal: true,
    isTimeout: false,
    text: '5',
    written: [],
  };

  it.each([
    ['a setting of all namespaces', EACCES, max, 'EACCES', /change it as root in the initial one/],
    [
      'a setting of one',
      EACCES,
      { ...max, isGlobal: false },
      'EACCES',
      /Run as root of the user namespace/,
    ],
    ['a read-only /proc/sys', EROFS, max, 'EROFS', /docker run --sysctl/],
    [
      'a setting that is not there',
      ENOENT,
      max,
      'ERR_CONNTRACK_UNSUPPORTED',
      /Nothing was changed/,
    ],
    ['a timeout that is too long', EINVAL, { ...max, isTimeout: true }, 'EINVAL', /ticks/],
    [
      'what was written before',
      EINVAL,
      { ...max, written: ['accounting'] },
      'EINVAL',
      /Changed before: accounting/,
    ],
    [
      'the same before another trouble',
      EIO,
      { ...max, written: ['accounting', 'timestamps'] },
      'EIO',
      /^Changed before: accounting, timestamps\.$/,
    ],
  ])('tell of %s', (_, errno, setting, code, hint) => {
    const error = settingError({ errno, syscall: 'write' }, setting);
    expect(error).toMatchObject({ code, errno, operation: 'writeSettings' });
    expect(error.message).toContain('net.netfilter.nf_conntrack_max');
    expect(adviceOf(error)).toMatch(hint);
  });

  it('tell of a kernel without connection tracking, and of other troubles', () => {
    const missing = untrackedError('readStats', { errno: ENOENT, syscall: 'open' });
    expect(missing).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED', operation: 'readStats' });
    expect(missing.hint).toContain('modprobe nf_conntrack');
    expect(untrackedError('readStats', { errno: EACCES, syscall: 'open' }).code).toBe('EACCES');
  });

  it('tell of a namespace that a closed handle has let go of', () => {
    const EBADF = 9;
    expect(errorOfFailure('readStats', { errno: EBADF, syscall: 'setns' }).code).toBe(
      'ERR_CONNTRACK_CLOSED',
    );
    const failure = { errno: EBADF, syscall: 'setns' };
    const closed = settingError(failure, max);
    expect(closed.code).toBe('ERR_CONNTRACK_CLOSED');
    expect(closed.message).toContain('the handle is closed');
    expect(settingError(failure, { ...max, written: ['accounting'] })).toMatchObject({
      code: 'ERR_CONNTRACK_CLOSED',
      hint: linked('ERR_CONNTRACK_CLOSED', 'Changed before: accounting.'),
    });
  });
});
