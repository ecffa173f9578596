// Calls every public function once, on the network namespace of its process, and prints which; under
// the seccomp filter that it is given. Plain Node.js: a filter is for a process of its own.
//
//   node every-function.mjs PACKAGE ADDON PROGRAM LABELS PID
//
// PROGRAM is a file with the filter's instructions, LABELS one with names of labels, and PID a
// process in another network namespace.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable, Writable } from 'node:stream';
import { getSystemErrorName } from 'node:util';

const [packageUrl, addon, program, labels, pid] = process.argv.slice(2);
const { confine } = createRequire(import.meta.url)(addon);
const errno = confine(readFileSync(program));
if (errno !== 0) throw new Error(`seccomp: ${getSystemErrorName(-errno)}`);

const api = await import(packageUrl);
const tuple = (port) => ({
  original: {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: port,
    destinationPort: 80,
  },
  protocol: 'udp',
});
const spec = (port) => ({ ...tuple(port), timeout: 600 });
const master = {
  protocol: 'tcp',
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 1024,
  destinationPort: 21,
};
const expected = {
  protocol: 'tcp',
  tuple: { source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 0, destinationPort: 50_000 },
  mask: {
    source: '255.255.255.255',
    destination: '255.255.255.255',
    sourcePort: 0,
    destinationPort: 65_535,
  },
};
const expectation = { ...expected, master, timeout: 300 };
const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });
const policy = { name: 'short', protocol: 'udp', family: 'ipv4', timeouts: { replied: 20 } };

const LINE =
  'udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 ' +
  'src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1';

/** Takes the first value of an iterable, and ends it. */
async function firstOf(iterable) {
  for await (const value of iterable) return value;
}

/** Each function, in an order in which each finds something to do. */
const CALLS = {
  createEntry: (on) => on.createEntry(spec(1)),
  createEntries: (on) => on.createEntries([2, 3, 4, 5].map(spec)),
  upsertEntry: (on) => on.upsertEntry(spec(6)),
  listEntries: (on) => on.listEntries({ protocol: 'udp' }),
  streamEntries: (on) => firstOf(on.streamEntries({ protocol: 'udp' })),
  getEntry: (on) => on.getEntry(tuple(1)),
  getEntries: (on) => on.getEntries([tuple(1), tuple(2)]),
  countEntries: (on) => on.countEntries(),
  explainFilter: (on) => on.explainFilter({ protocol: 'udp' }),
  updateEntry: (on) => on.updateEntry(tuple(1), { timeout: 500 }),
  updateEntries: (on) => on.updateEntries({ protocol: 'udp' }, { timeout: 400 }),
  writeEntries: (on) => on.writeEntries(sink(), { protocol: 'udp' }),
  restoreEntries: (on) => on.restoreEntries(Readable.from(['-A -p udp --garbage\n'])),
  watchEvents: async (on) => {
    const events = on.watchEvents();
    await on.createEntry(spec(7));
    await firstOf(events);
  },
  mirrorTable: async (on) => {
    const mirror = await on.mirrorTable();
    await mirror.close();
  },
  findOrigin: (on) => on.findOrigin(process.pid),
  listNamespaceIds: (on) => on.listNamespaceIds(),
  createExpectation: async (on) => {
    await on.createEntry({
      original: master,
      protocol: 'tcp',
      timeout: 600,
      tcp: { state: 'ESTABLISHED' },
      helper: 'ftp',
    });
    await on.createExpectation(expectation);
  },
  listExpectations: (on) => on.listExpectations(),
  countExpectations: (on) => on.countExpectations(),
  getExpectation: (on) => on.getExpectation(expected),
  updateExpectation: (on) => on.updateExpectation(expected, { timeout: 200 }),
  deleteExpectation: (on) => on.deleteExpectation(expected),
  deleteExpectations: (on) => on.deleteExpectations({ helper: 'ftp' }),
  flushExpectations: (on) => on.flushExpectations(),
  createTimeoutPolicy: (on) => on.createTimeoutPolicy(policy),
  listTimeoutPolicies: (on) => on.listTimeoutPolicies(),
  getTimeoutPolicy: (on) => on.getTimeoutPolicy('short'),
  updateTimeoutPolicy: (on) => on.updateTimeoutPolicy('short', { replied: 30 }),
  deleteTimeoutPolicy: (on) => on.deleteTimeoutPolicy('short'),
  readDefaultTimeouts: (on) => on.readDefaultTimeouts('udp'),
  writeDefaultTimeouts: (on) => on.writeDefaultTimeouts('udp', { replied: 120 }),
  readStats: (on) => on.readStats(),
  readSettings: (on) => on.readSettings(),
  readPressure: (on) => on.readPressure(),
  watchPressure: (on) => firstOf(on.watchPressure({ intervalMs: 10 })),
  diagnose: (on) => on.diagnose(),
  deleteEntry: (on) => on.deleteEntry(tuple(1)),
  deleteEntries: (on) => on.deleteEntries({ original: { sourcePort: 2 } }, { entries: true }),
  streamDeletes: (on) => firstOf(on.streamDeletes({ original: { sourcePort: 3 } })),
  flushEntries: (on) => on.flushEntries(),
  writeSettings: (on) => on.writeSettings({ accounting: true }),
};
/** What asks no kernel, and is no method. */
const ALONE = {
  entryKey: async () => api.entryKey(await api.createEntry(spec(10))),
  formatEntry: async () => api.formatEntry(await api.createEntry(spec(8))),
  networkMatcher: () => api.networkMatcher(['10.0.0.0/8'])('10.0.0.1'),
  parseEntries: () => api.parseEntries(LINE),
  readLabelNames: () => api.readLabelNames(labels),
};

/** What each call did: `ok`, or the code of its error. */
const results = {};
async function call(name, body) {
  try {
    await body();
    results[name] = 'ok';
  } catch (error) {
    if (error.code === undefined) throw error;
    results[name] = error.code;
  }
}

for (const [name, body] of Object.entries(CALLS)) await call(name, () => body(api));
for (const [name, body] of Object.entries(ALONE)) await call(name, body);
const handle = await api.Conntrack.open();
for (const [name, body] of Object.entries(CALLS))
  await call(`Conntrack.${name}`, () => body(handle));
await handle.close();
await call('another namespace', async () => {
  const other = await api.Conntrack.open({ netns: { pid: Number(pid) } });
  await other.listEntries();
  await other.readSettings();
  await other.close();
});
process.stdout.write(JSON.stringify(results));
