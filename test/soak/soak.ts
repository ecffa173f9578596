/**
 * In its own network namespace: everything at once, with a rest every some seconds.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  countEntries,
  createEntries,
  listEntries,
  MIRROR_INDEXES,
  mirrorTable,
  writeSettings,
} from 'conntrack';
import { Aborting } from './activities/aborting.js';
import { Churn } from './activities/churn.js';
import { Expecting } from './activities/expecting.js';
import { Handles } from './activities/handles.js';
import { Health } from './activities/health.js';
import { Namespaces } from './activities/namespaces.js';
import { Reading } from './activities/reading.js';
import { Requests } from './activities/requests.js';
import { SINK, Traffic } from './activities/traffic.js';
import { Workers } from './activities/workers.js';
import { Arena } from './arena.js';
import { differenceOf } from './comparison.js';
import { eventually } from './eventually.js';
import { FlowLog } from './flow-log.js';
import { entriesInTable, Ledger } from './ledger.js';
import { Listener } from './listener.js';
import type { SoakOptions } from './options.js';
import { Place } from './place.js';
import { differenceOfStates, type ProcessState, processState } from './process-state.js';
import { writeReport } from './report.js';
import { Sampler } from './sampler.js';
import { Schedule } from './schedule.js';
import { Tallies } from './tallies.js';
import { judge, type Rest } from './verdict.js';

const options = JSON.parse(process.argv[2] ?? '') as SoakOptions;
const STABLE = { mark: 0x77, count: 1500 };
const FLOWS_OF_CHURN = 3000;
/** Between two rests. A run has ten or more. */
const ROUND = Math.min(20, options.seconds / 10);

const ledger = new Ledger();
const tallies = new Tallies();

await prepareNamespace();
await warmUp();
const before = processState();

/** Packets and bytes of the traffic whose DESTROY has come. */
const ended = { packets: 0, bytes: 0 };
const wide = new Listener('wide');
const listeners = [
  wide,
  new Listener('tiny', { receiveBufferBytes: 4096, queueBytes: 65_536, pause: 30 }),
  new Listener('late', { maxDelay: 250 }),
];
const accountant = new Listener('accountant', {
  events: ['destroy'],
  filter: { port: SINK },
  visit: (event) => {
    if (!('entry' in event)) return;
    ended.packets += event.entry.counters?.original.packets ?? 0;
    ended.bytes += event.entry.counters?.original.bytes ?? 0;
  },
});
const flowLog = new FlowLog({ interval: '1s', filter: { port: SINK } }, true);
const expectant = new Listener('expectant', { events: [], expectations: true });
const mirror = await mirrorTable({ indexes: MIRROR_INDEXES });
const overrun = await mirrorTable({ filter: { family: 'ipv6' }, receiveBufferBytes: 4096 });

const churn = new Churn(ledger, tallies, options.rate, FLOWS_OF_CHURN);
const traffic = await Traffic.open(ledger, tallies);
const expecting = new Expecting(ledger, tallies);
await fill();
const arena = options.hostile ? await Arena.open(tallies) : undefined;

const schedule = new Schedule(tallies, [
  churn,
  traffic,
  expecting,
  new Requests(ledger, tallies),
  new Reading(tallies, STABLE),
  new Health(tallies),
  new Aborting(tallies),
  new Handles(tallies),
  new Namespaces(tallies),
  new Workers(tallies),
  ...(arena?.activities ?? []),
]);
const sampler = new Sampler(() => {
  const { received, lost, foreign } = arena?.counters ?? { received: 0, lost: 0, foreign: 0 };
  const sum = (pick: (listener: Listener) => number) =>
    [...listeners, accountant, expectant].reduce((total, each) => total + pick(each), 0);
  return {
    events: received + sum(({ stream }) => stream.counters.received),
    lost: lost + sum((listener) => listener.lost),
    foreign: foreign + sum(({ stream }) => stream.counters.foreign),
    requests: tallies.requests,
    entries: entriesInTable(),
    mirrored: mirror.size,
    errors: { ...tallies.errors },
  };
});
const leaked: Buffer[] = [];
const leaking = setInterval(() => {
  if (options.leak > 0) leaked.push(Buffer.alloc(options.leak, 1));
}, 1000);

const rests: Rest[] = [];
while (sampler.second < options.seconds) {
  await schedule.run(Math.min(ROUND, Math.max(1, options.seconds - sampler.second)));
  rests.push(await rest());
  for (const problem of rests.at(-1)?.problems ?? []) console.error(problem);
}

clearInterval(leaking);
sampler.stop();
await arena?.[Symbol.asyncDispose]();
await Promise.all([mirror.close(), overrun.close()]);
await Promise.all([...listeners, accountant, expectant].map((listener) => listener.close()));
await flowLog.close();
await traffic[Symbol.asyncDispose]();
await churn[Symbol.asyncDispose]();
await eventually(() => differenceOfStates(before, processState()), 10_000);

const judgements = judge({ rests, tallies, before, after: processState() });
mkdirSync(options.out, { recursive: true });
const result = { options, judgements, tallies, ledger, rests, samples: sampler.samples };
writeFileSync(join(options.out, 'samples.json'), JSON.stringify(result));
writeReport(join(options.out, 'report.html'), result);
for (const { what, found, holds } of judgements) {
  console.log(`${holds ? 'yes' : 'NO '}  ${what}: ${found}`);
}
console.log(join(options.out, 'report.html'));
process.exitCode = judgements.every(({ holds }) => holds) ? 0 : 1;

