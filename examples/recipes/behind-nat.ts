/**
 * Finds the hosts that had a public address and port at a time, behind NAT: in the table, and in a
 * database of the flow log. Without a time those that have it now.
 *
 *   node behind-nat.ts <public address> <port> [<time> [<database>]]
 *   node behind-nat.ts 203.0.113.1 61000 2026-11-27T08:30:00Z flows.db
 */
import '../support/end-of-pipe.js';
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { entryKey, listEntries, type Tuple } from 'conntrack';
import type { FlowPart } from 'conntrack/flow-log';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

// A line instead of a stack: no permission, no such file.
process.once('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const USAGE =
  'usage: behind-nat <public address> <port> [<time, as 2026-11-27T08:30:00Z> [<database>]]';

function fail(problem: string): never {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

/** The clock of whoever reports is not that of this machine. */
const TOLERANCE_MS = 60_000;

const [text = '', port = '', time, path, ...others] = process.argv.slice(2);
// Of a server that listens to both families: IPv4.
const given = text.replace(/^::ffff:(?=[\d.]+$)/i, '');
const at = time === undefined ? Date.now() : Date.parse(time);
// A time without a zone is that of this machine, and not that of the report.
const hasZone = time === undefined || /T.*(Z|[+-]\d\d:?\d\d)$/i.test(time);
if (!isIPv4(given) && !isIPv6(given)) fail(`"${text}" is no address`);
if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) fail(`"${port}" is no port`);
if (!hasZone || Number.isNaN(at)) fail(`"${time}" is no time with a zone`);
if (others.length > 0) fail('there are too many arguments');

/** Of the flow log: it reads the table as often, and so finds the flows whose end it has missed. */
const INTERVAL_MS = 60_000;

interface Flow {
  readonly protocol: string;
  readonly original: Tuple;
  readonly reply: Tuple;
  /** Absent where the kernel had no timestamps. */
  readonly start?: Date | undefined;
}

let found = 0;

function print({ protocol, original, reply, start }: Flow, end: string, ended = at): void {
  const { source, sourcePort, destination, destinationPort } = original;
  const period = `${start?.toISOString() ?? 'unknown'} - ${end}`;
  const secondsLate = Math.trunc(((start?.getTime() ?? at) - at) / 1000);
  const secondsEarly = Math.trunc((at - ended) / 1000);
  const isTranslated = source !== reply.destination || sourcePort !== reply.destinationPort;
  const remarks = isTranslated ? [] : ['(not translated)'];
  if (secondsLate > 0) remarks.push(`(began ${secondsLate} s after that time)`);
  if (secondsEarly > 0) remarks.push(`(ended ${secondsEarly} s before that time)`);
  console.log(protocol, source, sourcePort, '->', destination, destinationPort, period, ...remarks);
  found++;
}

/** As the kernel writes it. */
const { address } = new SocketAddress({
  address: given,
  family: isIPv6(given) ? 'ipv6' : 'ipv4',
});
/** The answers of others go to the public address: that is the destination of the reply tuple. */
const reply = { destination: address, destinationPort: Number(port) };
const isWanted = ({ start, reply: { destination, destinationPort } }: Flow) =>
  destination === reply.destination &&
  destinationPort === reply.destinationPort &&
  (start === undefined || start.getTime() <= at + TOLERANCE_MS);

const inTable = new Set<string>();
for (const entry of await listEntries({ reply })) {
  const { protocol, original, startTime: start } = entry;
  const flow: Flow = { protocol, original, reply: entry.reply, start };
  inTable.add(`${entryKey(entry)} ${start?.getTime()}`);
  if (isWanted(flow)) print(flow, 'open');
}

if (path !== undefined) {
  const database = await openFlowDatabase({ path, readOnly: true });
  const gaps = database.notes().filter((note) => note.type === 'gap');
  /** Milliseconds: from then on the flow had gone for certain. */
  const goneBy = ({ outcome, doubts, to }: FlowPart): number => {
    if (outcome === 'open') return Number.POSITIVE_INFINITY;
    if (outcome !== 'unobserved') return to.getTime();
    if (!doubts?.includes('not-recorded')) return to.getTime() + INTERVAL_MS;
    // The next recorder has found it gone.
    return gaps.find((gap) => gap.to >= to)?.to.getTime() ?? Number.POSITIVE_INFINITY;
  };
  const seen = new Set<string>();
  // The last part of a flow comes first. One that was idle has its last record long before its end.
  for (const part of database.flows({ address, port: reply.destinationPort })) {
    if (seen.has(part.flow)) continue;
    seen.add(part.flow);
    if (!isWanted(part) || goneBy(part) < at - TOLERANCE_MS) continue;
    if (inTable.has(`${entryKey(part)} ${part.start?.getTime()}`)) continue;
    const { outcome, end, to } = part;
    if (outcome === 'open' || outcome === 'unobserved') {
      print(part, `unknown, last seen ${to.toISOString()}`);
    } else print(part, end?.toISOString() ?? `unknown, before ${to.toISOString()}`, to.getTime());
  }
  for (const { from, to } of gaps) {
    if (from.getTime() > at + TOLERANCE_MS || to.getTime() < at - TOLERANCE_MS) continue;
    const period = `from ${from.toISOString()} to ${to.toISOString()}`;
    console.error(`no recorder ran ${period}: flows of that time may be missing`);
  }
  const isOlder = database.flows({ until: at, limit: 1 }).next().done === true;
  if (isOlder && database.notes({ until: at }).length === 0)
    console.error(`${path} has no record of that time or before: flows may be missing`);
  // Of a recorder that runs it is older than the last reading.
  const { until } = (await database.history()) ?? {};
  if (until !== undefined && at - until.getTime() > 2 * INTERVAL_MS)
    console.error(
      `${path} is known to be complete until ${until.toISOString()}: later flows may be missing`,
    );
  await database.close();
}
if (found === 0) {
  process.exitCode = 1;
  if (path !== undefined) console.error(`no flow found in the table and in ${path}`);
  else if (time === undefined) console.error('no flow found in the table');
  else console.error('no flow found in the table, which has no past: name a database, too');
}
