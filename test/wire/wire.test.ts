/**
 * The C++ tests of native/wire, which run under sanitizers. README.md says how to
 * run them alone.
 */
import { it } from 'vitest';
import { expectCtestToPass } from '../support/ctest.js';

it('passes its C++ tests', () => {
  expectCtestToPass('test/wire');
}, 600_000);
