/**
 * Serves metrics of the table to Prometheus, with Fastify.
 *
 *   node exporter-fastify.ts [port]
 */
import '../support/end-of-pipe.js';
import { registerMetrics } from 'conntrack/prometheus';
import fastify from 'fastify';
import { register } from 'prom-client';

const [port = '9465', ...others] = process.argv.slice(2);

if (!/^\d+$/.test(port) || Number(port) > 65_535 || others.length > 0) {
  console.error('usage: exporter-fastify [port]');
  process.exit(2);
}

registerMetrics();

const server = fastify();
server.get('/metrics', async (_request, reply) =>
  reply.type(register.contentType).send(await register.metrics()),
);

try {
  // Without the address the server would answer other machines, too.
  const address = await server.listen({ host: '127.0.0.1', port: Number(port) });
  console.log(`${address}/metrics`);
} catch (error) {
  // Such as a second exporter on the port.
  console.error(`${(error as Error).message}: name another port`);
  process.exit(1);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void server.close());
