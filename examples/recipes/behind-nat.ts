/**
 * Finds the hosts that had a public address and port at a time, behind NAT: in the table, and in a
 * database of the flow log. Without a time those that have it now.
 *
 *   node behind-nat.ts <public address> <port> [<time> [<database>]]
 *   node behind-nat.ts 203.0.113.1 61000 2026-11-27T08:30:00Z flows.db
 */
import '../support/end-of-pipe.js';
import { listEntries, type Tuple } from 'conntrack';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

const [address = '', port = '', time, path] = process.argv.slice(2);
const at = time === undefined ? Date.now() : Date.parse(time);
if (address === '' || port === '' || Number.isNaN(at)) {
  console.error(
    'usage: behind-nat <public address> <port> [<time, as 2026-11-27T08:30:00Z> [<database>]]',
  );
  process.exit(2);
}

/** The clock of whoever reports is not that of this machine. */
const TOLERANCE_MS = 60_000;

interface Flow {
  readonly protocol: string;
  readonly original: Tuple;
  readonly reply: Tuple;
  /** Absent where the kernel had no timestamps. */
  readonly start?: Date | undefined;
  readonly end?: Date | undefined;
}

function print({ protocol, original, start, end }: Flow): void {
  const { source, sourcePort, destination, destinationPort } = original;
  const period = `${start?.toISOString() ?? 'unknown'} - ${end?.toISOString() ?? 'open'}`;
  console.log(protocol, source, sourcePort, '->', destination, destinationPort, period);
}

/** The answers of others go to the public address: that is the destination of the reply tuple. */
const reply = { destination: address, destinationPort: Number(port) };
const began = ({ start }: Flow) => start === undefined || start.getTime() <= at + TOLERANCE_MS;

for (const entry of await listEntries({ reply })) {
  const { protocol, original, startTime: start } = entry;
  const flow: Flow = { protocol, original, reply: entry.reply, start };
  if (began(flow)) print(flow);
}

if (path !== undefined) {
  await using database = await openFlowDatabase({ path, readOnly: true });
  const seen = new Set<string>();
  // `since` leaves out the flows that ended before; a later one may have begun before.
  for (const part of database.flows({
    address,
    port: reply.destinationPort,
    since: at - TOLERANCE_MS,
  })) {
    const { destination, destinationPort } = part.reply;
    if (destination !== address || destinationPort !== reply.destinationPort) continue;
    if (part.outcome === 'open' || seen.has(part.flow) || !began(part)) continue;
    seen.add(part.flow);
    print(part);
  }
}
