/**
 * Every public function, with arguments that are wrong in one place: it throws a TypeError
 * or a RangeError that names the place, and has not asked the kernel for anything.
 */
import { isIP } from 'node:net';
import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import type { Meter } from '@opentelemetry/api';
import * as conntrack from 'conntrack';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import * as ownEntries from '../../src/entry/entries.js';
import * as ownExpectations from '../../src/expectation/view.js';
import { openFlowFiles, readFlowFiles } from '../../src/flow-log/files/files.js';
import {
  FlowTotals,
  parseFlowRecord,
  recordFlows,
  writeFlows,
} from '../../src/flow-log/flow-log.js';
import { openFlowStream } from '../../src/flow-log/jetstream/jetstream.js';
import { exportFlows } from '../../src/flow-log/opentelemetry/opentelemetry.js';
import { openFlowDatabase } from '../../src/flow-log/sqlite/sqlite.js';
import * as openTelemetry from '../../src/metrics/opentelemetry.js';
import * as prometheus from '../../src/metrics/prometheus.js';
import { hostileValues } from '../unit/hostile-values.js';
import { REFUSING, WILLING } from '../unit/kernels.js';
import { expectationSlab, SlabBuilder, TCP_TUPLES } from '../unit/records.js';

/** The addon, what was asked of it, and the kernel behind it. */
const kernel = vi.hoisted(() => {
  const asked: string[] = [];
  const kernels: Record<'refusing' | 'willing', Record<string, unknown>> = {
    refusing: {},
    willing: {},
  };
  const state = { asked, kernels, is: 'refusing' as keyof typeof kernels };
  const addon = new Proxy(
    {},
    {
      get(_, name) {
        asked.push(String(name));
        return kernels[state.is][String(name)];
      },
    },
  );
  return Object.assign(state, { addon });
});

vi.mock('../../src/core/load-addon.js', () => ({ loadAddon: () => kernel.addon }));

Object.assign(kernel.kernels, { refusing: REFUSING, willing: WILLING });

interface Parameter {
  readonly name: string;
  /** What is right; each wrong argument is one of these with one place changed. */
  readonly valid: readonly unknown[];
  readonly isOptional?: true;
}

const filter = (isOptional?: true): Parameter => ({
  name: 'filter',
  valid: [
    {
      family: 'ipv4',
      protocol: 'tcp',
      original: { source: '10.0.0.0/8', sourcePort: { from: 1, to: 2 }, zone: 3 },
      reply: { destination: '10.0.0.1', destinationPort: 80 },
      address: '10.1.2.3',
      port: 443,
      mark: { value: 1, mask: 3 },
      zone: 5,
      status: { all: ['assured'], none: ['dying'] },
      assured: true,
      state: ['ESTABLISHED'],
      labels: { all: 1n, none: 2n },
      helper: 'ftp',
      nat: 'any',
      id: 7,
      timeout: { from: 1, to: 2 },
      counters: { original: { packets: { from: 1 } }, total: { bytes: { to: 5n } } },
      startedAfter: 5n,
      sctp: { originalTag: 1, replyTag: 2 },
      dccp: { role: 'client' },
      not: { port: 5, protocol: ['tcp', 17] },
    },
    [
      { not: [{ mark: 1 }, { reply: { sourceKey: 1, destinationKey: { from: 1, to: 2 } } }] },
      { protocol: 1, original: { icmp: { type: 8, code: 0, id: 1 } } },
      { port: { from: 1, to: 9 } },
    ],
  ],
  ...(isOptional && { isOptional }),
});

const tuple = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 };
const inverse = { source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 2, destinationPort: 1 };
const ping = { source: 'fd00::1', destination: 'fd00::2', icmp: { type: 128, code: 0, id: 7 } };
const call = { source: '10.0.0.1', destination: '10.0.0.2', sourceKey: 1, destinationKey: 2 };

const key: Parameter = {
  name: 'key',
  valid: [
    { protocol: 'tcp', original: { ...tuple, zone: 4 }, zone: 0, id: 2 },
    { protocol: 'icmpv6', reply: ping },
    { protocol: 'other', protocolNumber: 253, original: { source: '::1', destination: '::2' } },
    { protocol: 'gre', original: call },
  ],
};

const SPECS = [
  {
    protocol: 'tcp',
    original: tuple,
    reply: inverse,
    timeout: 60,
    mark: 1,
    zone: 2,
    status: ['assured'],
    tcp: { state: 'ESTABLISHED', original: { windowScale: 7, flags: 1, flagsMask: 1 }, reply: {} },
    labels: 1n,
    helper: 'ftp',
    master: { protocol: 'udp', ...tuple },
    nat: { source: { address: '10.0.0.9', port: 1 }, destination: { address: '10.0.0.8' } },
    sequenceAdjust: { reply: { correctionPosition: 1, offsetBefore: 2, offsetAfter: 3 } },
    synproxy: { initialSequence: 1, initialTimestamp: 2, timestampOffset: 3 },
  },
  {
    protocol: 132,
    original: tuple,
    timeout: 60,
    status: { seenReply: true, assured: false, fixedTimeout: false },
    sctp: { state: 'ESTABLISHED', originalTag: 1, replyTag: 2 },
  },
  {
    protocol: 'dccp',
    original: tuple,
    timeout: 60,
    dccp: { state: 'OPEN', role: 'client', handshakeSequence: 5n },
  },
];

