/**
 * The C++ tests of native/wire, which run under sanitizers. README.md says how to
 * run them alone.
 */
import { it } from 'vitest';
import { passCtest } from '../support/ctest.js';

it('passes its C++ tests', async () => {
  await passCtest('test/wire');
}, 600_000);
