/**
 * New entries at an even rate, and the CPU time of those who listen: the C listener, a Node.js
 * process that only has a timer of that rate, and this package.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { native } from './native.js';

export interface TrickleOptions {
  /** Events a second. */
  rates: number[];
  seconds: number;
}

/** Microseconds of CPU an event. */
export interface Trickle {
  rate: number;
  listener: number;
  timer: number;
  watch: number;
  /** With `maxDelay: 50`; of 1,000 a second. */
  delayed?: number;
  /** From the kernel to the loop body, in milliseconds; absent before Linux 6.14. */
  latency?: Latency;
}

interface Latency {
  median?: number;
  p99?: number;
}

const WITH_DELAY = 1000;

export async function measureTrickles({ rates, seconds }: TrickleOptions): Promise<Trickle[]> {
  const all: Trickle[] = [];
  for (const rate of rates) {
    console.error(`${rate} events a second`);
    const of = (command: string, ...args: string[]) => cpuAnEvent(rate, seconds, command, args);
    const watch = trial('watch.js');
    all.push({
      rate,
      listener: await of(native('event_floor')),
      timer: await of(process.execPath, trial('timer.js'), String(1000 / rate)),
      watch: await of(process.execPath, watch),
      ...(rate === WITH_DELAY && { delayed: await of(process.execPath, watch, '0', '50') }),
      latency: await latencyAt(rate, seconds),
    });
  }
  return all;
}

async function cpuAnEvent(
  rate: number,
  seconds: number,
  command: string,
  args: readonly string[],
): Promise<number> {
  const count = Math.min(rate * seconds, 60_000);
  let used = 0;
  await beside(command, args, async (child) => {
    // A young process compiles and collects garbage, which would count as the price of events.
    await trickle(rate, count);
    const before = cpuTime(child);
    await trickle(rate, count);
    used = cpuTime(child) - before;
  });
  return used / count / 1000;
}

async function latencyAt(rate: number, seconds: number): Promise<Latency> {
  const stamps = '/proc/sys/net/netfilter/nf_conntrack_timestamp';
  const count = Math.min(rate * seconds, 10_000);
  writeFileSync(stamps, '1');
  try {
    const said = await beside(process.execPath, [trial('latency.js')], async () => {
      await trickle(rate, count);
    });
    return JSON.parse(said) as Latency;
  } finally {
    writeFileSync(stamps, '0');
  }
}

/** Creates so many entries, and waits until the listeners have read them. */
async function trickle(rate: number, count: number): Promise<void> {
  await once(spawn(native('trickle'), [String(rate), String(count)]), 'exit');
  await setTimeout(100);
  spawnSync('conntrack', ['-F']);
}

/** Works while the program listens. Returns what it says at its end. */
async function beside(
  command: string,
  args: readonly string[],
  work: (child: ChildProcess) => Promise<void>,
): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await setTimeout(200); // what is left of the start-up
  await work(child);
  child.stdin.end();
  return text(child.stdout);
}

/** In nanoseconds, of all threads (proc(5), schedstat). */
function cpuTime({ pid }: ChildProcess): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce(
    (sum, task) => sum + Number.parseInt(readFileSync(`${tasks}/${task}/schedstat`, 'utf8'), 10),
    0,
  );
}

function trial(name: string): string {
  return fileURLToPath(new URL(`trials/${name}`, import.meta.url));
}
