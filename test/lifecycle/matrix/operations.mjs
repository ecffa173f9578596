// What takes time or keeps something of the system: each public function, and what streams, mirrors
// and handles have beside. test/lifecycle/matrix.test.ts compares the list with the package.
//
// A row has `begin(self, at)`, where `self` is the package or a handle, and may have:
//   prepare(self, at)    what must be there first; its result is `at.prepared`
//   signal               it takes `at.signal`
//   on                   'function' or 'method': it exists as that alone
//   stir(self, at)       makes what it waits for happen
//   keeps                it keeps the process alive: 'pending', while a read of it is, or 'open',
//                        until it is closed
//   isRead               it stays with a reader in the background
//   clone                what structuredClone makes of its result: see clones.mjs
//   reads                it is a stream of batches
//   endless              a stream without an end
//   fails                the codes with which it may fail beside those that an end brings
import { fileURLToPath } from 'node:url';

/** Own addresses for each case, from 20.0.0.0 on. */
const source = ({ number }, host = 1) =>
  `${20 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.${host}`;

const flow = (at, host = 1) => ({
  protocol: 'udp',
  original: {
    source: source(at, host),
    destination: '10.1.0.1',
    sourcePort: 1000,
    destinationPort: 53,
  },
});
const spec = (at, host) => ({ ...flow(at, host), timeout: 600 });
const specs = (at) => Array.from({ length: 40 }, (_, index) => spec(at, index + 1));
const own = (at) => ({ original: { source: `${source(at, 0)}/24` } });

const withFlow = (handle, at) => handle.createEntry(spec(at));
const withFlows = (handle, at) => handle.createEntries(specs(at));

const master = (at) => ({ ...flow(at).original, destinationPort: 21 });
const expected = (at) => ({
  protocol: 'tcp',
  tuple: {
    source: source(at),
    destination: '10.1.0.1',
    sourcePort: 0,
    destinationPort: 50_000,
  },
});
const expectation = (at) => ({ ...expected(at), master: master(at), timeout: 600, helper: 'ftp' });
const withMaster = (handle, at) =>
  handle.createEntry({ protocol: 'tcp', original: master(at), timeout: 600, helper: 'ftp' });
async function withExpectation(handle, at) {
  await withMaster(handle, at);
  await handle.createExpectation(expectation(at));
}

const policy = (at) => ({ name: `matrix-${at.number}`, family: 'ipv4', protocol: 'udp' });
const withPolicy = (handle, at) => handle.createTimeoutPolicy(policy(at));
const named = (at) => policy(at).name;

/** Two events at least. */
async function stir(handle, at) {
  await handle.createEntries([spec(at, 250), spec(at, 251)]);
  await handle.deleteEntries({ address: source(at, 250) });
}

/** A writable that needs a turn of the loop for each text. */
const slowWritable = async () => {
  const { Writable } = await import('node:stream');
  return new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, callback) => void setImmediate(callback),
  });
};

async function* lines(at) {
  for (const one of specs(at)) {
    yield `${JSON.stringify(one)}\n`;
    await new Promise(setImmediate);
  }
}

const labels = fileURLToPath(new URL('connlabel.conf', import.meta.url));
const here = { pid: process.pid };

/** A mirror of the few flows of the case. */
const openMirror = (self, at) => self.mirrorTable({ filter: own(at), indexes: ['address'] });
const ofMirror = {
  prepare: (handle, at) => openMirror(handle, at),
  on: 'method',
  keeps: 'open',
};

