/** Without its peers, `openFlowStream` says how to install them. */
import { expect, test, vi } from 'vitest';
import { loadPeers } from '../../src/flow-log/jetstream/peers.js';
import { linked } from '../support/error-link.js';

vi.mock('@nats-io/jetstream', () => {
  throw new Error('Cannot find package');
});

test('a client of NATS that is not installed', async () => {
  await expect(loadPeers()).rejects.toMatchObject({
    name: 'ConntrackError',
    code: 'ERR_CONNTRACK_UNSUPPORTED',
    operation: 'openFlowStream',
    hint: linked(
      'ERR_CONNTRACK_UNSUPPORTED',
      'Install it with "npm install @nats-io/transport-node @nats-io/jetstream".',
    ),
  });
});
