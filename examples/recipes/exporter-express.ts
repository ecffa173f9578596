/**
 * Serves metrics of the table to Prometheus, with Express.
 *
 *   node exporter-express.ts [port]
 */
import '../support/end-of-pipe.js';
import type { AddressInfo } from 'node:net';
import { registerMetrics } from 'conntrack/prometheus';
import express from 'express';
import { register } from 'prom-client';

const [port = '9465', ...others] = process.argv.slice(2);

if (!/^\d+$/.test(port) || Number(port) > 65_535 || others.length > 0) {
  console.error('usage: exporter-express [port]');
  process.exit(2);
}

registerMetrics();

const app = express();
// Express 5 answers 500 when the promise rejects; Express 4 does not handle it.
app.get('/metrics', async (_request, response) => {
  response.set('Content-Type', register.contentType).send(await register.metrics());
});

// Without the address the server would answer other machines, too.
const server = app.listen(Number(port), '127.0.0.1', (error) => {
  if (error !== undefined) {
    // Such as a second exporter on the port.
    console.error(`${error.message}: name another port`);
    process.exit(1);
  }
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.close());
