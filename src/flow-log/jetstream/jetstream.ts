/**
 * `conntrack/flow-log/jetstream`: records of flows go to NATS JetStream, through
 * `@nats-io/transport-node` and `@nats-io/jetstream`, optional peer dependencies. See the guide to
 * the flow log of many hosts.
 *
 * @module conntrack/flow-log/jetstream
 */
import { FlowStream } from './flow-stream.js';
import { type FlowStreamOptions, streamOptionsOf } from './options.js';
import { loadPeers } from './peers.js';

export type { FlowStreamOptions } from './options.js';
export type { FlowStreamCounters } from './publisher.js';
export type { FlowStream };

/**
 * Returns a writer that publishes records to a stream of JetStream, on the subjects
 * `flows.<host>.<type>`. It sends nothing before the first write, and leaves the connection open. See
 * {@link FlowStream} and {@link FlowStreamOptions}.
 *
 * The stream is made once, by whoever runs the server: the error of a write that finds none has the
 * command.
 *
 * @throws `ConntrackError` with the code ERR_CONNTRACK_UNSUPPORTED where a peer is not installed.
 * @throws TypeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { connect } from '@nats-io/transport-node';
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { openFlowStream } from 'conntrack/flow-log/jetstream';
 *
 * const connection = await connect({
 *   servers: 'nats.example.com',
 *   maxReconnectAttempts: -1,
 *   waitOnFirstConnect: true,
 * });
 * await using stream = await openFlowStream({ connection });
 * await writeFlows(recordFlows(), stream, {
 *   retry: (_, failures) => Math.min(100 * 2 ** failures, 5000),
 * });
 * ```
 */
export async function openFlowStream(options: FlowStreamOptions): Promise<FlowStream> {
  const checked = streamOptionsOf(options);
  return new FlowStream(checked, await loadPeers());
}
