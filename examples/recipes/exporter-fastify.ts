/**
 * Serves metrics of the table to Prometheus, with Fastify.
 *
 *   node exporter-fastify.ts [port]
 */
import '../support/end-of-pipe.js';
import { registerMetrics } from 'conntrack/prometheus';
import fastify from 'fastify';
import { register } from 'prom-client';

registerMetrics();

const server = fastify();
server.get('/metrics', async (_request, reply) =>
  reply.type(register.contentType).send(await register.metrics()),
);

// Without the address the server would answer other machines, too.
const address = await server.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 9465) });
console.log(`${address}/metrics`);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void server.close());