async function prepareNamespace(): Promise<void> {
  const here = new Place();
  here.run('ip', 'link', 'set', 'lo', 'up');
  here.run(
    'nft',
    'table inet track { chain out { type filter hook output priority 0; ct state new; }; }',
  );
  await writeSettings({ events: 'on', accounting: true, udpTimeout: 600 });
}

/** Once of all that leaves something for good, such as the threads of a pool. */
async function warmUp(): Promise<void> {
  await listEntries();
  await countEntries();
  await new Workers(tallies).turn();
  await new Aborting(tallies).turn();
  await new Handles(tallies).turn();
  // The first stream of a process, here of a child, makes libuv open /dev/null.
  await new Namespaces(tallies).turn();
}

async function fill(): Promise<void> {
  const specs = Array.from({ length: STABLE.count }, (_, number) => ({
    protocol: 'udp' as const,
    original: {
      source:
        number % 2 === 0 ? `10.3.${number >> 8}.${number & 255}` : `fd08::${number.toString(16)}`,
      destination: number % 2 === 0 ? '192.0.2.3' : 'fd08::ffff',
      sourcePort: 1,
      destinationPort: 2,
    },
    timeout: 86_400,
    mark: STABLE.mark,
  }));
  await createEntries(specs);
  ledger.created += STABLE.count;
  await expecting.fill();
  await churn.fill();
}

/** Nothing changes the table: every sum is exact. */
async function rest(): Promise<Rest> {
  const problems = [
    await differenceOf(mirror),
    await differenceOf(overrun, { family: 'ipv6' }),
    churn.check(await listEntries()),
    await eventually(differenceOfEvents),
    await eventually(differenceOfTraffic),
    await eventually(problemOfFlowLog),
    // A slow loop has received what it has not delivered yet.
    ...(await Promise.all(
      [...listeners, accountant, expectant].map((listener) => eventually(() => listener.problem())),
    )),
    ...((await arena?.check()) ?? []),
  ].filter((problem) => problem !== undefined);
  const state = await settledState();
  const held = await collected();
  return {
    second: sampler.second,
    held,
    resident: process.memoryUsage.rss(),
    state,
    problems: problems.map((problem) => `${sampler.second.toFixed(0)} s: ${problem}`),
  };
}

async function differenceOfEvents(): Promise<string | undefined> {
  await Promise.all([...listeners, accountant, expectant].map(({ stream }) => stream.caughtUp()));
  for (const { name, accounted } of listeners) {
    if (accounted !== ledger.events) {
      return `${name}: ${accounted} events of ${ledger.events}, ${differenceOfKinds()}`;
    }
  }
  const { created, ended: over } = ledger.expectations;
  const { seen } = expectant;
  if (expectant.accounted !== created + over) return `expectations: ${JSON.stringify(seen)}`;
  return wide.lost > 0 ? undefined : differenceOfKinds();
}

function differenceOfKinds(): string | undefined {
  const told = ['new', 'update', 'destroy'].map((type) => wide.seen[type] ?? 0).join(' ');
  const done = [ledger.created, ledger.updated, ledger.ended].join(' ');
  return told === done ? undefined : `new, update and destroy: ${told}, not ${done}`;
}

/** Packets and bytes of flows that have ended, and of those that are left. */
async function differenceOfTraffic(): Promise<string | undefined> {
  const sums = { packets: 0, bytes: 0 };
  for (const { counters } of await listEntries({ port: SINK })) {
    sums.packets += counters?.original.packets ?? 0;
    sums.bytes += counters?.original.bytes ?? 0;
  }
  await accountant.stream.caughtUp();
  if (accountant.lost > 0) return undefined;
  const told = `${sums.packets + ended.packets} packets, ${sums.bytes + ended.bytes} bytes`;
  const sent = `${ledger.traffic.packets} packets, ${ledger.traffic.bytes} bytes`;
  return told === sent ? undefined : `traffic: counted ${told}, sent ${sent}`;
}

/** The records have what was sent, within a second; of flows that are over, the end. */
function problemOfFlowLog(): string | undefined {
  if (flowLog.problem !== undefined || flowLog.lost > 0) return flowLog.problem;
  const told = JSON.stringify(flowLog.sums);
  const sent = JSON.stringify(ledger.traffic);
  return told === sent ? undefined : `flow log: ${told}, sent ${sent}`;
}

/** What is closed behind its caller has a while to go. */
async function settledState(): Promise<ProcessState> {
  const [first] = rests;
  if (first === undefined) return calmState();
  let state = processState();
  await eventually(() => {
    state = processState();
    return differenceOfStates(first.state, state);
  }, 5000);
  return state;
}

/** The state that stays for two seconds: the first rest has none to compare with. */
async function calmState(): Promise<ProcessState> {
  let state = processState();
  for (let readings = 0; readings < 20; readings++) {
    await sleep(100);
    const now = processState();
    if (differenceOfStates(state, now) !== undefined) readings = 0;
    state = now;
  }
  return state;
}

/** Bytes that JavaScript holds: the finalizers of what is collected run in later turns. */
async function collected(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await sleep(10);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
