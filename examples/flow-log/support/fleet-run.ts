/**
 * The fleet: what happens to it, and what is left in the end.
 */
import { setTimeout } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Comparison, compare, isExact, MARK, readRecords, type Sums } from './comparison.js';
import { becomeHub, Host, HUB } from './host.js';
import { LAST, Listener } from './listener.js';
import { NatsServer } from './nats-server.js';
import { type Program, runAgent, runTraffic } from './programs.js';
import { createStream } from './stream.js';
import { TopTalkers } from './talkers.js';

const PATIENCE_MS = 300_000;

/** A host with its programs. */
interface Member {
  readonly host: Host;
  readonly listener: Listener;
  readonly traffic: Program;
  agent: Program;
}

/**
 * Returns whether JetStream has exactly what the listeners saw. `flows`: of all hosts together, at
 * least; `round`: that a host begins at a time.
 */
export async function compareFleet(count: number, flows: number, round: number): Promise<boolean> {
  await becomeHub();
  await using server = await NatsServer.start(HUB);
  const connection = await connect({
    servers: server.address,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  await createStream(connection);
  const marked = new Set<string>();
  const talkers = await TopTalkers.start(connection, (host, { original }) => {
    if (original.destination === LAST) marked.add(host);
  });
  const members = await start(count, server.address, round);
  try {
    await happen(members, flows, server, talkers);
    await finish(members, marked);
    await until('the consumer has counted all', () => talkers.hasAll());
    console.log(`\nTop talkers of the last five minutes\n${talkers.table(5)}\n`);
    return await report(members, connection, talkers);
  } finally {
    for (const { host, listener } of members) {
      await listener.close();
      host.close();
    }
    await connection.close();
  }
}

async function start(count: number, server: string, round: number): Promise<Member[]> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const hosts = await Promise.all(numbers.map((number) => Host.create(number)));
  const listeners = await Promise.all(hosts.map((host) => Listener.start(host)));
  const agents = await Promise.all(hosts.map((host) => runAgent(host, server)));
  const traffics = await Promise.all(
    hosts.map((host) => {
      const others = hosts.filter((other) => other !== host);
      return runTraffic(host, others, round);
    }),
  );
  return hosts.map((host, index) => ({
    host,
    listener: listeners[index] as Listener,
    agent: agents[index] as Program,
    traffic: traffics[index] as Program,
  }));
}

/** The crashes, while traffic goes on. */
async function happen(
  members: readonly Member[],
  flows: number,
  server: NatsServer,
  talkers: TopTalkers,
): Promise<void> {
  const ended = () => members.reduce((sum, { listener }) => sum + listener.count, 0);
  const moreEnd = async (count: number) => {
    const goal = ended() + count;
    await until(`${count} more flows end`, () => ended() >= goal);
  };
  const moreArrive = async (count: number) => {
    const goal = talkers.counts.records + count;
    await until(`${count} more records arrive`, () => talkers.counts.records >= goal);
  };
  const part = Math.ceil(flows / 8);
  await moreArrive(part);
  tell('the server is killed');
  await server.kill();
  await moreEnd(part);
  await server.restart();
  tell('the server runs again');
  await moreArrive(part);
  const member = members.at(-1) as Member;
  tell(`the agent of ${member.host.name} is killed`);
  await member.agent.end('SIGKILL');
  const seen = member.listener.count;
  const missed = Math.ceil(part / members.length);
  await until('flows end there', () => member.listener.count >= seen + missed);
  member.agent = await runAgent(member.host, server.address);
  tell('the agent records again');
  await moreArrive(part);
  await until(`${flows} flows have ended`, () => ended() >= flows);
}

/** What has ended before the last flow of its host has reached JetStream before it. */
async function finish(members: readonly Member[], marked: Set<string>): Promise<void> {
  await Promise.all(members.map(({ traffic }) => traffic.finish()));
  await Promise.all(members.map(({ host }) => host.mark(MARK, LAST)));
  await until('the last flow of each host arrives', () =>
    members.every(({ host, listener }) => marked.has(host.name) && listener.hasEnded),
  );
  await Promise.all(members.map(({ agent }) => agent.end('SIGTERM')));
}

async function report(
  members: readonly Member[],
  connection: NatsConnection,
  talkers: TopTalkers,
): Promise<boolean> {
  const records = await readRecords(connection);
  let isAllExact = true;
  for (const { host, listener } of members) {
    const comparison = compare(await listener.flows(), records.get(host.name) ?? []);
    const isGood = isExact(comparison) && !listener.hasLost;
    isAllExact &&= isGood;
    console.log(`${host.name}: ${isGood ? 'exact' : 'NOT EXACT'}\n${rowsOf(comparison)}`);
  }
  const { records: counted, repeated } = talkers.counts;
  const parts = [...records.values()].flat().filter(({ type }) => type === 'flow').length;
  console.log(`the consumer counted ${counted} records of ${parts}, and dropped ${repeated}`);
  return isAllExact && counted === parts;
}

function rowsOf(comparison: Comparison): string {
  const { listener, stream, missing, unexplained, unknown, duplicates, lost } = comparison;
  const row = (name: string, { flows, packets, bytes }: Sums) =>
    `  ${name.padEnd(34)} ${flows} flows, ${packets} packets, ${bytes} bytes`;
  return [
    row('ended, as a listener saw', listener),
    row('in JetStream', stream),
    row('ended while no agent ran', missing),
    row('missing beside these', unexplained),
    `  twice: ${duplicates}, unknown: ${unknown}, lost events: ${lost}`,
  ].join('\n');
}

async function until(what: string, isIt: () => boolean | Promise<boolean>): Promise<void> {
  const last = performance.now() + PATIENCE_MS;
  while (!(await isIt())) {
    if (performance.now() > last) throw new Error(`waited in vain until ${what}`);
    await setTimeout(20);
  }
}

function tell(what: string): void {
  console.log(`${(performance.now() / 1000).toFixed(1).padStart(6)} s: ${what}`);
}
