// talking-client.mjs ADDRESS PORT [ADDRESS PORT]...: for each line of its input, a seed, it opens flows
// of TCP and UDP to these servers, closes or resets some of them, keeps others, and prints a line.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const servers = [];
for (let at = 2; at < process.argv.length; at += 2) {
  servers.push({ host: process.argv[at], port: Number(process.argv[at + 1]) });
}
const kept = [];

/** mulberry32 */
function randomFrom(seed) {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

async function talkTcp(server, below) {
  const socket = connect(server);
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  socket.write('ping');
  await once(socket, 'data');
  const what = below(3);
  if (what === 0) {
    socket.end();
    await once(socket, 'close');
  } else if (what === 1) {
    socket.resetAndDestroy();
    await once(socket, 'close');
  } else {
    kept.push(socket);
  }
}

async function talkUdp({ host, port }) {
  const socket = createSocket('udp4');
  socket.send('ping', port, host);
  // A datagram, or its flow, may be gone: nobody waits for longer.
  await Promise.race([once(socket, 'message'), new Promise((resolve) => setTimeout(resolve, 200))]);
  socket.close();
}

for await (const seed of createInterface({ input: process.stdin })) {
  const below = randomFrom(Number(seed));
  const work = Array.from({ length: 20 + below(60) }, () => {
    const server = servers[below(servers.length)];
    return below(2) === 0 ? talkTcp(server, below) : talkUdp(server);
  });
  await Promise.all(work);
  while (kept.length > 50) kept.shift()?.destroy();
  console.log('done');
}
