/**
 * The C++ tests of native/wire, which run under sanitizers. README.md says how to
 * run them alone.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const build = fileURLToPath(new URL('../../out/tests', import.meta.url));

it('passes its C++ tests', () => {
  const { status, stdout, stderr, error } = spawnSync(
    'ctest',
    ['--test-dir', build, '--output-on-failure', '--no-tests=error'],
    { encoding: 'utf8' },
  );
  if (error) throw error;
  expect(status, stdout + stderr).toBe(0);
}, 600_000); // ctest has limits of its own, and says which test reached them
