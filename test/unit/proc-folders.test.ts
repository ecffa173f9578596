/** What is read of /proc and of folders like it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import {
  isAbsentCode,
  linkAt,
  namesIn,
  processIds,
  unlessAbsent,
} from '../../src/core/proc-folders.js';
import { linked } from '../support/error-link.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conntrack-folders-'));
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('to', join(folder, 'link'));
  mkdirSync(join(folder, 'empty'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.each<[string, string, string[]]>([
  ['a folder', '', ['empty', 'file', 'link']],
  ['an empty one', 'empty', []],
  ['none', 'nowhere', []],
  ['a file', 'file', []],
])('the names in %s', async (_, name, names) => {
  expect((await namesIn('findOrigin', join(folder, name))).sort()).toEqual(names);
});

test.each<[string, string, string | undefined]>([
  ['a link', 'link', 'to'],
  ['a file', 'file', undefined],
  ['nothing', 'nowhere', undefined],
])('the link of %s', async (_, name, to) => {
  expect(await linkAt('findOrigin', join(folder, name))).toBe(to);
});

it('processes have numbers, in their order', async () => {
  const pids = await processIds('findOrigin');
  expect(pids).toContain(process.pid);
  expect(pids.every(Number.isInteger)).toBe(true);
  expect(pids).toEqual(pids.toSorted((one, other) => one - other));
});

it('what a process may not see is absent; what fails is an error', async () => {
  const failing = (parts: object): Promise<string> =>
    Promise.reject(Object.assign(new Error('failed'), parts));
  for (const code of ['ENOENT', 'ENOTDIR', 'EINVAL', 'ESRCH', 'EACCES', 'EPERM']) {
    expect(isAbsentCode(code)).toBe(true);
    expect(await unlessAbsent('a', '/x', failing({ code }))).toBeUndefined();
  }
  expect(isAbsentCode('EMFILE')).toBe(false);
  const error = { code: 'EMFILE', errno: -24, syscall: 'scandir' };
  await expect(unlessAbsent('findOrigin', '/x', failing(error))).rejects.toMatchObject({
    ...{ ...error, errno: 24, operation: 'findOrigin' },
    message: `findOrigin: cannot read /x\n${linked('EMFILE')}`,
    cause: { errno: -24 },
  });
  const unknown = await unlessAbsent('a', '/x', failing({})).catch((thrown: unknown) => thrown);
  expect(unknown).toMatchObject({ code: 'EIO' });
  expect(unknown).not.toHaveProperty('errno');
});
