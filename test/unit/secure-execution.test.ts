/** Processes with more rights than those who started them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { isSecureExecution } from '../../src/core/secure-execution.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conntrack-auxv-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const AT_SECURE = 23;

/** What the kernel gives a process: pairs of a name and a value. */
function auxv(arch: string, ...words: number[]): string {
  const path = join(folder, 'auxv');
  const is32Bit = arch === 'arm' || arch === 'ia32';
  const bytes = is32Bit ? Uint32Array.from(words) : BigUint64Array.from(words, BigInt);
  writeFileSync(path, bytes);
  return path;
}

test.each<[string, boolean, ...number[]]>([
  ['has no more rights', false, 33, 5, AT_SECURE, 0, 0, 0],
  ['has more', true, 33, 5, AT_SECURE, 1, 0, 0],
  ['has no more, and a value that is like the name', false, 33, AT_SECURE, AT_SECURE, 0, 0, 0],
  ['is not known to have no more', true, 33, 5, 0, 0],
  ['says nothing', true],
])('a process %s', (_, expected, ...words) => {
  for (const arch of ['x64', 'arm64', 'arm', 'ia32']) {
    expect(isSecureExecution(auxv(arch, ...words), arch)).toBe(expected);
  }
});

it('a process that may not read it may have more', () => {
  expect(isSecureExecution(join(folder, 'nothing'))).toBe(true);
});

it('this process has no more', () => {
  expect(isSecureExecution()).toBe(false);
});