const changes = (...more: readonly object[]): Parameter => ({
  name: 'changes',
  valid: [
    { timeout: 1, mark: { value: 1, mask: 3 }, status: ['assured'], labels: 1n, helper: '' },
    ...more,
  ],
});

const name: Parameter = { name: 'name', valid: ['web'] };
const ofTimeouts: Parameter = { name: 'protocol', valid: ['udp', 17] };
const timeouts: Parameter = { name: 'timeouts', valid: [{ unreplied: 1, replied: 0 }] };

const expectation = { protocol: 'tcp', tuple, zone: 1 };

const expectationKey: Parameter = { name: 'key', valid: [{ ...expectation, id: 7 }] };
const expectationFilter = (isOptional?: true): Parameter => ({
  name: 'filter',
  valid: [
    {
      family: 'ipv4',
      protocol: 'tcp',
      tuple: { source: '10.0.0.0/8', destinationPort: { from: 1, to: 2 } },
      mask: { sourcePort: 0 },
      master: { protocol: ['udp', 6], destination: '10.0.0.2', sourcePort: 5 },
      address: '10.0.0.0/8',
      port: 5,
      id: 7,
      timeout: { from: 1, to: 2 },
      flags: { all: ['permanent'], none: ['inactive'] },
      class: 0,
      helper: 'ftp',
      function: 'nat-follow-master',
      not: { port: 6 },
    },
    [{ not: [{ id: 1 }, { tuple: { sourceKey: { from: 1, to: 2 } } }] }, { helper: 'sip' }],
  ],
  ...(isOptional && { isOptional }),
});

const signal = new AbortController().signal;
const signalOf = (names: object): Parameter => ({
  name: 'options',
  valid: [{ signal, ...names }],
  isOptional: true,
});

const previous = {
  entries: 1,
  monotonicSeconds: 2,
  level: 'normal',
  dropped: { total: 1, delta: 1, perSecond: 1 },
};

const handle = { readStats: async () => Promise.reject(new Error('not asked for')) };
const stream = { counters: {} };
const mirror = { size: 0, countBy: () => new Map() };
const groups = ['state', { by: 'service', limit: 5 }];
const flowLog = new FlowTotals();
const exporter = { export: () => undefined, shutdown: async () => undefined };
const meter = {
  createObservableCounter() {},
  createObservableGauge() {},
  createObservableUpDownCounter() {},
  addBatchObservableCallback() {},
  removeBatchObservableCallback() {},
};

/** A new database of SQLite. */
const sqlite = {
  exec() {},
  prepare: (sql: string) => ({
    run: () => ({ changes: 0 }),
    all: () => (/^PRAGMA|sqlite_schema/.test(sql) ? [{ zero: 0 }] : []),
  }),
  close() {},
};
const database = await openFlowDatabase({ database: sqlite });

const slabs = {
  entry: new SlabBuilder().add({ ...TCP_TUPLES, id: 1, timeout: 5, status: 6, tcpState: 3 }).slab,
  expectation: expectationSlab({ protocol: 'tcp', tuple, master: tuple }),
};

const built = async (path: string): Promise<unknown> =>
  import(new URL(`../../dist/${path}`, import.meta.url).href);

/** Views of this copy of the package, and of another one. */
const COPIES = {
  own: viewsOf(ownEntries, ownExpectations),
  other: viewsOf(
    (await built('entry/entries.js')) as typeof ownEntries,
    (await built('expectation/view.js')) as typeof ownExpectations,
  ),
};

function viewsOf(
  { entriesOf }: Pick<typeof ownEntries, 'entriesOf'>,
  { expectationsOf }: Pick<typeof ownExpectations, 'expectationsOf'>,
) {
  const [entry] = entriesOf([slabs.entry]);
  const [expectation] = expectationsOf([slabs.expectation]);
  const { original, status, tcp } = entry ?? {};
  return { entry, tuple: original, status, tcp, expectation, flags: expectation?.flags };
}

/** A stream at its end. */
class NoLines {
  async *[Symbol.asyncIterator]() {}
}

/** What is right in a place, whatever it is elsewhere. */
const WELCOME: Readonly<Record<string, RegExp>> = {
  readable: /^an async generator/,
  records: /^an async generator/,
  'options.retry': /^a function/,
  'options.onDamage': /^a function/,
  'options.labels': /^a Map/,
  'options.since': /^a (number|Date)/,
  'options.until': /^a (number|Date)/,
  'filter.startedAfter': /^a Date/,
  'options.filter.startedAfter': /^a Date/,
};

/**
 * They ask no kernel, and are no methods: networkMatcher has a row of its own; see
 * key-of-entry.test.ts, entry-text.test.ts, parse-entries.test.ts and label-names.test.ts.
 */
