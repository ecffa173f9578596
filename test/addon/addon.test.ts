/** The C++ tests of native/addon, which run under sanitizers. */
import { it } from 'vitest';
import { passCtest } from '../support/ctest.js';

it('passes its C++ tests', async () => {
  await passCtest('test/addon');
}, 600_000);
