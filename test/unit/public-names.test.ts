import * as conntrack from 'conntrack';
import { expect, it } from 'vitest';

// A name that comes or goes is a decision: it changes this list.
it('the package exports these values', () => {
  expect(Object.keys(conntrack).sort()).toEqual([
    'Conntrack',
    'ConntrackError',
    'DCCP_ROLES',
    'DCCP_STATES',
    'ENTRY_EVENTS',
    'ENTRY_FORMATS',
    'EXPECTATION_FLAGS',
    'MIRROR_INDEXES',
    'OTHER_PROTOCOL_NUMBERS',
    'PROTOCOL_NUMBERS',
    'SCTP_STATES',
    'SETTABLE_STATUS',
    'SETTINGS',
    'STATUS_FLAGS',
    'TCP_STATES',
    'TIMEOUT_STATES',
    'countEntries',
    'countExpectations',
    'createEntries',
    'createEntry',
    'createExpectation',
    'createTimeoutPolicy',
    'deleteEntries',
    'deleteEntry',
    'deleteExpectation',
    'deleteExpectations',
    'deleteTimeoutPolicy',
    'diagnose',
    'entryKey',
    'explainFilter',
    'findOrigin',
    'flushEntries',
    'flushExpectations',
    'formatEntry',
    'getEntries',
    'getEntry',
    'getExpectation',
    'getTimeoutPolicy',
    'listEntries',
    'listExpectations',
    'listNamespaceIds',
    'listTimeoutPolicies',
    'mirrorTable',
    'networkMatcher',
    'parseEntries',
    'readDefaultTimeouts',
    'readLabelNames',
    'readPressure',
    'readSettings',
    'readStats',
    'restoreEntries',
    'streamDeletes',
    'streamEntries',
    'updateEntries',
    'updateEntry',
    'updateExpectation',
    'updateTimeoutPolicy',
    'upsertEntry',
    'watchEvents',
    'watchPressure',
    'writeDefaultTimeouts',
    'writeEntries',
    'writeSettings',
  ]);
});

it('a handle has these methods', () => {
  expect(Reflect.ownKeys(conntrack.Conntrack.prototype)).toEqual([
    'constructor',
    'listEntries',
    'streamEntries',
    'getEntry',
    'getEntries',
    'createEntry',
    'createEntries',
    'upsertEntry',
    'updateEntry',
    'updateEntries',
    'deleteEntry',
    'deleteEntries',
    'streamDeletes',
    'flushEntries',
    'writeEntries',
    'restoreEntries',
    'countEntries',
    'listExpectations',
    'countExpectations',
    'getExpectation',
    'createExpectation',
    'updateExpectation',
    'deleteExpectation',
    'deleteExpectations',
    'flushExpectations',
    'explainFilter',
    'watchEvents',
    'mirrorTable',
    'findOrigin',
    'listNamespaceIds',
    'readStats',
    'readSettings',
    'writeSettings',
    'listTimeoutPolicies',
    'getTimeoutPolicy',
    'createTimeoutPolicy',
    'updateTimeoutPolicy',
    'deleteTimeoutPolicy',
    'readDefaultTimeouts',
    'writeDefaultTimeouts',
    'readPressure',
    'watchPressure',
    'diagnose',
    'close',
    Symbol.asyncDispose,
  ]);
  expect(Object.getOwnPropertyNames(conntrack.Conntrack)).toContain('open');
});

/** What asks no kernel. */
const OF_THE_MODULE_ALONE = [
  'entryKey',
  'formatEntry',
  'networkMatcher',
  'parseEntries',
  'readLabelNames',
];

it('every function of the module that asks the kernel is a method of the handle', () => {
  const functions = Object.entries(conntrack)
    .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
    .map(([name]) => name)
    .filter((name) => !OF_THE_MODULE_ALONE.includes(name));
  expect(Object.getOwnPropertyNames(conntrack.Conntrack.prototype)).toEqual(
    expect.arrayContaining(functions),
  );
});

it('a stream has these methods', () => {
  expect(Reflect.ownKeys(Object.getPrototypeOf(conntrack.streamEntries()) as object)).toEqual([
    'constructor',
    'batches',
    'close',
    Symbol.asyncIterator,
    Symbol.asyncDispose,
  ]);
});