const NO_METHODS = ['entryKey', 'formatEntry', 'networkMatcher', 'parseEntries', 'readLabelNames'];

/** A row for each function of the package, and for the method of the same name. */
const FUNCTIONS: Readonly<Record<string, readonly Parameter[]>> = {
  countEntries: [],
  countExpectations: [expectationFilter(true)],
  createEntries: [{ name: 'specs', valid: SPECS.map((spec) => [spec]) }],
  createEntry: [{ name: 'spec', valid: SPECS }],
  createExpectation: [
    {
      name: 'spec',
      valid: [
        {
          ...expectation,
          mask: { source: '255.255.255.0', sourcePort: 0 },
          master: tuple,
          timeout: 1,
          flags: ['permanent'],
          class: 0,
          helper: 'ftp',
          function: 'nat-follow-master',
          nat: { direction: 'original', address: '10.0.0.9', port: 9 },
        },
        { ...expectation, master: tuple, flags: { permanent: true, inactive: false } },
      ],
    },
  ],
  createTimeoutPolicy: [
    {
      name: 'spec',
      valid: [
        { name: 'web', family: 'ipv4', protocol: 'tcp', timeouts: { established: 5, close: 0 } },
        { name: 'any', family: 'ipv6', protocol: 'other', protocolNumber: 99 },
        { name: 'any', family: 'ipv6', protocol: 255, timeouts: { timeout: 2_147_483 } },
      ],
    },
  ],
  deleteEntries: [filter(), signalOf({ dryRun: true, entries: true })],
  deleteEntry: [key],
  deleteExpectation: [expectationKey],
  deleteExpectations: [expectationFilter()],
  deleteTimeoutPolicy: [name],
  diagnose: [],
  explainFilter: [filter()],
  findOrigin: [{ name: 'originPortId', valid: [5] }],
  flushEntries: [{ name: 'options', valid: [{ family: 'ipv6', entries: true }], isOptional: true }],
  flushExpectations: [{ name: 'options', valid: [{ helper: 'ftp' }], isOptional: true }],
  getEntries: [{ name: 'keys', valid: [key.valid] }],
  getEntry: [key, { name: 'options', valid: [{ zeroCounters: false }], isOptional: true }],
  getExpectation: [expectationKey],
  getTimeoutPolicy: [name],
  listEntries: [filter(true), signalOf({ zeroCounters: false, table: 'dying' })],
  listExpectations: [expectationFilter(true)],
  listNamespaceIds: [],
  listTimeoutPolicies: [],
  mirrorTable: [
    signalOf({
      filter: { protocol: 'tcp', not: { port: { from: 1, to: 2 } } },
      maxEntries: 5,
      indexes: ['mark'],
      recheckInterval: 1000,
      receiveBufferBytes: 65536,
      queueBytes: 65536,
    }),
  ],
  readDefaultTimeouts: [ofTimeouts],
  readPressure: [
    {
      name: 'options',
      valid: [{ previous, elevatedAt: 0.5, criticalAt: 0.6 }],
      isOptional: true,
    },
  ],
  readSettings: [],
  readStats: [],
  restoreEntries: [{ name: 'readable', valid: [new NoLines()] }, signalOf({ labels: new Map() })],
  streamDeletes: [filter(), signalOf({})],
  streamEntries: [filter(true), signalOf({ zeroCounters: false, table: 'dying' })],
  updateEntries: [
    filter(),
    changes({ mark: { value: 1, mask: 2 ** 4 - 1, toggle: 5 * 16 } }),
    signalOf({}),
  ],
  updateEntry: [
    key,
    changes(
      { tcp: { state: 'CLOSE' }, synproxy: SPECS[0]?.synproxy },
      { sctp: SPECS[1]?.sctp, mark: 3, sequenceAdjust: SPECS[0]?.sequenceAdjust },
    ),
  ],
  updateExpectation: [expectationKey, { name: 'changes', valid: [{ timeout: 60 }] }],
  updateTimeoutPolicy: [name, timeouts],
  upsertEntry: [{ name: 'spec', valid: SPECS }],
  watchEvents: [
    signalOf({
      events: ['new', 'destroy'],
      expectations: true,
      filter: { protocol: 'tcp', original: { source: '10.0.0.1' } },
      receiveBufferBytes: 65536,
      queueBytes: 65536,
      maxDelay: 50,
      reliableDestroy: true,
      allNamespaces: false,
    }),
  ],
  watchPressure: [signalOf({ intervalMs: 1000, elevatedAt: 0.5, criticalAt: 0.6 })],
  writeDefaultTimeouts: [ofTimeouts, timeouts],
  writeEntries: [{ name: 'writable', valid: [new PassThrough()] }, filter(true), signalOf({})],
  writeSettings: [
    {
      name: 'changes',
      valid: [{ maxEntries: 1, accounting: true, events: 'auto', logInvalid: 0, udpTimeout: 9 }],
    },
  ],
};

type Function = (...given: unknown[]) => unknown;

const open = conntrack.Conntrack.open.bind(conntrack.Conntrack) as Function;
/** A handle keeps its socket, and so its kernel. */
/** Keeps flows. */
class Keeper {
  async write() {}
  async history() {
    return undefined;
  }
}

