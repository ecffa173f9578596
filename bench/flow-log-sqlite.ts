/**
 * Writes flows into a database of SQLite for some time and asks it, with the figures of
 * docs/flow-log-sqlite.md: flows a second, CPU time, how long a write holds up its thread, bytes on the
 * disk, memory, and the time of queries.
 *
 *   node out/bench/flow-log-sqlite.js FILE [flows] [flows a write] [flows a second]
 */
import { rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FlowPart } from 'conntrack/flow-log';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

const [path = 'flows.db', flows = '1000000', each = '1000', rate = 'Infinity'] =
  process.argv.slice(2);
const count = Number(flows);
const size = Number(each);

let seed = 1;
function below(limit: number): number {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return Math.floor((seed / 2147483648) * limit);
}

const began = Date.now();

/** Flows of 2,000 hosts to 25,000 others, each behind a NAT, one a millisecond. */
function flow(number: number): FlowPart {
  const source = `10.0.${below(8)}.${below(250)}`;
  const destination = `198.51.${below(100)}.${below(250)}`;
  const sourcePort = 1024 + below(60_000);
  const destinationPort = [443, 443, 443, 80, 53, 22][below(6)] ?? 443;
  const to = began + number;
  const traffic = {
    original: { packets: below(100), bytes: below(100_000) },
    reply: { packets: below(100), bytes: below(1_000_000) },
  };
  return {
    ...{ type: 'flow', flow: `AbCdEfGhIjKl-${number}`, part: 1, outcome: 'expired' },
    ...{ family: 'ipv4', protocol: 'tcp', protocolNumber: 6, zone: 0, id: below(2 ** 31) },
    original: { source, destination, sourcePort, destinationPort },
    reply: {
      ...{ source: destination, destination: '192.0.2.1' },
      ...{ sourcePort: destinationPort, destinationPort: sourcePort },
    },
    nat: { source: { address: '192.0.2.1', port: sourcePort } },
    ...{ replied: true, state: 'TIME_WAIT', estimated: false },
    ...{ start: new Date(to - 5000), end: new Date(to), durationMs: 5000 },
    ...{ from: new Date(to - 5000), to: new Date(to), traffic, total: traffic },
  };
}

const microseconds = ({ user, system }: NodeJS.CpuUsage) => user + system;

for (const ending of ['', '-wal', '-shm']) rmSync(path + ending, { force: true });
const database = await openFlowDatabase({ path });
const took: number[] = [];
let cpu = 0;
let seconds = 0;
const start = performance.now();
for (let first = 0; first < count; first += size) {
  const some = Array.from({ length: Math.min(size, count - first) }, (_, index) =>
    flow(first + index),
  );
  const usage = process.cpuUsage();
  const before = performance.now();
  await database.write(some);
  took.push(performance.now() - before);
  seconds += (performance.now() - before) / 1000;
  cpu += microseconds(process.cpuUsage(usage));
  const ahead = (1000 * (first + size)) / Number(rate) - (performance.now() - start);
  if (ahead > 0) await sleep(ahead);
  if (took.length % 500 === 0) {
    const { rss } = process.memoryUsage();
    console.log(`${first + size} flows, ${Math.round(rss / 2 ** 20)} MiB resident`);
  }
}
took.sort((one, other) => one - other);
const at = (part: number) => took[Math.floor(part * (took.length - 1))]?.toFixed(1);
console.log(
  `${Math.round(count / seconds)} flows/s while writing, ${(cpu / count).toFixed(1)} us CPU a flow`,
);
console.log(
  `a write of ${size}: median ${at(0.5)} ms, 99 of 100 within ${at(0.99)}, most ${at(1)}`,
);

function timed(name: string, query: () => unknown): void {
  const usage = process.cpuUsage();
  const before = performance.now();
  query();
  const ms = (performance.now() - before).toFixed(1);
  const used = (microseconds(process.cpuUsage(usage)) / 1000).toFixed(1);
  console.log(`${name}: ${ms} ms, ${used} ms CPU`);
}

const since = began + count - 300_000;
for (const round of ['first', 'again']) {
  timed(`${round}: topTalkers by source, five minutes`, () =>
    database.topTalkers({ by: 'source', since }),
  );
  timed(`${round}: topTalkers by source, all`, () => database.topTalkers({ by: 'source' }));
  timed(`${round}: topTalkers by pair, all`, () => database.topTalkers({ by: 'pair' }));
  timed(`${round}: totals`, () => database.totals());
  const address = '10.0.3.77';
  timed(`${round}: flows of an address, the last 100`, () => [
    ...database.flows({ address, limit: 100 }),
  ]);
  timed(`${round}: flows of an address, all`, () => [...database.flows({ address })].length);
  const nat = { address: '192.0.2.1', port: 5000, since };
  timed(`${round}: who had a port of the NAT, in five minutes`, () => [...database.flows(nat)]);
  timed(`${round}: flows of a port, all`, () => [...database.flows({ port: 5000 })]);
}
await database.close();
console.log(`${Math.round(statSync(path).size / count)} bytes a flow in the file`);
