/**
 * Finds the host behind a NATed connection, from the addresses and ports in the log of the
 * server on the other side.
 *
 *   node out/examples/nat-lookup.js tcp <public address> <port> <server address> <port>
 */
import './support/end-of-pipe.js';
import { ConntrackError, getEntry } from 'conntrack';

const [protocol, address, port, server, serverPort] = process.argv.slice(2);
if ((protocol !== 'tcp' && protocol !== 'udp') || serverPort === undefined) {
  console.error('usage: nat-lookup tcp|udp <public address> <port> <server address> <port>');
  process.exit(2);
}

try {
  // The server answers to the public address: that is the reply tuple.
  const entry = await getEntry({
    protocol,
    reply: {
      source: String(server),
      sourcePort: Number(serverPort),
      destination: String(address),
      destinationPort: Number(port),
    },
  });
  if (entry === undefined) {
    console.log('no such connection');
    process.exitCode = 1;
  } else {
    const { source, sourcePort } = entry.original;
    console.log(`${source} port ${sourcePort}${entry.status.sourceNat ? '' : ' (no NAT)'}`);
  }
} catch (error) {
  // A wrong argument throws a TypeError or RangeError that names the field.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof ConntrackError ? 1 : 2;
}
