/**
 * Records the flows of a host into files or a database, until SIGTERM.
 *
 *   node out/examples/flow-log/support/sink-agent.js files|sqlite path [receiveBufferBytes]
 */
import { recordFlows, writeFlows } from 'conntrack/flow-log';
import { openFlowFiles } from 'conntrack/flow-log/files';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

const [kind = 'files', path = '.', bytes] = process.argv.slice(2);

const sink =
  kind === 'sqlite'
    ? await openFlowDatabase({ path: `${path}/flows.db` })
    : await openFlowFiles({ directory: path, fileBytes: 16 << 20 });
const recorder = recordFlows({
  interval: '2s',
  resume: sink,
  ...(bytes !== undefined && { receiveBufferBytes: Number(bytes) }),
});
process.once('SIGTERM', () => {
  recorder.finish();
});
console.log('recording');
await writeFlows(recorder, sink, { retry: () => 100 });
await sink.close();
