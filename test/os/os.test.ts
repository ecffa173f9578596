/**
 * The C++ tests of native/os, which run under sanitizers: `ctest --test-dir out/sanitized/test/os`
 * runs them alone.
 */
import { it } from 'vitest';
import { expectCtestToPass } from '../support/ctest.js';

it('passes its C++ tests', () => {
  expectCtestToPass('test/os');
}, 600_000);
