/** A call of every public function, and its result as a value that can be compared. */
import { constants } from 'node:os';
import { PassThrough } from 'node:stream';
import type * as conntrack from 'conntrack';
import { Conntrack, type ConntrackEvent, type EventStream, type TableMirror } from 'conntrack';
import { type Fault, multicast, overrun, type Rule } from '../../support/fault-kernel.js';
import { tcpKey } from '../flows.js';
import { nextValue } from '../outcome.js';
import { answers, created, ENTRIES, largeTable, removed } from './answers.js';
import { OWN_PORT_ID, resetFiles, settingText } from './files.js';

/** The functions of the module, or a handle. */
export type Api = Pick<Conntrack, Exclude<keyof Conntrack, 'close' | typeof Symbol.asyncDispose>>;

export interface Call {
  /** `function`, or `function, what is special`. */
  readonly name: string;
  readonly run: (api: Api) => Promise<unknown>;
  /** Other answers than usual. */
  readonly rules?: readonly Rule[];
  /** Whether another result than usual is right when this call has failed. */
  readonly mayGive?: (result: unknown, fault: Fault) => boolean;
  /** The changes in the error of a call that makes many, where its message counts them. */
  readonly counts?: true;
}

const key = tcpKey;
const whole = { ...tcpKey, id: 5 };
const spec = { ...tcpKey, timeout: 60 } as const;
const tuple = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 0,
  destinationPort: 50000,
};
const expectation = { protocol: 'tcp', tuple } as const;
const master = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 40000,
  destinationPort: 21,
};
const filter = { protocol: 'tcp', mark: 1 } as const;
const all = { protocol: 'tcp' } as const;
const timeouts = { established: 600 };
const policy = { name: 'web', family: 'ipv4', protocol: 'tcp', timeouts } as const;
/** More than one send takes, and more than one job. */
const MANY = 200;
const many = Array.from({ length: MANY }, () => spec);

const large = answers(largeTable(3000));
const FLOWS = 300;
const some = answers(largeTable(FLOWS));

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const NEW = 1;
const DESTROY = 3;
const [EVENTS, DROPPED] = [40, 5];

/** Sends events, some of which find no room, and reads until each is accounted for. */
async function account(stream: EventStream): Promise<unknown> {
  const events: ConntrackEvent[] = [];
  let counted = 0;
  const batches = stream.batches();
  const take = async () => {
    const value = await nextValue(batches.next());
    for (const event of value) counted += event.type === 'lost' ? event.count : 1;
    events.push(...value);
  };
  try {
    for (let index = 0; index < EVENTS; index++) {
      if (index === EVENTS / 2) {
        // What comes behind an overrun while the buffer is full is dropped, too.
        while (counted < index) await take();
        overrun(NEW, DROPPED);
        while (counted < index + DROPPED) await take();
      }
      multicast(NEW, created(index));
      multicast(DESTROY, removed(index));
    }
    while (counted < EVENTS + DROPPED) await take();
    const ids = events.flatMap((event) => ('entry' in event ? [event.entry.id] : []));
    const { delivered, lostInKernel, lostInQueue } = stream.counters;
    return { ids, delivered, lostInKernel, lostInQueue };
  } finally {
    await stream.close();
  }
}

async function useMirror(mirror: TableMirror): Promise<unknown> {
  try {
    multicast(NEW, created(70));
    multicast(DESTROY, removed(1));
    await mirror.caughtUp();
    const before = Array.from(mirror, ({ id }) => id).sort();
    await mirror.refresh();
    return { before, after: mirror.size, synced: mirror.synced };
  } finally {
    await mirror.close();
  }
}

const isAsRead = (result: unknown) => {
  const { after, synced } = result as { after: number; synced: boolean };
  return after === FLOWS && synced;
};

async function written(api: Api): Promise<string> {
  const output = new PassThrough();
  const text = collect(output as AsyncIterable<Buffer>);
  await api.writeEntries(output, all);
  output.end();
  return Buffer.concat(await text).toString();
}

async function* lines(): AsyncGenerator<string> {
  yield `${JSON.stringify(spec)}\n`;
}

const { ENOENT } = constants.errno;
/** A file that is not there is no error. */
const isAbsent = ({ call, errno }: Fault) => call === 'open' && errno === ENOENT;
/** Where /proc has no files the kernel has the load, and /proc where a sandbox forbids sockets. */
const hasAnotherSource = (fault: Fault) => isAbsent(fault) || fault.call === 'socket';
const hasLoad = (sample: unknown) => (sample as { entries: number }).entries === ENTRIES;

