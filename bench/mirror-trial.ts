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
  watchEvents,
} from 'conntrack';
import { native } from './native.js';
import { streamVisit } from './trials/stream-visit.js';

export type MirrorFigures = Readonly<Record<string, number>>;

const [name = '', count = '0', first = '0'] = process.argv.slice(2);
const LOOKUPS = 200_000;
const KEYS_AT_ONCE = 100;

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

/** Nanoseconds a lookup. Whoever looks a flow up has just made the key, so keys are made anew. */
function lookupTime(keys: readonly FlowKey[], find: (key: FlowKey) => unknown): number {
  let milliseconds = 0;
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE).map((key) => ({ ...key }));
    const start = performance.now();
    for (const key of some) if (find(key) === undefined) throw new Error('not found');
    milliseconds += performance.now() - start;
  }
  return (milliseconds * 1e6) / keys.length;
}

const textOf = ({ protocol, source, sourcePort, destination, destinationPort }: FlowKey) =>
  `${protocol} ${source}:${sourcePort ?? ''} ${destination}:${destinationPort ?? ''}`;

async function open(): Promise<MirrorFigures> {
  const before = residentBytes();
  let mirror: TableMirror | undefined;
  const seconds = await timed(async () => {
    mirror = await mirrorTable();
  });
  if (mirror === undefined) throw new Error('no mirror');
  const bytesAFlow = (residentBytes() - before) / mirror.size;
  const keys = someKeys(mirror);
  const own = mirror;
  const find = (key: FlowKey) => own.find(key);
  lookupTime(keys, find);
  const findNanoseconds = lookupTime(keys, find);
  // A program without a mirror keeps a Map of texts. The same keys.
  const map = new Map<string, number>();
  for (const { protocol, reply } of mirror) {
    const { source, destination, sourcePort, destinationPort } = reply;
    map.set(textOf({ protocol, source, destination, sourcePort, destinationPort }), map.size);
  }
  lookupTime(keys, (key) => map.get(textOf(key)));
  const mapNanoseconds = lookupTime(keys, (key) => map.get(textOf(key)));
  await mirror.close();
  return { seconds, bytesAFlow, findNanoseconds, mapNanoseconds };
}

/** bench/native/populate.c gives each source address so many entries. */
const AN_ADDRESS = 60_000;

async function deleteBurst(): Promise<void> {
  const addresses = Math.ceil(Number(count) / AN_ADDRESS);
  const firstAddress = Number(first) / AN_ADDRESS;
  await deleteEntries(
    Array.from({ length: addresses }, (_, index) => {
      const number = firstAddress + index;
      return { original: { source: `10.0.${number >> 8}.${number & 255}` } };
    }),
  );
}

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
  await deleteBurst();
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

/** The same burst, read by a loop that keeps nothing: what the machine itself does to the loop. */
async function events(): Promise<MirrorFigures> {
  const stream = watchEvents();
  let seen = 0;
  const reading = (async () => {
    for await (const batch of stream.batches()) seen += batch.length;
  })();
  const delayMs = await delayOf(async () => {
    await once(spawn(native('populate'), [count, first]), 'exit');
    await stream.caughtUp();
  });
  const missing = Number(count) - seen;
  await stream.close();
  await reading;
  await deleteBurst();
  return { delayMs, missing };
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
  events,
};

const trial = TRIALS[name];
if (trial === undefined) throw new Error(`no trial "${name}"`);
// Loads the addon, because what is measured begins with the request.
await countEntries();
console.log(JSON.stringify(await trial()));
