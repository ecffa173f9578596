/**
 * Finds the hosts behind NATed connections, from the addresses and ports in the log of the
 * server on the other side: one, or those of all lines of the input.
 *
 *   node out/examples/nat-lookup.js tcp <public address> <port> <server address> <port>
 *   node out/examples/nat-lookup.js < connections.txt
 */
import './support/end-of-pipe.js';
import { createInterface } from 'node:readline';
import { ConntrackError, type Entry, type FlowKey, getEntry, mirrorTable } from 'conntrack';

const USAGE = 'tcp|udp <public address> <port> <server address> <port>';

/** The server answers to the public address: that is the reply tuple. */
function replyOf(words: readonly string[]): FlowKey | undefined {
  const [protocol, address = '', port, server = '', serverPort] = words;
  if ((protocol !== 'tcp' && protocol !== 'udp') || words.length !== 5) return undefined;
  return {
    protocol,
    source: server,
    sourcePort: Number(serverPort),
    destination: address,
    destinationPort: Number(port),
  };
}

function hostOf({ original, status }: Entry): string {
  const { source, sourcePort } = original;
  return `${source} port ${sourcePort}${status.sourceNat ? '' : ' (no NAT)'}`;
}

const NONE = 'no such connection';

/** For one lookup, a request to the kernel is less work than a copy of the table. */
async function lookUpOne(words: readonly string[]): Promise<void> {
  const key = replyOf(words);
  if (key === undefined) {
    console.error(`usage: nat-lookup ${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const { protocol, ...reply } = key;
  const entry = await getEntry({ protocol, reply });
  console.log(entry === undefined ? NONE : hostOf(entry));
  if (entry === undefined) process.exitCode = 1;
}

/** For many, a mirror asks the kernel nothing. */
async function lookUpLines(): Promise<void> {
  await using mirror = await mirrorTable();
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      const key = replyOf(line.trim().split(/\s+/));
      if (key === undefined) throw new TypeError(`must be ${USAGE}`);
      let entry = mirror.find(key);
      if (entry === undefined) {
        // The event of a connection that has just begun may be on its way.
        await mirror.caughtUp();
        entry = mirror.find(key);
      }
      console.log(`${line} -> ${entry === undefined ? NONE : hostOf(entry)}`);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      console.error(`${line}: ${error.message}`);
      process.exitCode = 2;
    }
  }
}

try {
  const words = process.argv.slice(2);
  await (words.length === 0 ? lookUpLines() : lookUpOne(words));
} catch (error) {
  // A wrong argument throws a TypeError or RangeError that names the field.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof ConntrackError ? 1 : 2;
}
