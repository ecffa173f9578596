/**
 * The agent of one host and its sink, for as long as traffic goes on, and at more and more flows a
 * second.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { becomeHub, Host } from './host.js';
import { Program, runTraffic } from './programs.js';
import { openSink, type Sink } from './sink.js';

const STEP_MS = 15_000;
const TICKS_PER_SECOND = 100;
/** Flows a second of the first step of a search, and how much more the next one has. */
const FIRST_RATE = 4000;
const GROWTH = 1.25;
/** An agent keeps up when it has lost no flow of a step, and written all in this time after it. */
const KEEPS_UP_MS = 2000;

/** Prints every 15 s what an agent and its server need beside real traffic. */
export async function measureSink(kind: string, minutes: number, round: number): Promise<void> {
  await becomeHub();
  const [host, other] = await Promise.all([Host.create(1), Host.create(2)]);
  await using sink = await openSink(kind);
  const agent = await Program.run(host, 'sink-agent', kind, sink.target);
  const traffic = await runTraffic(host, [other], round);
  console.log('time/s  flows/s  lost  agent CPU  MiB  server CPU  MiB  load');
  const began = performance.now();
  let before = await stateOf(agent, sink);
  while (performance.now() - began < minutes * 60_000) {
    await setTimeout(STEP_MS);
    const now = await stateOf(agent, sink);
    const seconds = (now.time - before.time) / 1000;
    const share = (of: 'agent' | 'server') =>
      `${((100 * (now[of].cpuSeconds - before[of].cpuSeconds)) / seconds).toFixed(0)} %`;
    console.log(
      [
        ((now.time - began) / 1000).toFixed(0).padStart(6),
        ((now.written - before.written) / seconds).toFixed(0).padStart(7),
        String(now.lost).padStart(4),
        share('agent').padStart(9),
        now.agent.mebibytes.toFixed(0).padStart(3),
        share('server').padStart(10),
        now.server.mebibytes.toFixed(0).padStart(3),
        (await readFile('/proc/loadavg', 'utf8')).split(' ', 1)[0],
      ].join('  '),
    );
    before = now;
  }
  await traffic.finish();
  const { written, lost, agent: need } = await stateOf(agent, sink);
  const each = ((1e6 * need.cpuSeconds) / written).toFixed(0);
  console.log(`${written} records, ${lost} lost, ${each} us of processor each`);
  await agent.end('SIGTERM');
  const size = `${((await sink.size()) / 2 ** 20).toFixed(0)} MiB`;
  console.log(sink.arrived === undefined ? size : `${sink.arrived} records have come, ${size}`);
  for (const one of [host, other]) one.close();
}

/** Prints how many flows a second an agent keeps up with. */
export async function findLimit(kind: string): Promise<void> {
  await becomeHub();
  const host = await Host.create(1);
  await using sink = await openSink(kind);
  const agent = await Program.run(host, 'sink-agent', kind, sink.target);
  console.log('flows/s  lost  agent CPU  behind by');
  // Once may be the disk.
  for (let rate = FIRST_RATE, failures = 0; failures < 2; rate *= GROWTH) {
    const before = await stateOf(agent, sink);
    const traffic = await Program.run(host, 'scripted-traffic', String(Math.round(rate)));
    const began = performance.now();
    await setTimeout(STEP_MS);
    const now = await stateOf(agent, sink);
    await traffic.finish();
    const ended = performance.now();
    const created = Number(traffic.line);
    const isDone = async () => {
      const { written, lost } = await stateOf(agent, sink);
      return written + lost - before.written - before.lost >= created;
    };
    while (!(await isDone())) await setTimeout(100);
    const behind = performance.now() - ended;
    const lost = (await stateOf(agent, sink)).lost - before.lost;
    failures = lost === 0 && behind < KEEPS_UP_MS ? 0 : failures + 1;
    const cpu = (100_000 * (now.agent.cpuSeconds - before.agent.cpuSeconds)) / (now.time - began);
    console.log(
      [
        ((1000 * created) / (ended - began)).toFixed(0).padStart(7),
        String(lost).padStart(4),
        `${cpu.toFixed(0)} %`.padStart(9),
        `${(behind / 1000).toFixed(1)} s`.padStart(9),
      ].join('  '),
    );
  }
  await agent.end('SIGTERM');
  host.close();
}

interface Need {
  readonly cpuSeconds: number;
  readonly mebibytes: number;
}

async function stateOf(agent: Program, { pid }: Sink) {
  const { written, lost } = writtenBy(agent);
  const nothing: Need = { cpuSeconds: 0, mebibytes: 0 };
  return {
    time: performance.now(),
    written,
    lost,
    agent: await needOf(agent.pid),
    server: pid === undefined ? nothing : await needOf(pid),
  };
}

function writtenBy({ line }: Program): { readonly written: number; readonly lost: number } {
  if (!line.startsWith('{')) return { written: 0, lost: 0 };
  return JSON.parse(line) as { readonly written: number; readonly lost: number };
}

/** Processor time and resident memory of a process. */
export async function needOf(pid: number): Promise<Need> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    mebibytes: kibibytes / 1024,
  };
}
