/**
 * The C++ tests of native/os, which run under sanitizers: `ctest --test-dir out/sanitized/test/os`
 * runs them alone.
 */
import { test } from 'vitest';
import { passCtest } from '../support/ctest.js';

test.each(['sanitized', 'threads'] as const)(
  'passes its C++ tests: %s',
  async (sanitizers) => {
    await passCtest('test/os', sanitizers);
  },
  300_000,
);
