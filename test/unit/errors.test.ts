import { inspect } from 'node:util';
import { ConntrackError } from 'conntrack';
import { describe, expect, it } from 'vitest';
import {
  closedError,
  concurrentReadError,
  errorOfFailure,
  errorOfPlainFailure,
  platformError,
  rangeError,
  secondReaderError,
  typeError,
} from '../../src/core/errors.js';

const EPERM = 1;
const ENOENT = 2;
const EAGAIN = 11;
const EACCES = 13;
const EINVAL = 22;
const EMFILE = 24;
const EBADMSG = 74;
const EPROTONOSUPPORT = 93;
const EOPNOTSUPP = 95;
const EAFNOSUPPORT = 97;

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
      'hint',
      'operation',
    ]);
    expect(own(closedError('getEntry', 'handle'))).toEqual(['code', 'operation']);
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
      message: 'listEntries: socket failed: EMFILE',
    });
    const answered = errorOfFailure('getEntry', { errno: ENOENT });
    expect(answered).toMatchObject({
      code: 'ENOENT',
      errno: ENOENT,
      operation: 'getEntry',
      message: 'getEntry: the kernel answered ENOENT',
    });
    expect(answered).not.toHaveProperty('syscall');
  });

  it('quotes the words of the kernel', () => {
    const text = 'Attribute failed policy validation';
    const error = errorOfFailure('getEntry', { errno: EINVAL, text });
    expect(error.detail).toBe(text);
    expect(error.message).toBe(`getEntry: the kernel answered EINVAL (kernel: ${text})`);
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
    const { code, message, hint = '' } = errorOfFailure('listEntries', { errno: EPERM });
    expect(code).toBe('EPERM');
    expect(message).toMatch(/CAP_NET_ADMIN .*user namespace that owns this network namespace/);
    for (const way of ['setcap', 'AmbientCapabilities=CAP_NET_ADMIN', '--cap-add NET_ADMIN']) {
      expect(hint).toContain(way);
    }
    expect(message).toContain(hint);
  });

  it('keeps that advice from a system call that was not permitted', () => {
    const error = errorOfFailure('listEntries', { errno: EPERM, syscall: 'bind' });
    expect(error.message).toBe('listEntries: bind failed: EPERM');
    expect(error.hint).toBeUndefined();
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
    expect(error.message).toContain("cannot decode the kernel's answer");
    expect(error.hint).toContain('report');
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
    const outside = rangeError('key.zone', 'must be small');
    expect(outside).toBeInstanceOf(RangeError);
    expect(outside.message).toBe('key.zone: must be small');
  });
});
