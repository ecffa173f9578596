/**
 * A process of its own that sends requests of every kind about the entries of
 * bench/native/entry_request.h, and reads small tables: `request-trial.js WORK` prints what it
 * measured as JSON. What is measured is warm: it has run before in the same process.
 */
import { access } from 'node:fs/promises';
import { Conntrack, countEntries, type Entry, type EntryFilter, type EntrySpec } from 'conntrack';
import { native } from './native.js';
import { run } from './programs.js';

/** Microseconds for each: in all, and of the main thread. */
type Times = Record<string, { each: number; mainThread: number }>;

const FLOWS = 16_000;
/** The first ones warm up; the last one counts. */
const ROUNDS = Number(process.argv[3]);
const ONE_BY_ONE = 3000;

const spec = (number: number): EntrySpec => ({
  protocol: number % 4 === 3 ? 'udp' : 'tcp',
  original: {
    source: `10.0.${Math.floor(number / 60_000) >> 8}.${Math.floor(number / 60_000) & 255}`,
    destination: '93.184.216.34',
    sourcePort: 1024 + (number % 60_000),
    destinationPort: 443,
  },
  timeout: 86_400,
  status: ['seenReply', 'assured'],
  mark: number % 7,
});
const keyOf = ({ protocol, original }: EntrySpec) => ({ protocol, original }) as EntrySpec;

const conntrack = await Conntrack.open();
const times: Times = {};

async function measure(name: string, count: number, work: () => Promise<unknown>): Promise<void> {
  const active = performance.eventLoopUtilization();
  const start = performance.now();
  await work();
  const milliseconds = performance.now() - start;
  const { active: busy } = performance.eventLoopUtilization(active);
  times[name] = { each: (milliseconds * 1000) / count, mainThread: (busy * 1000) / count };
}

async function oneByOne(call: (number: number) => Promise<unknown>): Promise<void> {
  for (let number = 0; number < ONE_BY_ONE; number++) await call(number);
}

async function requests(): Promise<void> {
  const specs = Array.from({ length: FLOWS }, (_, number) => spec(number));
  const keys = specs.map(keyOf);
  const key = (number: number) => keys[number] as EntrySpec;
  const change = { mark: 9 };
  const createAll = async () => conntrack.createEntries(specs);
  const create = () => Promise.all(specs.map((one) => conntrack.createEntry(one)));
  const get = () => Promise.all(keys.map((one) => conntrack.getEntry(one)));
  const getAll = async () => (await conntrack.getEntries(keys)) as Entry[];
  const update = () => Promise.all(keys.map((one) => conntrack.updateEntry(one, change)));
  const remove = (entries: Entry[]) =>
    Promise.all(entries.map((one) => conntrack.deleteEntry(one)));
  await measure('createEntries', FLOWS, createAll);
  // V8 has compiled what runs then.
  for (let round = 0; round < 4; round++) {
    await conntrack.flushEntries();
    await create();
    await get();
    await update();
    await remove(await getAll());
    await createAll();
  }
  await conntrack.flushEntries();
  await measure('createEntriesWarm', FLOWS, createAll);
  await conntrack.flushEntries();
  await measure('create', FLOWS, create);
  await measure('get', FLOWS, get);
  await measure('getEntries', FLOWS, getAll);
  const entries = await getAll();
  await measure('update', FLOWS, update);
  await measure('getOne', ONE_BY_ONE, () => oneByOne((number) => conntrack.getEntry(key(number))));
  await measure('access', ONE_BY_ONE, () => oneByOne(() => access('/')));
  await measure('countOne', ONE_BY_ONE, () => oneByOne(() => conntrack.countEntries()));
  await measure('countOfModule', ONE_BY_ONE, () => oneByOne(() => countEntries()));
  await measure('pressure', 1000, async () => {
    for (let round = 0; round < 1000; round++) await conntrack.readPressure();
  });
  await measure('delete', FLOWS, () => remove(entries));
  if ((await conntrack.countEntries()) !== 0) throw new Error('entries are left');
}

/** Tables of the sizes that most hosts have; of each the floor, a list and a stream by turns. */
async function smallTables(): Promise<void> {
  let filled = 0;
  for (const entries of [1000, 10_000, 100_000]) {
    const args = [String(entries - filled), String(filled)];
    run({ command: native('populate'), args, measures: false });
    filled = entries;
    const list = async () => {
      for (const entry of await conntrack.listEntries()) look(entry);
    };
    const stream = async () => {
      for await (const batch of conntrack.streamEntries().batches()) batch.forEach(look);
    };
    const samples: Record<string, number[]> = { floor: [], list: [], stream: [] };
    for (let round = 0; round < ROUNDS * (entries > 10_000 ? 3 : 10); round++) {
      const { measured } = run({ command: native('receive_floor'), args: [], measures: true });
      samples.floor?.push((measured.seconds ?? Number.NaN) * 1e6);
      for (const [name, work] of Object.entries({ list, stream })) {
        const start = performance.now();
        await work();
        samples[name]?.push((performance.now() - start) * 1000);
      }
    }
    for (const [name, all] of Object.entries(samples)) {
      times[`${name} ${entries}`] = { each: median(all), mainThread: 0 };
    }
  }
}

/** 10,000 filters of an address and a port over 100,000 entries. */
async function manyFilters(): Promise<void> {
  run({ command: native('populate'), args: ['100000', '0'], measures: false });
  const filters = Array.from({ length: 10_000 }, (_, index): EntryFilter => {
    const { source, sourcePort } = spec(10 * index + (index % 2)).original;
    return index % 2 === 0
      ? { address: source, port: sourcePort }
      : { reply: { destination: source, destinationPort: sourcePort } };
  });
  const stream = async () => {
    for await (const batch of conntrack.streamEntries().batches()) batch.forEach(look);
  };
  for (const round of ['warm-up', '']) {
    await measure(`stream of filters${round}`, 1, stream);
    await measure(`list by filters${round}`, 1, async () => conntrack.listEntries(filters));
  }
  await measure('delete by filters', 1, async () => {
    const { deleted } = await conntrack.deleteEntries(filters);
    if (deleted !== filters.length) throw new Error(`${deleted} of ${filters.length} deleted`);
  });
}

/** Sums what the trials read, so that no optimizer can leave the reading out. */
export let used = 0;
function look({ original, reply, tcp, counters }: Entry): void {
  used += original.source.charCodeAt(0) + reply.destination.charCodeAt(0);
  used += (tcp?.state.length ?? 0) + (counters?.original.bytes ?? 0);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

switch (process.argv[2]) {
  case 'requests':
    for (let round = 0; round < ROUNDS; round++) await requests();
    break;
  case 'tables':
    await smallTables();
    break;
  case 'filters':
    await manyFilters();
    break;
  default:
    throw new Error(`no work "${process.argv[2]}"`);
}
await conntrack.close();
console.log(JSON.stringify(times));