async function reliable(stream: EventStream): Promise<unknown> {
  for (let index = 0; index < EVENTS; index++) multicast(DESTROY, removed(index));
  const ids: number[] = [];
  let counted = 0;
  for await (const event of stream) {
    if ('entry' in event) ids.push(event.entry.id);
    counted += event.type === 'lost' ? event.count : 1;
    if (counted >= EVENTS) break;
  }
  const { delivered, lostInKernel, lostInQueue } = stream.counters;
  return { ids, delivered, lostInKernel, lostInQueue };
}

type Accounted = Pick<conntrack.EventCounters, 'delivered' | 'lostInKernel' | 'lostInQueue'>;

/** Each event was delivered or is counted as lost, where an event or its memory was missing. */
const accounts =
  (sent: number) =>
  (result: unknown, { call, errno }: Fault) => {
    const { delivered, lostInKernel, lostInQueue } = result as Accounted;
    const lost = lostInKernel + lostInQueue;
    // An overrun without drops is an event for which the kernel had no memory, and is none here.
    const told = call === 'recvmmsg' && errno === constants.errno.ENOBUFS ? 1 : 0;
    return delivered + lost === sent || delivered + lost === sent + told;
  };

function withoutTime({ time: _, monotonicSeconds: __, ...sample }: conntrack.PressureSample) {
  const { entries, maxEntries, buckets, utilization, level, dropped } = sample;
  return { entries, maxEntries, buckets, utilization, level, dropped: dropped?.total };
}

