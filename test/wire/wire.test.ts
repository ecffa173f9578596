/**
 * The C++ tests of native/wire, which run under sanitizers, and on a big-endian machine. README.md
 * says how to run them alone.
 */
import { it } from 'vitest';
import { passCtest } from '../support/ctest.js';
import { describeWithTools } from '../support/requirements.js';

it('passes its C++ tests', async () => {
  await passCtest('test/wire');
}, 600_000);

describeWithTools('s390x-linux-gnu-g++', 'qemu-s390x-static')('big-endian', () => {
  it('passes its C++ tests', async () => {
    await passCtest('test/wire', 'big-endian');
  }, 600_000);
});