/** @type {Record<string, object>} */
export const OPERATIONS = {
  countEntries: { begin: (self) => self.countEntries() },
  countExpectations: { begin: (self) => self.countExpectations() },
  createEntries: { clone: 'remains', begin: (self, at) => self.createEntries(specs(at)) },
  createEntry: { clone: 'remains', begin: (self, at) => self.createEntry(spec(at)) },
  createExpectation: {
    clone: 'remains',
    prepare: withMaster,
    begin: (self, at) => self.createExpectation(expectation(at)),
  },
  createTimeoutPolicy: { begin: (self, at) => self.createTimeoutPolicy(policy(at)) },
  deleteEntries: {
    prepare: withFlows,
    begin: (self, at) => self.deleteEntries(own(at), { signal: at.signal }),
    signal: true,
  },
  'deleteEntries with entries': {
    clone: 'remains',
    prepare: withFlows,
    begin: (self, at) => self.deleteEntries(own(at), { signal: at.signal, entries: true }),
    signal: true,
  },
  'deleteEntries with dryRun': {
    begin: (self, { signal }) => self.deleteEntries({ protocol: 'udp' }, { signal, dryRun: true }),
    signal: true,
  },
  deleteEntry: { prepare: withFlow, begin: (self, at) => self.deleteEntry(flow(at)) },
  deleteExpectation: {
    prepare: withExpectation,
    begin: (self, at) => self.deleteExpectation(expected(at)),
  },
  deleteExpectations: {
    prepare: withExpectation,
    begin: (self, at) => self.deleteExpectations({ tuple: { source: source(at) } }),
  },
  deleteTimeoutPolicy: {
    prepare: withPolicy,
    begin: (self, at) => self.deleteTimeoutPolicy(named(at)),
  },
  diagnose: { begin: (self) => self.diagnose() },
  explainFilter: { begin: (self, at) => self.explainFilter(own(at)) },
  findOrigin: { begin: (self) => self.findOrigin(process.pid) },
  // The table has no entries of this family.
  flushEntries: { begin: (self) => self.flushEntries({ family: 'ipv6' }) },
  'flushEntries with entries': {
    begin: (self) => self.flushEntries({ family: 'ipv6', entries: true }),
  },
  flushExpectations: { begin: (self) => self.flushExpectations({ helper: 'sip' }) },
  getEntries: {
    clone: 'remains',
    prepare: withFlows,
    begin: (self, at) => self.getEntries(specs(at).map((_, index) => flow(at, index + 1))),
  },
  getEntry: { clone: 'remains', prepare: withFlow, begin: (self, at) => self.getEntry(flow(at)) },
  getExpectation: {
    clone: 'remains',
    prepare: withExpectation,
    begin: (self, at) => self.getExpectation(expected(at)),
  },
  getTimeoutPolicy: { prepare: withPolicy, begin: (self, at) => self.getTimeoutPolicy(named(at)) },
  listEntries: {
    clone: 'remains',
    begin: (self, { signal }) => self.listEntries({}, { signal }),
    signal: true,
  },
  'listEntries of those that are dying': {
    begin: (self, { signal }) => self.listEntries({}, { signal, table: 'dying' }),
    signal: true,
  },
  listExpectations: { clone: 'remains', begin: (self) => self.listExpectations() },
  listNamespaceIds: { begin: (self) => self.listNamespaceIds() },
  listTimeoutPolicies: { begin: (self) => self.listTimeoutPolicies() },
  mirrorTable: {
    clone: 'remains',
    begin: (self, { signal }) => self.mirrorTable({ signal }),
    signal: true,
    keeps: 'open',
  },
  readDefaultTimeouts: { begin: (self) => self.readDefaultTimeouts('udp') },
  readLabelNames: {
    clone: 'remains',
    begin: (self) => self.readLabelNames(labels),
    on: 'function',
  },
  readPressure: { begin: (self) => self.readPressure() },
  readSettings: { begin: (self) => self.readSettings() },
  readStats: { begin: (self) => self.readStats() },
  restoreEntries: {
    begin: (self, at) => self.restoreEntries(lines(at), { signal: at.signal }),
    signal: true,
  },
  streamDeletes: {
    prepare: withFlows,
    begin: (self, at) => self.streamDeletes(own(at), { signal: at.signal }),
    signal: true,
    reads: true,
  },
  streamEntries: {
    begin: (self, { signal }) => self.streamEntries({}, { signal }),
    signal: true,
    reads: true,
  },
  updateEntries: {
    begin: (self, { signal, number }) =>
      self.updateEntries({ protocol: 'udp' }, { mark: number }, { signal }),
    signal: true,
  },
  updateEntry: {
    clone: 'remains',
    prepare: withFlow,
    begin: (self, at) => self.updateEntry(flow(at), { mark: 1 }),
  },
  updateExpectation: {
    clone: 'remains',
    prepare: withExpectation,
    begin: (self, at) => self.updateExpectation(expected(at), { timeout: 300 }),
  },
  updateTimeoutPolicy: {
    prepare: withPolicy,
    begin: (self, at) => self.updateTimeoutPolicy(named(at), { unreplied: 5 }),
  },
  upsertEntry: {
    clone: 'remains',
    prepare: withFlow,
    begin: (self, at) => self.upsertEntry(spec(at)),
  },
  watchEvents: {
    begin: (self, { signal }) => self.watchEvents({ signal }),
    signal: true,
    reads: true,
    stir,
    keeps: 'pending',
    endless: true,
  },
  'watchEvents with reliableDestroy': {
    begin: (self, { signal }) =>
      self.watchEvents({ signal, events: ['destroy'], reliableDestroy: true }),
    signal: true,
    reads: true,
    stir,
    keeps: 'pending',
    endless: true,
  },
  recordFlows: {
    begin: (self, { signal }) => self.recordFlows({ signal, interval: '1s' }),
    on: 'function',
    signal: true,
    reads: true,
    stir,
    keeps: 'pending',
    endless: true,
  },
  writeFlows: {
    begin: (self, { signal }) => {
      const recorder = self.recordFlows({ signal });
      recorder.finish();
      return self.writeFlows(recorder, { write: async () => {} }, { signal });
    },
    on: 'function',
    signal: true,
  },
  watchPressure: {
    begin: (self, { signal }) => self.watchPressure({ signal, intervalMs: 1000 }),
    signal: true,
    reads: true,
    keeps: 'pending',
    endless: true,
  },
  writeDefaultTimeouts: {
    begin: (self) => self.writeDefaultTimeouts('udp', { unreplied: 30 }),
  },
  writeEntries: {
    prepare: slowWritable,
    begin: (self, { prepared, signal }) => self.writeEntries(prepared, {}, { signal }),
    signal: true,
  },
  writeSettings: { begin: (self) => self.writeSettings({ udpTimeout: 30 }) },

  'Conntrack.open': { clone: 'remains', begin: (self) => self.Conntrack.open(), on: 'function' },
  'Conntrack.open in another namespace': {
    clone: 'remains',
    begin: (self) => self.Conntrack.open({ netns: here }),
    on: 'function',
  },
  'Conntrack.close': {
    begin: (self) => {
      void self.listEntries().catch(() => undefined);
      return self.close();
    },
    on: 'method',
  },
  'EventStream.caughtUp': {
    prepare: (handle) => {
      const stream = handle.watchEvents();
      const iterator = stream.batches();
      void (async () => {
        while (!(await iterator.next()).done);
      })();
      return stream;
    },
    begin: (_, { prepared }) => prepared.caughtUp(),
    on: 'method',
    keeps: 'open',
    isRead: true,
  },
  'TableMirror.refresh': { ...ofMirror, begin: (_, { prepared }) => prepared.refresh() },
  'TableMirror.caughtUp': { ...ofMirror, begin: (_, { prepared }) => prepared.caughtUp() },
  'TableMirror.changes': {
    ...ofMirror,
    begin: (_, { prepared }) => prepared.changes(),
    reads: true,
    stir,
    endless: true,
  },
};

/** They answer from what they have, at once. */
export const AT_ONCE = [
  'entryKey',
  'formatEntry',
  'networkMatcher',
  'parseEntries',
  'registerMetrics',
  'EventStream.coverage',
  'parseFlowRecord',
  'FlowRecorder.counters',
  'FlowRecorder.finish',
  'FlowRecorder.openFlows',
  'EventStream.counters',
  'EventStream.receiveBufferBytes',
  'DeleteStream.counters',
  'DeleteStream.undelivered',
  'TableMirror.size',
  'TableMirror.synced',
  'TableMirror.resyncs',
  'TableMirror.outOfSyncFor',
  'TableMirror.staleFor',
  'TableMirror.find',
  'TableMirror.findAll',
  'TableMirror.entries',
  'TableMirror.countBy',
  'TableMirror.freshness',
];
