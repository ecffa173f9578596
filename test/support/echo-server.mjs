// echo-server.mjs ADDRESS PORT: sends back what it gets over TCP and UDP. Prints a line when it listens.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const [address, port] = process.argv.slice(2);
const tcp = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
const udp = createSocket('udp4');
udp.on('message', (data, from) => udp.send(data, from.port, from.address));
tcp.listen(Number(port), address);
udp.bind(Number(port), address);
await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
console.log('ready');
