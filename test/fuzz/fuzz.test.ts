/**
 * Gives each target of the fuzzers its seeds, under sanitizers and without libFuzzer:
 * `ctest --test-dir out/sanitized/test/fuzz` runs them alone.
 */
import { it } from 'vitest';
import { passCtest } from '../support/ctest.js';

it('passes with its seeds: every target', async () => {
  await passCtest('test/fuzz');
}, 300_000);
