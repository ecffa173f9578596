/** The C++ tests, which run under sanitizers. */

import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { sanitized } from './built.js';

/** Runs those of a folder. ctest has limits of time of its own, and prints which test reached one. */
export function expectCtestToPass(folder: string): void {
  const build = sanitized(folder);
  const { status, stdout, stderr, error } = spawnSync(
    'ctest',
    ['--test-dir', build, '--output-on-failure', '--no-tests=error'],
    { encoding: 'utf8' },
  );
  if (error) throw error;
  expect(status, stdout + stderr).toBe(0);
}
