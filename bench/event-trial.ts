/**
 * One burst of new entries in a network namespace of its own, and what a listener
 * made of it: `event-trial.js KEY COUNT` prints that as JSON.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { listeners } from './event-listeners.js';
import { native } from './native.js';

const QUIET_MS = 300;

const [key = '', count = ''] = process.argv.slice(2);
const listener = listeners.find((candidate) => candidate.key === key);
if (listener === undefined) throw new Error(`no listener "${key}"`);
console.log(JSON.stringify(listener.counts ? await ownCount() : await countLines()));

/** A listener that says "ready", and what it saw when its stdin ends. */
async function ownCount() {
  const child = start('pipe');
  if (child.stdout === null) throw new Error('no stdout');
  const lines: AsyncIterator<string, undefined> = createInterface(child.stdout)[
    Symbol.asyncIterator
  ]();
  await lines.next();
  const cpuNanoseconds = await burst(child);
  child.stdin?.end();
  const { value } = await lines.next();
  return { cpuNanoseconds, ...(JSON.parse(value ?? '') as object) };
}

/** A listener that prints a line an event. */
async function countLines() {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-bench-'));
  try {
    const output = createWriteStream(join(folder, 'events'));
    await once(output, 'open');
    const child = start(output);
    while (!somebodyListens()) await setTimeout(5);
    const cpuNanoseconds = await burst(child);
    child.kill();
    await once(child, 'exit');
    const events = readFileSync(join(folder, 'events')).reduce(
      (lines, byte) => lines + Number(byte === 10),
      0,
    );
    return { cpuNanoseconds, events };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function start(stdout: 'pipe' | ReturnType<typeof createWriteStream>): ChildProcess {
  return spawn(listener?.command ?? '', listener?.args ?? [], {
    stdio: ['pipe', stdout, 'ignore'],
  });
}

/** The CPU time of all threads of the listener from the first event until it has nothing to do. */
async function burst(child: ChildProcess): Promise<number> {
  const before = cpuTime(child);
  const populate = native('populate');
  const [status] = (await once(spawn(populate, [count], { stdio: 'ignore' }), 'exit')) as [number];
  if (status !== 0) throw new Error(`populate ended with ${status}`);
  let last = Number.NaN;
  let now = cpuTime(child);
  while (now - last > QUIET_MS * 1e3 || Number.isNaN(last)) {
    last = now;
    await setTimeout(QUIET_MS);
    now = cpuTime(child);
  }
  return now - before;
}

/** In nanoseconds (proc(5), schedstat). */
function cpuTime({ pid }: ChildProcess): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce(
    (sum, task) => sum + Number.parseInt(readFileSync(`${tasks}/${task}/schedstat`, 'utf8'), 10),
    0,
  );
}

/** Whether somebody in this network namespace listens to netfilter events. */
function somebodyListens(): boolean {
  const [, ...sockets] = readFileSync('/proc/net/netlink', 'utf8').trim().split('\n');
  return sockets.some((socket) => {
    const [, protocol, , groups] = socket.trim().split(/\s+/);
    return protocol === '12' && groups !== '00000000';
  });
}
