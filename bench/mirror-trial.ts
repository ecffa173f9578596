/**
 * A process of its own for one trial: `mirror-trial.js NAME [COUNT] [FIRST]` prints its figures as
 * JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import {
  countEntries,
  deleteEntries,
  type FlowKey,
  mirrorTable,
  type TableMirror,
} from 'conntrack';
import { native } from './native.js';
import { streamVisit } from './trials/stream-visit.js';

export type MirrorFigures = Readonly<Record<string, number>>;

const [name = '', count = '0', first = '0'] = process.argv.slice(2);
const LOOKUPS = 200_000;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** The longest pause of the event loop in milliseconds, with the monitor's own, 1 ms. */
async function delayOf(work: () => Promise<unknown>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await setTimeout(100);
  delays.reset();
  await work();
  await setTimeout(5);
  delays.disable();
  return delays.max / 1e6;
}

/** Resident, without what can be collected. */
function residentBytes(): number {
  for (let round = 0; round < 4; round++) globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Reply tuples of flows in another order than theirs. */
function someKeys(mirror: TableMirror): FlowKey[] {
  const keys: FlowKey[] = [];
  for (const { protocol, reply } of mirror.entries()) {
    const { source, destination, sourcePort, destinationPort } = reply;
    keys.push({ protocol, source, destination, sourcePort, destinationPort });
    if (keys.length === LOOKUPS) break;
  }
  for (let index = keys.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [keys[index], keys[other]] = [keys[other] as FlowKey, keys[index] as FlowKey];
  }
  return keys;
}

function findAll(mirror: TableMirror, keys: readonly FlowKey[]): number {
  const start = performance.now();
  let found = 0;
  for (const key of keys) if (mirror.find(key) !== undefined) found++;
  if (found !== keys.length) throw new Error(`found ${found} of ${keys.length}`);
  return ((performance.now() - start) * 1e6) / keys.length;
}

async function open(): Promise<MirrorFigures> {
  const before = residentBytes();
  let mirror: TableMirror | undefined;
  const seconds = await timed(async () => {
    mirror = await mirrorTable();
  });
  if (mirror === undefined) throw new Error('no mirror');
  const bytesAFlow = (residentBytes() - before) / mirror.size;
  const keys = someKeys(mirror);
  findAll(mirror, keys);
  const findNanoseconds = findAll(mirror, keys);
  await mirror.close();
  return { seconds, bytesAFlow, findNanoseconds };
}

/** bench/native/populate.c gives each source address so many entries. */
const AN_ADDRESS = 60_000;

/** New flows at the full speed of ctnetlink, with a mirror of a table that is there; and their end. */
async function follow(): Promise<MirrorFigures> {
  const mirror = await mirrorTable();
  const before = mirror.size;
  const cpu = process.cpuUsage();
  let seconds = 0;
  let burstSeconds = 0;
  const delayMs = await delayOf(async () => {
    seconds = await timed(async () => {
      burstSeconds = await timed(() => once(spawn(native('populate'), [count, first]), 'exit'));
      await mirror.caughtUp();
    });
  });
  const { user, system } = process.cpuUsage(cpu);
  const missing = before + Number(count) - mirror.size;
  const addresses = Math.ceil(Number(count) / AN_ADDRESS);
  const firstAddress = Number(first) / AN_ADDRESS;
  await deleteEntries(
    Array.from({ length: addresses }, (_, index) => {
      const number = firstAddress + index;
      return { original: { source: `10.0.${number >> 8}.${number & 255}` } };
    }),
  );
  await mirror.caughtUp();
  const figures = {
    seconds,
    burstSeconds,
    delayMs,
    missing,
    left: mirror.size - before,
    resyncs: mirror.resyncs,
    cpuNanoseconds: ((user + system) * 1000) / Number(count),
  };
  await mirror.close();
  return figures;
}

const TRIALS: Readonly<Record<string, () => Promise<MirrorFigures>>> = {
  stream: async () => ({ seconds: await timed(streamVisit) }),
  open,
  delay: async () => {
    let mirror: TableMirror | undefined;
    const delayMs = await delayOf(async () => {
      mirror = await mirrorTable();
    });
    await mirror?.close();
    return { delayMs };
  },
  follow,
};

const trial = TRIALS[name];
if (trial === undefined) throw new Error(`no trial "${name}"`);
// Loads the addon, because what is measured begins with the request.
await countEntries();
console.log(JSON.stringify(await trial()));