const CALLS: Readonly<Record<string, Omit<Call, 'name'>>> = {
  countEntries: { run: (api) => api.countEntries() },
  countExpectations: { run: (api) => api.countExpectations() },
  createEntries: { run: (api) => api.createEntries([spec]) },
  'createEntries, many': { run: (api) => api.createEntries(many) },
  createEntry: { run: (api) => api.createEntry(spec) },
  createExpectation: {
    run: (api) => api.createExpectation({ ...expectation, master, timeout: 60 }),
  },
  createTimeoutPolicy: { run: (api) => api.createTimeoutPolicy(policy) },
  deleteEntries: { run: (api) => api.deleteEntries(filter), counts: true },
  'deleteEntries, many': { run: (api) => api.deleteEntries(all), rules: some, counts: true },
  'deleteEntries, dry': { run: (api) => api.deleteEntries(filter, { dryRun: true }) },
  'deleteEntries, reported': {
    run: (api) => api.deleteEntries(filter, { entries: true }),
    counts: true,
  },
  deleteEntry: { run: (api) => api.deleteEntry(whole) },
  'deleteEntry, looked up': { run: (api) => api.deleteEntry(key) },
  deleteExpectation: { run: (api) => api.deleteExpectation({ ...expectation, id: 5 }) },
  deleteExpectations: { run: (api) => api.deleteExpectations({ helper: 'ftp' }), counts: true },
  'deleteExpectations, many': {
    run: (api) => api.deleteExpectations({ helper: 'ftp' }),
    rules: answers([], [5, 6, 7]),
    counts: true,
  },
  deleteTimeoutPolicy: { run: (api) => api.deleteTimeoutPolicy('web') },
  diagnose: {
    run: async (api) => (await api.diagnose()).map(({ code }) => code),
    // What a sandbox forbids, what needs a privilege, and a buffer that may not be large.
    mayGive: (result, { call, errno }) =>
      (call === 'socket' && (result as string[]).includes('ctnetlink-missing')) ||
      (['bind', 'setns'].includes(call) && (result as string[]).includes('privileges-missing')) ||
      (call === 'setsockopt' && (result as string[]).some((code) => /buffer/.test(code))) ||
      (call === 'open' && errno === ENOENT),
  },
  explainFilter: { run: async (api) => api.explainFilter(filter) },
  findOrigin: {
    run: (api) => api.findOrigin(OWN_PORT_ID),
    // The process has ended.
    mayGive: (result, fault) => isAbsent(fault) && result === undefined,
  },
  flushEntries: { run: (api) => api.flushEntries() },
  'flushEntries, of a family': { run: (api) => api.flushEntries({ family: 'ipv4' }) },
  'flushEntries, reported': {
    run: (api) => api.flushEntries({ entries: true }),
    counts: true,
  },
  flushExpectations: { run: (api) => api.flushExpectations() },
  'flushExpectations, of a helper': { run: (api) => api.flushExpectations({ helper: 'ftp' }) },
  getEntries: { run: (api) => api.getEntries([key, whole]) },
  getEntry: { run: (api) => api.getEntry(key) },
  'getEntry, zeroing': { run: (api) => api.getEntry(key, { zeroCounters: true }) },
  getExpectation: { run: (api) => api.getExpectation(expectation) },
  getTimeoutPolicy: { run: (api) => api.getTimeoutPolicy('web') },
  listEntries: { run: (api) => api.listEntries(filter) },
  'listEntries, dying': { run: (api) => api.listEntries({}, { table: 'dying' }) },
  'listEntries, many': {
    run: async (api) => (await api.listEntries()).map(({ id }) => id),
    rules: large,
  },
  listExpectations: { run: (api) => api.listExpectations() },
  listNamespaceIds: {
    run: async (api) => (await api.listNamespaceIds()).map(({ id }) => id),
    // A namespace that may not be opened is left out.
    mayGive: (result, { call }) => call === 'open' && Array.isArray(result) && result.length === 0,
  },
  listTimeoutPolicies: { run: (api) => api.listTimeoutPolicies() },
  mirrorTable: {
    run: async (api) => useMirror(await api.mirrorTable()),
    rules: some,
    // After a loss it reads the table again, which knows nothing of the events.
    mayGive: (result, { call }) => ['malloc', 'recvmmsg'].includes(call) && isAsRead(result),
  },
  readDefaultTimeouts: { run: (api) => api.readDefaultTimeouts('udp') },
  readPressure: {
    run: async (api) => withoutTime(await api.readPressure()),
    mayGive: (result, fault) => hasAnotherSource(fault) && hasLoad(result),
  },
  readSettings: { run: (api) => api.readSettings(), mayGive: (_, fault) => isAbsent(fault) },
  readStats: {
    run: (api) => api.readStats(),
    // Where a sandbox forbids sockets, /proc has the counters.
    mayGive: (result, { call }) =>
      call === 'socket' && (result as conntrack.TableStats).source === 'proc',
  },
  restoreEntries: { run: (api) => api.restoreEntries(lines()) },
  streamDeletes: { run: (api) => collect(api.streamDeletes(filter)) },
  streamEntries: { run: (api) => collect(api.streamEntries(filter)) },
  updateEntries: { run: (api) => api.updateEntries(filter, { mark: 2 }), counts: true },
  updateEntry: { run: (api) => api.updateEntry(key, { timeout: 60 }) },
  updateExpectation: { run: (api) => api.updateExpectation(expectation, { timeout: 300 }) },
  updateTimeoutPolicy: { run: (api) => api.updateTimeoutPolicy('web', timeouts) },
  upsertEntry: { run: (api) => api.upsertEntry(spec) },
  watchEvents: {
    run: (api) => account(api.watchEvents({ events: ['new'], queueBytes: 65_536 })),
    mayGive: accounts(EVENTS + DROPPED),
  },
  'watchEvents, filtered': {
    run: (api) => account(api.watchEvents({ events: ['new'], filter: all, maxDelay: 1 })),
    mayGive: accounts(EVENTS + DROPPED),
  },
  'watchEvents, reliable': {
    run: (api) => reliable(api.watchEvents({ events: ['destroy'], reliableDestroy: true })),
    mayGive: accounts(EVENTS),
  },
  watchPressure: {
    run: async (api) => {
      const samples = [];
      for await (const sample of api.watchPressure({ intervalMs: 10 })) {
        samples.push(withoutTime(sample));
        if (samples.length === 2) break;
      }
      return samples;
    },
    mayGive: (result, fault) => hasAnotherSource(fault) && (result as unknown[]).every(hasLoad),
  },
  writeDefaultTimeouts: { run: (api) => api.writeDefaultTimeouts('udp', { unreplied: 30 }) },
  writeEntries: { run: written },
  writeSettings: {
    run: async (api) => {
      resetFiles();
      const settings = await api.writeSettings({ maxEntries: 5001, accounting: false });
      return { settings, max: settingText('max'), accounting: settingText('acct') };
    },
    mayGive: (result, fault) => isAbsent(fault) && (result as { max: string }).max === '5001',
  },
};

export const calls: readonly Call[] = Object.entries(CALLS).map(([name, call]) => ({
  name,
  ...call,
}));

/** Opening is no method. */
export const opening: Call = {
  name: 'Conntrack.open',
  run: async () => {
    await using handle = await Conntrack.open({ netns: '/proc/self/ns/net' });
    return handle instanceof Conntrack;
  },
};
