/**
 * The client of NATS, loaded when it is needed.
 */
import { ConntrackError } from '../../core/errors.js';

/** What is used of it. */
export interface Peers {
  readonly headers: typeof import('@nats-io/transport-node').headers;
  readonly createInbox: typeof import('@nats-io/transport-node').createInbox;
  readonly jetstreamManager: typeof import('@nats-io/jetstream').jetstreamManager;
}

export const OPERATION = 'openFlowStream';

export async function loadPeers(): Promise<Peers> {
  try {
    const [{ headers, createInbox }, { jetstreamManager }] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
    ]);
    return { headers, createInbox, jetstreamManager };
  } catch (cause) {
    throw new ConntrackError('cannot load the client of NATS', {
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      operation: OPERATION,
      hint: 'Install it with "npm install @nats-io/transport-node @nats-io/jetstream".',
      cause,
    });
  }
}
