/**
 * Serves metrics of the table to Prometheus until Ctrl-C; with CAP_NET_ADMIN also of new flows.
 * With --flows, which needs it, there are those of a mirror and of a flow log, too.
 *
 *   node out/examples/exporter.js [port] [--flows]
 */
import './support/end-of-pipe.js';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConntrackError, type EventStream, mirrorTable, watchEvents } from 'conntrack';
import { FlowTotals, recordFlows, writeFlows } from 'conntrack/flow-log';
import { registerMetrics } from 'conntrack/prometheus';
import { register } from 'prom-client';

const args = process.argv.slice(2);
const withFlows = args.includes('--flows');
const port = Number(args.find((arg) => arg !== '--flows') ?? 9465);

/** The kernel does not count new flows; conntrack_events_received_total does. */
function watchNewFlows(): EventStream | undefined {
  try {
    return watchEvents({ events: ['new'] });
  } catch (error) {
    if (!(error instanceof ConntrackError && error.code === 'EPERM')) throw error;
    console.error('no metrics of events: they need CAP_NET_ADMIN');
    return undefined;
  }
}

const stream = watchNewFlows();
const mirror = withFlows ? await mirrorTable() : undefined;
const recorder = withFlows ? recordFlows({ interval: '15s' }) : undefined;
const flowLog = new FlowTotals();
registerMetrics({ stream, mirror, flowLog: recorder && flowLog });

const server = createServer((request, response) => {
  if (request.url !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  register.metrics().then(
    (text) => response.writeHead(200, { 'Content-Type': register.contentType }).end(text),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
// Without the address the server would answer other machines, too.
server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    server.close();
    void stream?.close();
    void mirror?.close();
    void recorder?.close();
  });
}

/** An unread stream would fill its queue. */
async function readAll(events: EventStream): Promise<void> {
  for await (const _events of events.batches());
}

await Promise.all([stream && readAll(stream), recorder && writeFlows(recorder, flowLog)]);
