/**
 * Records the flows of a host into one sink, until SIGTERM. Prints every second what it has written.
 *
 *   node out/examples/flow-log/support/sink-agent.js files|sqlite folder [receiveBufferBytes]
 *   node out/examples/flow-log/support/sink-agent.js jetstream|otlp address
 */
import { connect } from '@nats-io/transport-node';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import {
  type FlowArchive,
  type FlowRecord,
  type FlowWriter,
  recordFlows,
  writeFlows,
} from 'conntrack/flow-log';
import { openFlowFiles } from 'conntrack/flow-log/files';
import { openFlowStream } from 'conntrack/flow-log/jetstream';
import { exportFlows } from 'conntrack/flow-log/opentelemetry';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

type Sink = FlowWriter & { close(): Promise<void> };

const [kind = 'files', target = '.', bytes] = process.argv.slice(2);

async function openSink(): Promise<Sink> {
  switch (kind) {
    case 'sqlite':
      return openFlowDatabase({ path: `${target}/flows.db` });
    case 'jetstream':
      return openFlowStream({ connection: await connect({ servers: target }), host: 'host-1' });
    case 'otlp':
      return exportFlows({ exporter: new OTLPLogExporter({ url: `http://${target}/v1/logs` }) });
    default:
      return openFlowFiles({ directory: target, fileBytes: 16 << 20 });
  }
}

function isArchive(sink: FlowWriter): sink is FlowWriter & FlowArchive {
  return 'history' in sink;
}

const sink = await openSink();
const recorder = recordFlows({
  resume: isArchive(sink) ? sink : undefined,
  // These keep the open flows, too.
  interval: kind === 'files' || kind === 'sqlite' ? '2s' : undefined,
  ...(bytes !== undefined && { receiveBufferBytes: Number(bytes) }),
});
process.on('SIGTERM', () => {
  recorder.finish();
});
let written = 0;
console.log('recording');
const reports = setInterval(() => {
  const { lostInKernel, lostInQueue } = recorder.counters;
  console.log(JSON.stringify({ written, lost: lostInKernel + lostInQueue }));
}, 1000);
await writeFlows(
  recorder,
  {
    async write(records: readonly FlowRecord[]) {
      await sink.write(records);
      written += records.length;
    },
  },
  { retry: () => 100 },
);
clearInterval(reports);
await sink.close();
process.exit();