const handles = {
  refusing: await conntrack.Conntrack.open(),
  willing: await conntrack.Conntrack.open(),
};

interface Row {
  readonly name: string;
  readonly run: Function;
  readonly parameters: readonly Parameter[];
}

const exported: Readonly<Record<string, unknown>> = { ...conntrack };
const methodOf = (name: string): Function => {
  const handle = handles[kernel.is] as unknown as Readonly<Record<string, Function>>;
  return (...given) => handle[name]?.(...given);
};

/** As far as anybody looks at a connection to NATS that sends nothing. */
class PlayedConnection {
  readonly publish = () => undefined;
  readonly subscribe = () => undefined;
  readonly flush = async () => undefined;
  readonly isClosed = () => false;

  async *status() {}
}

const ROWS: readonly Row[] = [
  ...Object.entries(FUNCTIONS).flatMap(([name, parameters]) => [
    { name, parameters, run: exported[name] as Function },
    {
      name: `a handle's ${name}`,
      parameters,
      run: (...given: unknown[]) => methodOf(name)(...given),
    },
  ]),
  {
    name: 'Conntrack.open',
    run: open,
    parameters: [
      { name: 'options', valid: [{ netns: 'blue' }, { netns: { pid: 1 } }], isOptional: true },
    ],
  },
  {
    name: 'openFlowStream',
    run: openFlowStream as Function,
    parameters: [
      {
        name: 'options',
        valid: [
          {
            connection: new PlayedConnection(),
            host: 'web1.example.com',
            prefix: 'flows.eu',
            stream: 'FLOWS',
            inboxPrefix: '_INBOX_web1',
          },
        ],
      },
    ],
  },
  {
    name: 'networkMatcher',
    run: conntrack.networkMatcher as Function,
    parameters: [{ name: 'networks', valid: [['10.0.0.0/8', 'fd00::1']] }],
  },
  {
    name: 'recordFlows',
    run: recordFlows as Function,
    parameters: [
      {
        name: 'options',
        valid: [
          {
            conntrack: handles.willing,
            filter: { protocol: 'tcp' },
            interval: '1s',
            resume: new Keeper(),
            reliable: true,
            receiveBufferBytes: 65536,
            queueBytes: 65536,
            signal: new AbortController().signal,
          },
        ],
        isOptional: true,
      },
    ],
  },
  {
    name: 'writeFlows',
    run: writeFlows as Function,
    parameters: [
      { name: 'records', valid: [(async function* () {})()] },
      { name: 'to', valid: [new Keeper(), [new Keeper()]] },
      {
        name: 'options',
        valid: [{ retry: () => undefined, signal: new AbortController().signal }],
        isOptional: true,
      },
    ],
  },
  {
    name: 'parseFlowRecord',
    run: parseFlowRecord as Function,
    parameters: [{ name: 'json', valid: ['{"type":"gap","from":"1970","to":"1970"}'] }],
  },
  {
    name: 'openFlowFiles',
    run: openFlowFiles as Function,
    parameters: [
      {
        name: 'options',
        // It is not made: there is a file on the way.
        valid: [
          {
            directory: '/dev/null/flows',
            fileBytes: 4096,
            fileTime: '1s',
            compress: false,
            keepBytes: 0,
            keepFor: '1d',
          },
        ],
      },
    ],
  },
  {
    name: 'exportFlows',
    run: exportFlows as Function,
    parameters: [
      {
        name: 'options',
        valid: [
          {
            exporter,
            resource: { 'service.name': 'gateway' },
            batchSize: 5,
            timeoutMs: 5,
          },
        ],
      },
    ],
  },
  {
    name: 'readFlowFiles',
    run: readFlowFiles as Function,
    parameters: [
      { name: 'directory', valid: ['/dev/null/flows'] },
      { name: 'options', valid: [{ onDamage: () => {} }], isOptional: true },
    ],
  },
  {
    name: 'openFlowDatabase',
    run: openFlowDatabase as Function,
    parameters: [
      {
        name: 'options',
        valid: [{ database: sqlite, readOnly: false, keepFor: '30d', keepBytes: 2 ** 30 }],
      },
    ],
  },
  ...Object.entries({
    flows: { address: 'fd00::1', port: 443, protocol: 'tcp', since: 5, until: 6, limit: 7 },
    notes: { since: 5, until: 6 },
    topTalkers: { by: 'source', since: 5, until: 6, limit: 7 },
    totals: { since: 5, until: 6, every: '1h' },
  }).map(
    ([name, valid]): Row => ({
      name: `${name} of a database`,
      run: (given) =>
        (database as unknown as Record<string, (given: unknown) => void>)[name]?.(given),
      parameters: [
        { name: 'options', valid: [valid], ...(name !== 'topTalkers' && { isOptional: true }) },
      ],
    }),
  ),
  {
    name: 'registerMetrics of Prometheus',
    run: (options) => {
      prometheus.registerMetrics(options as object);
    },
    parameters: [
      {
        name: 'options',
        // A registry of its own each time: names are taken once.
        get valid() {
          return [{ registry: new Registry(), conntrack: handle, stream, mirror, groups, flowLog }];
        },
        isOptional: true,
      },
    ],
  },
  {
    name: 'registerMetrics of OpenTelemetry',
    run: (given, options) => {
      openTelemetry.registerMetrics(given as Meter, options as object);
    },
    parameters: [
      { name: 'meter', valid: [meter] },
      {
        name: 'options',
        valid: [
          { conntrack: handle, stream, mirror, groups, flowLog, attributes: { netns: 'blue' } },
        ],
        isOptional: true,
      },
    ],
  },
];

