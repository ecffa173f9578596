/**
 * Serves metrics of the table to Prometheus until Ctrl-C; with CAP_NET_ADMIN also of new flows.
 *
 *   node out/examples/exporter.js [port]
 */
import './support/end-of-pipe.js';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConntrackError, type EventStream, watchEvents } from 'conntrack';
import { registerMetrics } from 'conntrack/prometheus';
import { register } from 'prom-client';

const port = Number(process.argv[2] ?? 9465);

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
registerMetrics({ stream });

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
  process.once(signal, () => {
    server.close();
    void stream?.close();
  });
}

// An unread stream would fill its queue.
if (stream !== undefined) for await (const _events of stream.batches());
