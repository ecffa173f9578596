/** The C++ tests, which run under sanitizers. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Runs those of a folder. ctest has limits of time of its own, and prints which test reached one. */
export function expectCtestToPass(folder: string): void {
  const build = fileURLToPath(new URL(`../../out/tests/${folder}`, import.meta.url));
  const { status, stdout, stderr, error } = spawnSync(
    'ctest',
    ['--test-dir', build, '--output-on-failure', '--no-tests=error'],
    { encoding: 'utf8' },
  );
  if (error) throw error;
  expect(status, stdout + stderr).toBe(0);
}
