import { inspect } from 'node:util';
import { ConntrackError } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import {
  adviceOf,
  changedBefore,
  closedError,
  concurrentReadError,
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
  isAbsence,
  isMissing,
  isRefusal,
  isSilence,
  isSocketForbidden,
  netnsError,
  platformError,
  rangeError,
  secondReaderError,
  silenceError,
  typeError,
} from '../../src/core/errors.js';
import { linked } from '../support/error-link.js';

const EPERM = 1;
const ENOENT = 2;
const EAGAIN = 11;
const EACCES = 13;
const EINVAL = 22;
const EMFILE = 24;
const ENOTDIR = 20;
const ENOSYS = 38;
const EBADMSG = 74;
const EBADF = 9;
const EPROTONOSUPPORT = 93;
const EOPNOTSUPP = 95;
const EAFNOSUPPORT = 97;
const ENOBUFS = 105;
const ETIMEDOUT = 110;
const ECANCELED = 125;

describe('ConntrackError', () => {
  const error = errorOfFailure('listEntries', { errno: EACCES, syscall: 'bind' });

  it('is an Error of its own class and name', () => {
    expect(error).toBeInstanceOf(ConntrackError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('ConntrackError');
    expect(String(error)).toMatch(/^ConntrackError: listEntries: /);
    expect(inspect(error)).toContain("code: 'EACCES'");
  });

  it('has properties for what there is to say, and no others', () => {
    const own = (thrown: ConntrackError) =>
      Object.keys(thrown)
        .filter((name) => name !== 'name')
        .sort();
    expect(own(error)).toEqual(['code', 'errno', 'operation', 'syscall']);
    expect(own(errorOfFailure('getEntry', { errno: EINVAL }))).toEqual([
      'code',
      'errno',
      'operation',
    ]);
    expect(own(errorOfFailure('getEntry', { errno: EPERM, text: 'no' }))).toEqual([
      'code',
      'detail',
      'errno',
      'operation',
    ]);
    expect(own(closedError('getEntry', 'handle'))).toEqual(['code', 'operation']);
    // Printed with its properties, it has its hint once.
    expect(inspect(error).match(/See conntrack/g)).toHaveLength(1);
    expect('cause' in error).toBe(false);
  });
});

describe('errorOfFailure', () => {
  it('tells a system call that failed from a kernel that answered', () => {
    expect(errorOfFailure('listEntries', { errno: EMFILE, syscall: 'socket' })).toMatchObject({
      code: 'EMFILE',
      errno: EMFILE,
      syscall: 'socket',
      operation: 'listEntries',
      message: `listEntries: socket failed: EMFILE\n${linked('EMFILE')}`,
    });
    const answered = errorOfFailure('getEntry', { errno: ENOENT });
    expect(answered).toMatchObject({
      code: 'ENOENT',
      errno: ENOENT,
      operation: 'getEntry',
      message: `getEntry: the kernel answered ENOENT\n${linked('ENOENT')}`,
    });
    expect(answered).not.toHaveProperty('syscall');
  });

  it('quotes the words of the kernel', () => {
    const text = 'Attribute failed policy validation';
    const error = errorOfFailure('getEntry', { errno: EINVAL, text });
    expect(error.detail).toBe(text);
    expect(error.message).toBe(
      `getEntry: the kernel answered EINVAL (kernel: ${text})\n${linked('EINVAL')}`,
    );
  });

  it.each([
    [EAGAIN, 'EAGAIN'],
    [EOPNOTSUPP, 'EOPNOTSUPP'],
    [4095, 'ERRNO_4095'],
  ])('names %i %s', (errno, code) => {
    expect(errorOfFailure('listEntries', { errno, syscall: 'recvmsg' }).code).toBe(code);
    expect(errorOfFailure('listEntries', { errno }).code).toBe(code);
  });

  it('says which capability EPERM asks for, where, and how to give it', () => {
    const { code, message, hint } = errorOfFailure('listEntries', { errno: EPERM });
    expect(code).toBe('EPERM');
    expect(message).toMatch(/CAP_NET_ADMIN .*user namespace that owns this network namespace/);
    for (const way of ['setcap', 'AmbientCapabilities=CAP_NET_ADMIN', '--cap-add NET_ADMIN']) {
      expect(hint).toContain(way);
    }
    expect(message).toContain(hint);
  });

  it('keeps that advice from a system call that was not permitted', () => {
    const error = errorOfFailure('listEntries', { errno: EPERM, syscall: 'bind' });
    expect(error.message).toBe(`listEntries: bind failed: EPERM\n${linked('EPERM')}`);
    expect(error.hint).toBe(linked('EPERM'));
  });

  it.each([
    ['EPROTONOSUPPORT', EPROTONOSUPPORT, 'nf_conntrack_netlink'],
    ['EAFNOSUPPORT', EAFNOSUPPORT, 'RestrictAddressFamilies'],
    ['EPERM', EPERM, 'seccomp'],
    ['EACCES', EACCES, 'SELinux'],
  ])('takes %s of socket() as a kernel without such sockets, or a sandbox', (_, errno, cause) => {
    const error = errorOfFailure('listEntries', { errno, syscall: 'socket' });
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED', errno, syscall: 'socket' });
    expect(error.hint).toContain(cause);
    expect(error.message).not.toContain('CAP_NET_ADMIN');
    expect(errorOfFailure('listEntries', { errno }).code).not.toMatch(/^ERR_/);
  });

  it('explains an answer that lies about its lengths', () => {
    const error = errorOfFailure('listEntries', { errno: EBADMSG, syscall: 'recvmsg' });
    expect(error.code).toBe('EBADMSG');
    expect(errorOfFailure('getEntry', { errno: EBADMSG }).message).toContain('answered EBADMSG');
    expect(error.message).toContain("cannot decode the kernel's answer");
    expect(error.hint).toContain('report');
  });
});

describe('an answer that does not come', () => {
  test.each<[string, number, string, RegExp]>([
    ['in time', ETIMEDOUT, 'recvmsg', /the kernel did not answer within 1000 ms/],
    ['for lack of room', ENOBUFS, 'recvmsg', /found no room in the receive buffer/],
    ['to a request that was not sent', ENOBUFS, 'sendto', /sendto failed: ENOBUFS/],
    ['from a socket that fails', EMFILE, 'recvmsg', /recvmsg failed: EMFILE/],
    ['to a handle that was closed', ECANCELED, 'recvmsg', /the handle is closed/],
  ])('%s leaves open what became of a change, and of nothing else', (_, errno, syscall, said) => {
    const change = errorOfFailure('updateEntry', { errno, syscall, unanswered: true });
    expect(change.outcome).toBe('unknown');
    expect(change.message).toMatch(said);
    expect(change.hint).toMatch(/^The request was sent, and may have been done/);
    const read = errorOfFailure('getEntry', { errno, syscall });
    expect(read).not.toHaveProperty('outcome');
    expect(adviceOf(read)).toBeUndefined();
    expect(read.message).toMatch(said);
  });

  it('is known by its error, and by its failure', () => {
    expect(silenceError('getEntry')).toMatchObject({ code: 'ETIMEDOUT', operation: 'getEntry' });
    expect(isSilence(silenceError('getEntry'))).toBe(true);
    expect(isSilence({ errno: ETIMEDOUT, syscall: 'recvmsg' })).toBe(true);
    for (const other of [
      undefined,
      { errno: ETIMEDOUT },
      { errno: ETIMEDOUT, syscall: 'sendto' },
      { errno: EMFILE, syscall: 'recvmsg' },
    ]) {
      expect(isSilence(other)).toBe(false);
    }
  });
});

describe('errorOfPortless', () => {
  it('takes EINVAL as a kernel that wants ports or keys', () => {
    const error = errorOfPortless('getEntry', { errno: EINVAL, text: 'no' });
    expect(error).toMatchObject({ code: 'EINVAL', errno: EINVAL, detail: 'no' });
    expect(error.hint).toContain('sourcePort and destinationPort');
  });

  it('takes EINVAL of a system call, and every other answer, as what they are', () => {
    for (const failure of [{ errno: EINVAL, syscall: 'bind' }, { errno: EPERM }]) {
      expect(errorOfPortless('getEntry', failure)).toEqual(errorOfFailure('getEntry', failure));
    }
  });
});

describe('a network namespace', () => {
  test.each<[number, string, string, RegExp, RegExp | undefined]>([
    [ENOENT, 'ENOENT', '/run/netns/a', /no network namespace at \/run\/netns\/a/, /ip netns"/],
    [ENOTDIR, 'ENOTDIR', '/proc/1/ns/net', /no network namespace at/, /The process has ended/],
    [EINVAL, 'EINVAL', '/etc/passwd', /\/etc\/passwd is not a network namespace/, /ip netns add/],
    [ENOSYS, 'ENOSYS', '/proc/1/ns/net', /\/proc is not mounted/, undefined],
    [EPERM, 'EPERM', '/proc/1/ns/net', /may not enter .* \/proc\/1\/ns\/net/, /CAP_SYS_PTRACE/],
    [EACCES, 'EACCES', '/run/netns/a', /may not enter/, /CAP_SYS_ADMIN/],
    [EMFILE, 'EMFILE', '/run/netns/a', /cannot open .*: setns failed: EMFILE/, undefined],
  ])('that cannot be opened: %i', (errno, code, path, said, hint) => {
    const error = netnsError('open', path, { errno, syscall: 'setns' });
    expect(error).toMatchObject({ code, errno, operation: 'open', syscall: 'setns' });
    expect(error.message).toMatch(said);
    if (hint === undefined) expect(adviceOf(error)).toBeUndefined();
    else expect(error.hint).toMatch(hint);
  });

  it('that a request may no longer enter', () => {
    const of = (errno: number) => errorOfFailure('getEntry', { errno, syscall: 'setns' });
    expect(of(EBADF)).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    expect(of(EPERM)).toMatchObject({
      code: 'EPERM',
      hint: expect.stringContaining('SYS_ADMIN') as unknown,
    });
    expect(of(EPERM).message).toContain('may no longer enter its network namespace');
    expect(of(EMFILE).message).toContain('setns failed: EMFILE');
    expect(errorOfFailure('getEntry', { errno: EBADF, syscall: 'recvmsg' }).code).toBe('EBADF');
  });
});

describe('a failure is recognized', () => {
  const ofSocket = (errno: number, syscall: string) =>
    errorOfFailure('listEntries', { errno, syscall });

  it('by what the kernel answered, and not by a system call', () => {
    const answered = { errno: ENOENT };
    const failed = { errno: ENOENT, syscall: 'open' };
    expect([answered, failed, { errno: EPERM }].map(isAbsence)).toEqual([true, false, false]);
    const errors = [answered, failed, { errno: EPERM }].map((one) => errorOfFailure('a', one));
    expect(errors.map(isMissing)).toEqual([true, false, false]);
    const refusals = [{ errno: EPERM }, { errno: EPERM, syscall: 'bind' }, answered, undefined];
    expect(refusals.map(isRefusal)).toEqual([true, false, false, false]);
  });

  it('of a process that gets no sockets', () => {
    expect(isSocketForbidden(ofSocket(EACCES, 'socket'))).toBe(true);
    expect(isSocketForbidden(ofSocket(EACCES, 'bind'))).toBe(false);
    expect(isSocketForbidden(ofSocket(EMFILE, 'socket'))).toBe(false);
    expect(isSocketForbidden(errorOfPlainFailure('a', { errno: EINVAL }))).toBe(false);
    expect(isSocketForbidden(new Error('a fault'))).toBe(false);
    expect(isSocketForbidden(undefined)).toBe(false);
  });

  it('says what was changed before', () => {
    expect(changedBefore([])).toBe('Nothing was changed.');
    expect(changedBefore(['a', 'b'])).toBe('Changed before: a, b.');
    expect(changedBefore([], 'Try again.')).toBe('Nothing was changed. Try again.');
  });
});

describe('errorOfPlainFailure', () => {
  it('takes EINVAL as an answer that says: no ctnetlink', () => {
    const error = errorOfPlainFailure('countEntries', { errno: EINVAL });
    expect(error).toMatchObject({
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      errno: EINVAL,
      operation: 'countEntries',
    });
    expect(error.hint).toContain('modprobe nf_conntrack_netlink');
    expect(errorOfPlainFailure('a', { errno: EINVAL, text: 'no' }).detail).toBe('no');
    expect(error).not.toHaveProperty('syscall');
  });

  it('takes EINVAL of a system call, and every other answer, as what they are', () => {
    const failures = [{ errno: EINVAL, syscall: 'bind' }, { errno: EPERM }, { errno: EMFILE }];
    for (const failure of failures) {
      expect(errorOfPlainFailure('countEntries', failure)).toEqual(
        errorOfFailure('countEntries', failure),
      );
    }
  });
});

describe('what the package itself refuses', () => {
  it.each([
    [closedError('countEntries', 'handle'), 'ERR_CONNTRACK_CLOSED', 'the handle is closed'],
    [closedError('updateEntry', 'handle', 'unknown'), 'ERR_CONNTRACK_CLOSED', 'may have been done'],
    [closedError('streamEntries', 'stream'), 'ERR_CONNTRACK_CLOSED', 'the stream is closed'],
    [concurrentReadError('streamEntries'), 'ERR_CONNTRACK_BUSY', 'another next() is pending'],
    [secondReaderError('streamEntries'), 'ERR_CONNTRACK_BUSY', 'already has a reader'],
    [platformError(), 'ERR_CONNTRACK_UNSUPPORTED', 'needs Linux'],
  ])('%s', (error, code, message) => {
    expect(error.code).toBe(code);
    expect(error.message.startsWith(`${error.operation}: `)).toBe(true);
    expect(error.message).toContain(message);
    expect(error).not.toHaveProperty('errno');
  });

  it('is a TypeError or a RangeError for a wrong argument', () => {
    const wrong = typeError('filter.family', 'must be a word');
    expect(wrong).toBeInstanceOf(TypeError);
    expect(wrong.message).toBe('filter.family: must be a word');
    expect('cause' in wrong).toBe(false);
    const cause = new Error('a fault');
    expect(typeError('filter', 'cannot be read', cause).cause).toBe(cause);
    const outside = rangeError('key.zone', 'must be small');
    expect(outside).toBeInstanceOf(RangeError);
    expect(outside.message).toBe('key.zone: must be small');
  });
});
