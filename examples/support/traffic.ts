/**
 * Opens TCP and UDP connections over the loopback device, and keeps them open.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv6 } from 'node:net';

type Close = () => void;

/** Resolves when every request has its answer. */
export async function openConnections(addresses: readonly string[]): Promise<Close> {
  const closers = await Promise.all(
    addresses.flatMap((address) => [openTcp(address), openUdp(address)]),
  );
  return () => {
    for (const close of closers) close();
  };
}

async function openTcp(address: string): Promise<Close> {
  const server = createServer((connection) => {
    connection.once('data', () => connection.write('x'.repeat(4096)));
  });
  server.listen(443, address);
  await once(server, 'listening');
  const client = connect(443, address);
  client.write('hello');
  await once(client, 'data');
  return () => {
    client.destroy();
    server.close();
  };
}

async function openUdp(address: string): Promise<Close> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const server = createSocket(type);
  server.on('message', (_, { port }) => {
    server.send('x'.repeat(512), port, address);
  });
  server.bind(53, address);
  await once(server, 'listening');
  const client = createSocket(type);
  client.send('hello', 53, address);
  await once(client, 'message');
  return () => {
    client.close();
    server.close();
  };
}