/** Of attributes any name will do. */
const FREE = /^options\.(attributes|resource)(\.|$)/;
const FREE_VALUE = /^options\.(attributes|resource)\./;

type Path = readonly (string | number)[];

/** Whether it is a part of an argument that has parts itself. */
function isTree(value: unknown): value is Record<string, unknown> {
  if (Array.isArray(value)) return true;
  const isPlain =
    typeof value === 'object' &&
    value !== null &&
    ![meter, handle, stream, mirror, exporter, sqlite].includes(value as never);
  return isPlain && Object.getPrototypeOf(value) === Object.prototype;
}

/** The paths to all parts of a value, itself included. */
function pathsOf(value: unknown): Path[] {
  if (!isTree(value)) return [[]];
  const inner = Object.entries(value).flatMap(([name, part]) =>
    pathsOf(part).map((path) => [Array.isArray(value) ? Number(name) : name, ...path]),
  );
  return [[], ...inner];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], value);
}

/** A copy in which `change` has been at the part at `path`. */
function changed(value: unknown, path: Path, change: (part: unknown) => unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return change(value);
  const copy = (
    Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  ) as Record<string, unknown>;
  copy[name] = changed(copy[name], rest, change);
  return copy;
}

/** The same with other objects, made by `make` from what they have. */
function rebuilt(value: unknown, make: (parts: Record<string, unknown>) => object): unknown {
  if (!isTree(value)) return value;
  if (Array.isArray(value)) return value.map((item) => rebuilt(item, make));
  return make(
    Object.fromEntries(Object.entries(value).map(([name, part]) => [name, rebuilt(part, make)])),
  );
}

