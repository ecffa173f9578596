// Which tests run under mutation.
import { readdirSync } from 'node:fs';

/** These look at documents, types or binaries, or start processes: they run no mutant of src/. */
const WITHOUT_MUTANTS = new Set([
  'alerts',
  'arrows',
  'check-binary',
  'cli-docs',
  'dashboard-page',
  'dashboard-readings',
  'dashboard-server',
  'docs',
  'flow-files-killed',
  'dashboard',
  'hover',
  'layout',
  'limits',
  'limits-page',
  'load-addon',
  'migration',
  'site',
  'soak',
  'supply-chain',
  'types',
]);

/**
 * These take seconds, or do not bear others in their process, and all tests run once to find out
 * which mutants they cover: they run for mutants of the folders that they are about.
 */
const SLOW = {
  'entry-properties': ['entry', 'record'],
  'expectation-filter': ['expectation'],
  'flow-exporter': ['flow-log'],
  'flow-files': ['flow-log'],
  'flow-recorder': ['flow-log'],
  follower: ['mirror'],
  'hostile-arguments': ['core', 'table'],
  'ip-address': ['core', 'record'],
  'known-flows': ['flow-log'],
  metrics: ['health', 'metrics', 'mirror'],
  mirror: ['mirror'],
  'mirror-index': ['mirror'],
  'parse-entries': ['core', 'entry', 'record'],
  properties: ['entry', 'mirror', 'record'],
  'write-flows': ['flow-log'],
};

/** Tests of the whole addon over a scripted kernel, for mutants of the folders that they are about. */
const OF_STACK = {
  'deleted-entries': ['entry', 'table'],
  dump: ['entry'],
  endings: ['entry', 'event', 'request'],
  entries: ['entry', 'record', 'table'],
  'event-namespaces': ['event', 'table'],
  events: ['event'],
  expectations: ['expectation', 'table'],
  failures: ['core', 'request', 'table'],
  'filter-probe': ['core'],
  lookups: ['entry', 'request'],
  mirror: ['mirror', 'table'],
  'pass-signal': ['entry', 'table'],
  'proc-files': ['health', 'table'],
  refusals: ['core', 'entry', 'request', 'table'],
  requests: ['entry', 'record', 'request', 'table'],
  stats: ['health', 'request', 'table'],
  strangers: ['core'],
  timeouts: ['timeout', 'table'],
  trace: ['core', 'entry', 'event', 'request'],
  transfer: ['entry'],
  'without-ports': ['entry', 'record'],
  writing: ['entry', 'record', 'request'],
};

/** The tests for mutants in `folders` of src/. */
export function testFiles(folders) {
  const isAbout = (about) => about.some((folder) => folders.includes(folder));
  const ofUnit = ['unit', 'mocked'].flatMap((project) =>
    readdirSync(`test/${project}`)
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => file.replace('.test.ts', ''))
      .filter((name) => !WITHOUT_MUTANTS.has(name) && isAbout(SLOW[name] ?? folders))
      .map((name) => `test/${project}/${name}.test.ts`),
  );
  const ofStack = Object.keys(OF_STACK).filter((name) => isAbout(OF_STACK[name]));
  return [...ofUnit, ...ofStack.map((name) => `test/stack/${name}.test.ts`)];
}
