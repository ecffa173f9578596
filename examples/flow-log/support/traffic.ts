/**
 * Real traffic between hosts, until its input ends: TCP connections, datagrams with answers, and as
 * many datagrams without as it is asked for, each a flow of its own. Then the flows end, by turns
 * because their time is over and because this program deletes them.
 *
 *   node out/examples/flow-log/support/traffic.js flows-in-a-round own-address address...
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { flushEntries, streamEntries } from 'conntrack';

const TCP = 80;
const ECHO = 7;
const FIRST = 1024;
const TOGETHER = 32;
const TIME_OVER_MS = 1300;

const [flows = '0', address = '', ...others] = process.argv.slice(2);
/** With one other host: as fast as it goes. */
const isHasty = others.length === 1;

const server = createServer((connection) => {
  connection.on('error', () => undefined);
  connection.once('data', (request) => {
    connection.end(Buffer.alloc(64 * request.length));
  });
}).listen(TCP, address);
const echo = createSocket('udp4').bind(ECHO, address);
echo.on('message', (message, { port, address: from }) => {
  echo.send(message, port, from);
});
await Promise.all([once(server, 'listening'), once(echo, 'listening')]);
console.log('sending');

function send(socket: Socket, bytes: number, port: number, to: string): Promise<void> {
  return new Promise((resolve) => {
    // A flow whose packet is not sent is no flow.
    socket.send(Buffer.alloc(bytes), port, to, () => {
      resolve();
    });
  });
}

async function download(to: string, bytes: number): Promise<void> {
  const socket = connect({ port: TCP, host: to, localAddress: address });
  // The other host may begin later.
  socket.on('error', () => undefined);
  socket.write(Buffer.alloc(bytes));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}

async function ask(to: string, bytes: number): Promise<void> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  const answer = Promise.race([once(socket, 'message'), setTimeout(200)]);
  await send(socket, bytes, ECHO, to);
  await answer;
  socket.close();
}

/** Each to a port of its own, from a port of the round. */
async function scatter(count: number, round: number): Promise<void> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  for (let index = 0; index < count; index += TOGETHER) {
    const sent: Promise<void>[] = [];
    for (let flow = index; flow < Math.min(count, index + TOGETHER); flow++) {
      const to = others[flow % others.length] ?? address;
      for (let packet = 0; packet <= (flow + round) % 3; packet++) {
        sent.push(send(socket, 1 + (flow % 1000), FIRST + (flow % 60_000), to));
      }
    }
    await Promise.all(sent);
  }
  socket.close();
}

async function endFlows(round: number): Promise<void> {
  if (round % 2 === 0 || isHasty) {
    await flushEntries();
    return;
  }
  await setTimeout(TIME_OVER_MS);
  // A reading ends what it finds over.
  for await (const _ of streamEntries().batches());
}

let isEnding = false;
process.stdin.resume().once('end', () => {
  isEnding = true;
});
/** A method of its own: the compiler would take the variable for one that does not change. */
const goesOn = () => !isEnding;

for (let round = 0; goesOn(); round++) {
  await Promise.all([
    scatter(Number(flows), round),
    ...others.flatMap((to) => [download(to, 1 + (round % 500)), ask(to, 1 + (round % 1000))]),
  ]);
  await endFlows(round);
}
await setTimeout(TIME_OVER_MS);
await flushEntries();
process.exit();