function pathText(name: string, path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${part}`),
    name,
  );
}

/** The properties of an argument, and of its parts; of arrays their length, too. */
function fieldsOf(value: unknown, path: string): string[] {
  if (!isTree(value)) return [];
  const length = Array.isArray(value) ? [`${path}.length`] : [];
  const parts = Object.entries(value).flatMap(([name, part]) => [
    `${path}.${name}`,
    ...fieldsOf(part, `${path}.${name}`),
  ]);
  return [...length, ...parts];
}

/** The same argument, which reports each property that is read. */
function withReads(value: unknown, path: string, report: (field: string) => void): unknown {
  if (!isTree(value)) return value;
  if (Array.isArray(value)) {
    const items = value.map((item, index) => withReads(item, `${path}.${index}`, report));
    return new Proxy(items, {
      get(all, name, self) {
        report(`${path}.${String(name)}`);
        return Reflect.get(all, name, self) as unknown;
      },
    });
  }
  const counting = {};
  for (const [name, part] of Object.entries(value)) {
    const inner = withReads(part, `${path}.${name}`, report);
    Object.defineProperty(counting, name, {
      enumerable: true,
      get: () => {
        report(`${path}.${name}`);
        return inner;
      },
    });
  }
  return counting;
}

/** Calls it, and waits for what comes of it: of a stream the first item, or else an error. */
async function settled(run: Function, given: readonly unknown[]): Promise<void> {
  try {
    const result = await run(...given);
    if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) return;
    const iterator = (result as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
  } catch (error) {
    // Such as a change that the entry has no room for, which is known once it was made.
    if (!(error instanceof conntrack.ConntrackError)) expect(error).toBeInstanceOf(TypeError);
  }
}

/** What a call throws, rejects with, or reports of its only item; `undefined`: nothing. */
async function errorOf(run: Function, given: readonly unknown[]): Promise<unknown> {
  try {
    const result = await run(...given);
    return Array.isArray(result) ? (result as { error?: unknown }[])[0]?.error : undefined;
  } catch (error) {
    return error;
  }
}

/** What is wrong with how a wrong argument is refused; `undefined`: nothing. */
async function refusalFault(
  run: Function,
  given: readonly unknown[],
  field: string,
): Promise<string | undefined> {
  kernel.asked.length = 0;
  const error = await errorOf(run, given);
  if (!(error instanceof TypeError || error instanceof RangeError)) {
    return error === undefined ? 'accepted' : `threw ${inspect(error)}`;
  }
  const { message } = error;
  const isNamed = message.startsWith(field) && /^[:.[]/.test(message.slice(field.length));
  if (!isNamed) return `named otherwise: ${message}`;
  if (message.length > 1500 + field.length) return `a message of ${message.length} characters`;
  return kernel.asked.length === 0 ? undefined : `asked for ${kernel.asked.join(', ')}`;
}

/** A place in an argument, and the arguments for a value that has been changed there. */
interface Place {
  readonly path: Path;
  readonly field: string;
  readonly part: unknown;
  readonly with: (change: (part: unknown) => unknown) => unknown[];
}

function placesOf({ parameters }: Row): Place[] {
  return parameters.flatMap(({ name, valid }, position) =>
    valid.flatMap((value) =>
      pathsOf(value).map((path) => ({
        path,
        field: pathText(name, path),
        part: valueAt(value, path),
        with: (change: (part: unknown) => unknown) => {
          const given = parameters.map((parameter) => parameter.valid[0]);
          given[position] = changed(value, path, change);
          return given;
        },
      })),
    ),
  );
}

/** Each combination of a valid value of one parameter with the first of the others. */
function validCallsOf({ parameters }: Row): unknown[][] {
  if (parameters.length === 0) return [[]];
  return parameters.flatMap(({ valid }, position) =>
    valid.map((value) =>
      parameters.map((parameter, index) => (index === position ? value : parameter.valid[0])),
    ),
  );
}

async function expectAccepted(run: Function, given: readonly unknown[]): Promise<void> {
  const error = await errorOf(run, given);
  if (error !== undefined) expect(error).toBeInstanceOf(conntrack.ConntrackError);
}

async function expectNoFaults(
  { run }: Row,
  cases: readonly (readonly [what: string, given: readonly unknown[], field: string])[],
): Promise<void> {
  const faults: string[] = [];
  for (const [what, given, field] of cases) {
    const fault = await refusalFault(run, given, field);
    if (fault !== undefined) faults.push(`${field} ${what}: ${fault}`);
  }
  expect(faults).toEqual([]);
}

/** The name with one letter less, or more. */
function misspelled(name: string): string {
  return name.length > 3 ? `${name.slice(0, 2)}${name.slice(3)}` : `${name}s`;
}

beforeEach(() => {
  kernel.is = 'refusing';
  kernel.asked.length = 0;
});

test('each function and each method has its row', () => {
  // It takes a path: test/unit/label-names.test.ts.
  const functions = Object.entries(exported).filter(
    ([name, value]) =>
      typeof value === 'function' && /^[a-z]/.test(name) && !NO_METHODS.includes(name),
  );
  expect(Object.keys(FUNCTIONS)).toEqual(functions.map(([name]) => name).sort());
  const { prototype } = conntrack.Conntrack;
  const methods = Object.getOwnPropertyNames(prototype).filter(
    (name) => !['constructor', 'close'].includes(name),
  );
  expect(methods.sort()).toEqual(Object.keys(FUNCTIONS));
});

describe.each(ROWS)('$name', (row) => {
  const { run, parameters } = row;
  const places = placesOf(row);
  const objects = places.filter(({ part }) => isTree(part) && !Array.isArray(part));
  const known = objects.filter(({ field }) => !FREE.test(field));

  test('takes what is right', async () => {
    for (const given of validCallsOf(row)) await expectAccepted(run, given);
  });

  test('takes objects of another realm, and without a prototype', async () => {
    const realm = runInNewContext('({ make: (parts) => ({ ...parts }) })') as {
      make: (parts: object) => object;
    };
    const makers = [
      realm.make,
      (parts: object) => Object.assign(Object.create(null) as object, parts),
    ];
    for (const make of makers) {
      for (const given of validCallsOf(row)) {
        await expectAccepted(
          run,
          given.map((value) => rebuilt(value, make)),
        );
      }
    }
  });

  test('reads each property once, before it returns', async () => {
    kernel.is = 'willing';
    for (const given of validCallsOf(row)) {
      const reads: Record<string, number> = {};
      const once: Record<string, number> = {};
      const late: string[] = [];
      let hasReturned = false;
      const watched = given.map((value, index) =>
        withReads(value, `${index}`, (field) => {
          if (hasReturned) late.push(field);
          reads[field] = (reads[field] ?? 0) + 1;
        }),
      );
      for (const field of given.flatMap((value, index) => fieldsOf(value, `${index}`))) {
        once[field] = 1;
      }
      const outcome = settled(run, watched);
      hasReturned = true;
      await outcome;
      expect(reads).toEqual(once);
      expect(late).toEqual([]);
    }
  });

  test('refuses what is wrong in each place, and names it', async () => {
    const cases = places
      .filter(({ field }) => !FREE_VALUE.test(field))
      .flatMap((place) =>
        hostileValues()
          .filter(([what]) => WELCOME[place.field]?.test(what) !== true)
          .map(([what, value]) => {
            return [`is ${what}`, place.with(() => value), place.field] as const;
          }),
      );
    await expectNoFaults(row, cases);
  });

  test('tells what is meant by an address that is more, and by a number in quotes', async () => {
    const meant = places.flatMap(({ field, part, with: given }) => {
      if (FREE.test(field)) return [];
      const takesNetworks = /filter|^networks/.test(field);
      const address: [string, RegExp][] = [
        ['fe80::1%eth0', /leave out the scope/],
        ['10.0.0.1:53', /did you mean '10\.0\.0\.1'\? A port has a field of its own/],
        ['[fd00::1]:53', /did you mean 'fd00::1'\? A port has a field of its own/],
        ['[fd00::1]', /did you mean 'fd00::1'/],
        takesNetworks
          ? ['192.168.1.10/24', /did you mean '192\.168\.1\.0\/24' or '192\.168\.1\.10'\?/]
          : ['192.168.1.10/24', /one address is needed, and only filters take networks/],
      ];
      const isAddress = typeof part === 'string' && isIP(part.split('/', 1)[0] ?? '') !== 0;
      const inputs: [string, RegExp][] = isAddress ? address : [];
      if (typeof part === 'number') inputs.push([`${part}`, /not the string "/]);
      return inputs.map(([input, message]) => ({
        field,
        input,
        message,
        given: given(() => input),
      }));
    });
    for (const { field, input, message, given } of meant) {
      const error = await errorOf(run, given);
      expect(String(error), `${field}: ${input}`).toMatch(message);
    }
  });

  test('refuses unknown and misspelled fields', async () => {
    const cases = known.flatMap((place) => [
      [
        'exists',
        place.with((part) => ({ ...(part as object), nosuch: 1 })),
        `${place.field}.nosuch`,
      ] as const,
      ...Object.keys(place.part as object).map((name) => {
        const wrong = misspelled(name);
        const given = place.with((part) => {
          const { [name]: value, ...others } = part as Record<string, unknown>;
          return { ...others, [wrong]: value };
        });
        return ['exists', given, `${place.field}.${wrong}`] as const;
      }),
    ]);
    await expectNoFaults(row, cases);
  });

  test('refuses a property that cannot be read', async () => {
    const cases = objects.flatMap((place) =>
      Object.keys(place.part as object).map((name) => {
        const given = place.with((part) =>
          Object.defineProperty({ ...(part as object) }, name, {
            enumerable: true,
            get() {
              throw new Error('from a getter');
            },
          }),
        );
        return ['throws', given, `${place.field}.${name}`] as const;
      }),
    );
    await expectNoFaults(row, cases);
  });

  test('refuses undefined where something is needed', async () => {
    const cases = parameters.flatMap(({ name, isOptional }, position) =>
      isOptional
        ? []
        : [
            [
              'is undefined',
              parameters.map(({ valid }, index) => (index === position ? undefined : valid[0])),
              name,
            ] as const,
          ],
    );
    await expectNoFaults(row, cases);
    if (parameters.every(({ isOptional }) => isOptional)) await expectAccepted(run, []);
  });

  if (row.name in FUNCTIONS || row.name.startsWith('a handle')) {
    test('refuses options that it has not', async () => {
      const valid = parameters.map((parameter) => parameter.valid[0]);
      const field = `arguments[${parameters.length}]`;
      await expectNoFaults(row, [['exists', [...valid, { nosuch: 1 }], field]]);
    });
  }
});

test.each(Object.entries(COPIES))(
  'views of the %s copy of the package are taken in their own place alone',
  async (_, views) => {
    const accepted: string[] = [];
    for (const row of ROWS) {
      for (const { field, with: given } of placesOf(row)) {
        if (FREE.test(field)) continue;
        for (const [kind, view] of Object.entries(views)) {
          const fault = await refusalFault(
            row.run,
            given(() => view),
            field,
          );
          if (fault === undefined) continue;
          expect(fault).toMatch(/^accepted$|^threw ConntrackError/);
          accepted.push(`${kind}: ${field.replace(/\[\d\]/, '').replace(/^(spec|key)s/, '$1')}`);
        }
      }
    }
    expect([...new Set(accepted)].sort()).toEqual([
      'entry: key',
      'entry: spec',
      'expectation: key',
      'expectation: spec',
      'flags: spec.flags',
      'status: changes.status',
      'status: spec.status',
      'tcp: changes.tcp',
      'tcp: spec.tcp',
      'tuple: key.original',
      'tuple: key.tuple',
      'tuple: spec.mask',
      'tuple: spec.master',
      'tuple: spec.original',
      'tuple: spec.reply',
      'tuple: spec.tuple',
    ]);
  },
);

test.each(Object.entries(COPIES))(
  'an entry of the %s copy of the package as a filter, or spread: the error tells what is right',
  async (_, views) => {
    const { entry, tuple: part, expectation } = views;
    const takers = 'getEntry(), updateEntry() and deleteEntry() take one';
    const expectationTakers =
      'getExpectation(), updateExpectation() and deleteExpectation() take one';
    const spread = (what: string) =>
      `${what} has no properties of its own, so spread what toJSON()`;
    const wrongAt = (row: string, field: string): [value: unknown, message: string][] => {
      if (/filter$/.test(field)) {
        return row.endsWith('Expectations')
          ? [expectation, expectation?.toJSON()].map((value) => [value, expectationTakers])
          : [entry, entry?.toJSON()].map((value) => [value, takers]);
      }
      if (/^(keys?|specs?)(\[0\])?\.(original|reply|tuple|master)$/.test(field)) {
        return [[{ ...part, sourcePort: 5 }, spread('a tuple')]];
      }
      if (!/^(key|spec|(key|spec)s\[0\])$/.test(field) || row.endsWith('Policy')) return [];
      return row.endsWith('Expectation')
        ? [[{ ...expectation, zone: 5 }, spread('an expectation')]]
        : [[{ ...entry, zone: 5 }, spread('an entry')]];
    };
    const told = new Set<string>();
    for (const row of ROWS) {
      for (const { field, with: given } of placesOf(row)) {
        for (const [value, message] of wrongAt(row.name, field)) {
          const error = await errorOf(
            row.run,
            given(() => value),
          );
          expect(String(error), `${row.name}: ${field}`).toContain(message);
          told.add(`${row.name.replace("a handle's ", '')}: ${field.replace(/[.[].*/, '')}`);
        }
      }
    }
    expect([...told].sort()).toEqual([
      'countExpectations: filter',
      'createEntries: specs',
      'createEntry: spec',
      'createExpectation: spec',
      'deleteEntries: filter',
      'deleteEntry: key',
      'deleteExpectation: key',
      'deleteExpectations: filter',
      'explainFilter: filter',
      'getEntries: keys',
      'getEntry: key',
      'getExpectation: key',
      'listEntries: filter',
      'listExpectations: filter',
      'mirrorTable: options',
      'recordFlows: options',
      'streamDeletes: filter',
      'streamEntries: filter',
      'updateEntries: filter',
      'updateEntry: key',
      'updateExpectation: key',
      'upsertEntry: spec',
      'watchEvents: options',
      'writeEntries: filter',
    ]);
  },
);

test('what is needed is what the types demand: see test/types', async () => {
  const needed: Record<string, string> = {};
  for (const row of ROWS) {
    for (const { field, part, with: given } of placesOf(row)) {
      if (!isTree(part) || Array.isArray(part)) continue;
      for (const name of Object.keys(part)) {
        const { [name]: _, ...others } = part;
        const error = await errorOf(
          row.run,
          given(() => others),
        );
        if (!String(error).includes(`${field}.${name}: `)) continue;
        const place = field.replace(/\[\d\]/g, '').replace(/^(spec|key)s/, '$1');
        const names = new Set([...(needed[place]?.split(' ') ?? []), name]);
        // That depends on the protocol, and on the other threshold.
        for (const one of names) if (/Port$|Key$|^icmp$|Number$|At$/.test(one)) names.delete(one);
        if (names.size > 0) needed[place] = [...names].sort().join(' ');
      }
    }
  }
  const ends = 'destination source';
  const adjustment = 'correctionPosition offsetAfter offsetBefore';
  const synproxy = 'initialSequence initialTimestamp timestampOffset';
  expect(needed).toEqual({
    changes: 'timeout',
    'changes.mark': 'mask value',
    'changes.sctp': 'originalTag replyTag state',
    'changes.sequenceAdjust.reply': adjustment,
    'changes.synproxy': synproxy,
    'filter.mark': 'mask value',
    'filter.original.sourcePort': 'from to',
    'filter.not.reply.destinationKey': 'from to',
    'filter.port': 'from to',
    'filter.tuple.destinationPort': 'from to',
    'filter.not.tuple.sourceKey': 'from to',
    key: 'protocol reply tuple',
    'key.original': ends,
    'key.reply': ends,
    'key.reply.icmp': 'code id type',
    'key.tuple': ends,
    // Of exportFlows(), openFlowFiles(), openFlowStream() and topTalkers().
    options: 'by connection directory exporter',
    'options.filter.not.port': 'from to',
    'options.groups': 'by',
    'options.netns': 'pid',
    'options.previous': 'entries monotonicSeconds',
    'options.previous.dropped': 'total',
    spec: 'family master name original protocol timeout tuple',
    'spec.dccp': 'state',
    'spec.master': ends,
    'spec.nat': 'address direction',
    'spec.nat.destination': 'address',
    'spec.nat.source': 'address',
    'spec.original': ends,
    'spec.reply': ends,
    'spec.sctp': 'state',
    'spec.sequenceAdjust.reply': adjustment,
    'spec.synproxy': synproxy,
    'spec.tuple': ends,
  });
});

test('an option that is not enumerable is one', async () => {
  const hidden = (name: string, value: unknown): object =>
    Object.defineProperty({}, name, { value });
  await expectNoFaults({ run: conntrack.deleteEntries as Function } as Row, [
    ['is hidden', [{ mark: 1 }, hidden('dryRun', 1)], 'options.dryRun'],
    ['is hidden', [{ mark: 1 }, hidden('dryrun', true)], 'options.dryrun'],
  ]);
});

test('what Object.prototype has is no option', async () => {
  Object.defineProperty(Object.prototype, 'family', { value: 'ipv5', configurable: true });
  try {
    await expectAccepted(conntrack.listEntries as Function, [{}]);
    await expectAccepted(conntrack.flushEntries as Function, [{}]);
  } finally {
    delete (Object.prototype as { family?: unknown }).family;
  }
});
