/**
 * What runs on each host: it records the flows that end, and writes them to JetStream.
 *
 *   node out/examples/flow-log/agent.js nats.example.com:4222 [name of the host]
 */
import '../support/end-of-pipe.js';
import { hostname } from 'node:os';
import { connect } from '@nats-io/transport-node';
import { recordFlows, writeFlows } from 'conntrack/flow-log';
import { openFlowStream } from 'conntrack/flow-log/jetstream';

const [servers = '127.0.0.1:4222', host = hostname()] = process.argv.slice(2);

const connection = await connect({
  servers,
  name: `flow-log ${host}`,
  // A server that restarts is waited for, however long that takes.
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
  reconnectTimeWait: 250,
});
const stream = await openFlowStream({ connection, host });

// What ends while no agent runs has no record, but one of the time between.
const recorder = recordFlows({ resume: stream });
process.on('SIGTERM', () => {
  recorder.finish();
});
console.log('recording');

await writeFlows(recorder, stream, {
  retry: (error, failures) => {
    if (failures === 1) console.warn(error instanceof Error ? error.message : error);
    // Nothing can be written again on a connection that is closed.
    return connection.isClosed() ? undefined : Math.min(50 * 2 ** failures, 5000);
  },
});
console.log(JSON.stringify({ ...stream.counters, ...recorder.counters }));
await stream.close();
await connection.close();
