/** Network namespaces by name, path and process. */
import { expect, it, test } from 'vitest';
import { openNetNamespace } from '../../src/core/net-namespace.js';

test.each<[string, unknown]>([
  ['a path', '/proc/self/ns/net'],
  ['a process', { pid: process.pid }],
])('is opened by %s', (_, name) => {
  const netns = openNetNamespace('open', name);
  expect(netns.failure).toBeUndefined();
  netns.close();
});

test.each<[string, unknown, string, string]>([
  ['a name', 'no-such-one', 'ENOENT', 'no network namespace at /run/netns/no-such-one'],
  ['a path', '/no/such/one', 'ENOENT', 'no network namespace at /no/such/one'],
  ['a path below a file', '/etc/passwd/x', 'ENOTDIR', 'no network namespace at /etc/passwd/x'],
  ['a file', '/etc/passwd', 'EINVAL', '/etc/passwd is not a network namespace'],
  ['a process', { pid: 2 ** 31 - 1 }, 'ENOENT', 'no network namespace at /proc/2147483647/ns/net'],
])('is not opened by %s that is none', (_, name, code, message) => {
  expect(() => openNetNamespace('open', name)).toThrow(
    expect.objectContaining({
      ...{ code, operation: 'open' },
      message: expect.stringContaining(message) as unknown,
    }),
  );
});

it('has a name, a path or a process, and nothing that the kernel would cut off', () => {
  const longest = `/${'x/'.repeat(2047)}`;
  expect(Buffer.byteLength(longest)).toBe(4095);
  expect(() => openNetNamespace('open', longest)).toThrow('no network namespace at /x/');
  for (const name of ['', '.', '..', 'a/b']) {
    expect(() => openNetNamespace('open', name)).toThrow(
      /^options\.netns: must be a name under \/run\/netns, an absolute path, or \{ pid \}, not "/,
    );
  }
  for (const name of ['a\0b', '/a\0b', `${longest}x`, 'x'.repeat(4085)]) {
    expect(() => openNetNamespace('open', name)).toThrow(
      'options.netns: must be a path without NUL of at most 4095 bytes',
    );
  }
  for (const name of [5, undefined, null, []]) {
    expect(() => openNetNamespace('open', name)).toThrow(
      'options.netns: must be a name, a path or { pid }',
    );
  }
  for (const pid of [0, -1, 1.5, 2 ** 31, '1', undefined]) {
    expect(() => openNetNamespace('open', { pid })).toThrow(
      'options.netns.pid: must be an integer',
    );
  }
});
