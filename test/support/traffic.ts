/**
 * Traffic over the loopback device, so that the kernel makes the entries itself.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { built } from './built.js';

export interface Endpoint {
  address: string;
  port: number;
}

export interface Ends {
  client: Endpoint;
  /** Where the server listens. */
  server: Endpoint;
  /** Where the client thinks that it listens, when NAT stands between them. */
  to?: Endpoint;
}

/** One datagram to the server and its echo back. */
export async function exchangeUdp({ client, server, to = server }: Ends): Promise<void> {
  const type = client.address.includes(':') ? 'udp6' : 'udp4';
  const listening = createSocket(type);
  const sending = createSocket(type);
  try {
    listening.on('message', (data, { address, port }) => {
      listening.send(data, port, address);
    });
    listening.bind(server.port, server.address);
    await once(listening, 'listening');
    sending.bind(client.port, client.address);
    await once(sending, 'listening');
    sending.send('ping', to.port, to.address);
    await once(sending, 'message');
  } finally {
    listening.close();
    sending.close();
  }
}

/** A TCP connection over which something went both ways; it stays until closed. */
export async function openTcp({ client, server, to = server }: Ends): Promise<AsyncDisposable> {
  const listening = await listen(server, (socket) => socket.pipe(socket));
  const socket = await dial(client, to);
  socket.write('ping');
  await once(socket, 'data');
  return {
    async [Symbol.asyncDispose]() {
      await hangUp(socket);
      await stop(listening);
    },
  };
}

/** An FTP session with one passive data connection; both stay until closed. */
export async function openFtp({ client, server, to = server }: Ends): Promise<FtpSession> {
  const data = await listen({ ...server, port: 0 }, (socket) => socket.write('file'));
  const { port } = data.address() as Endpoint;
  const [high, low] = [port >> 8, port & 255];
  const control = await listen(server, (socket) => {
    socket.write('220 ready\r\n');
    socket.on('data', (command) => {
      socket.write(
        command.toString() === 'EPSV\r\n'
          ? `229 Entering Extended Passive Mode (|||${port}|)\r\n`
          : `227 Entering Passive Mode (${server.address.replaceAll('.', ',')},${high},${low})\r\n`,
      );
    });
  });

  const controlSocket = await dial(client, to);
  await once(controlSocket, 'data');
  controlSocket.write(client.address.includes(':') ? 'EPSV\r\n' : 'PASV\r\n');
  const [answer] = (await once(controlSocket, 'data')) as [Buffer];
  const dataSocket = await dial({ ...client, port: 0 }, { ...to, port });
  await once(dataSocket, 'data');
  const { localPort = 0 } = dataSocket;
  return {
    answer: answer.toString(),
    dataPorts: { client: localPort, server: port },
    async [Symbol.asyncDispose]() {
      await Promise.all([hangUp(dataSocket), hangUp(controlSocket)]);
      await Promise.all([stop(data), stop(control)]);
    },
  };
}

export interface FtpSession extends AsyncDisposable {
  /** What the client read as the server's answer to PASV or EPSV. */
  answer: string;
  dataPorts: { client: number; server: number };
}

/** An ICMP or ICMPv6 echo request, which the kernel answers. */
export function ping(source: string, destination: string, id: number): void {
  const ipv6 = source.includes(':');
  const message = Buffer.from([ipv6 ? 128 : 8, 0, 0, 0, id >> 8, id & 255, 0, 1]);
  // The kernel itself writes the checksum of ICMPv6.
  if (!ipv6) message.writeUInt16BE(internetChecksum(message), 2);
  sendPacket(ipv6 ? 58 : 1, source, destination, message);
}

/** Verification tags, as each end asks the other to use them. */
export const SCTP_TAGS = { client: 0x01020304, server: 0xa0b0c0d0 } as const;

/** The handshake of an SCTP association. Both ends are made up: no SCTP in the kernel is needed. */
export function openSctp(client: Endpoint, server: Endpoint): void {
  const tags = SCTP_TAGS;
  const init = (type: number, tag: number) => {
    const chunk = Buffer.alloc(20);
    chunk.writeUInt8(type, 0);
    chunk.writeUInt16BE(chunk.length, 2);
    chunk.writeUInt32BE(tag, 4);
    return chunk;
  };
  const cookie = (type: number) => Buffer.from([type, 0, 0, 4]);
  const send = (from: Endpoint, to: Endpoint, tag: number, chunk: Buffer) => {
    const header = Buffer.alloc(12);
    header.writeUInt16BE(from.port, 0);
    header.writeUInt16BE(to.port, 2);
    header.writeUInt32BE(tag, 4);
    sendPacket(132, from.address, to.address, Buffer.concat([header, chunk]));
  };
  send(client, server, 0, init(1, tags.client)); // INIT
  send(server, client, tags.client, init(2, tags.server)); // INIT ACK
  send(client, server, tags.server, cookie(10)); // COOKIE ECHO
  send(server, client, tags.client, cookie(11)); // COOKIE ACK
}

/** A UDP-Lite datagram to nobody. */
export function sendUdplite(from: Endpoint, to: Endpoint): void {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(from.port, 0);
  header.writeUInt16BE(to.port, 2);
  header.writeUInt16BE(header.length, 4);
  header.writeUInt16BE(1, 6); // tracked only with a checksum, right or wrong
  sendPacket(136, from.address, to.address, header);
}

/** One IP packet of any protocol. */
export function sendPacket(
  protocol: number,
  source: string,
  destination: string,
  payload: Uint8Array,
): void {
  const path = built('test/support/native/raw_packet.node');
  const addon = createRequire(import.meta.url)(path) as {
    sendPacket(...args: [number, string, string, Uint8Array]): number;
  };
  const errno = addon.sendPacket(protocol, source, destination, payload);
  if (errno !== 0) throw new Error(`packet to ${destination}: ${getSystemErrorName(-errno)}`);
}

function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

async function listen(at: Endpoint, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    onConnection(socket);
    // Who does not read does not see the end either.
    socket.resume();
  });
  server.listen(at.port, at.address);
  await once(server, 'listening');
  return server;
}

async function dial(from: Endpoint, to: Endpoint): Promise<Socket> {
  const socket = connect({
    host: to.address,
    port: to.port,
    localAddress: from.address,
    localPort: from.port,
  });
  await once(socket, 'connect');
  return socket;
}

async function hangUp(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.end();
  socket.resume();
  await closed;
}

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}
