/** Records as OpenTelemetry logs: what a server gets from the SDK's own exporter, and what it answers. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { type FlowPart, type FlowRecord, writeFlows } from 'conntrack/flow-log';
import * as module from 'conntrack/flow-log/opentelemetry';
import { afterEach, describe, expect, it, onTestFinished, test, vi } from 'vitest';
import {
  exportFlows,
  type FlowLogExporter,
} from '../../src/flow-log/opentelemetry/opentelemetry.js';

const at = new Date('2026-01-01T00:00:01.250Z');

function part(number: number, more: Partial<FlowPart> = {}): FlowPart {
  return {
    type: 'flow',
    flow: 'run-1',
    part: number,
    outcome: 'open',
    family: 'ipv4',
    protocol: 'tcp',
    protocolNumber: 6,
    zone: 0,
    id: 1,
    original: {
      ...{ source: '10.0.0.1', destination: '10.0.0.2' },
      ...{ sourcePort: 40_000, destinationPort: 443 },
    },
    reply: {
      ...{ source: '192.168.0.9', destination: '10.0.0.1' },
      ...{ sourcePort: 8443, destinationPort: 40_000 },
    },
    replied: true,
    to: at,
    estimated: false,
    ...more,
  };
}

const counts = {
  original: { packets: 3, bytes: 9_007_199_254_740_991 },
  reply: { packets: 0, bytes: 1 },
};

/** With every field that there is. */
const FULL: Required<FlowPart> = {
  ...part(7),
  deletedBy: { portId: 4_000_000_000, pid: 42, name: 'flusher' },
  nat: { destination: { address: '192.168.0.9', port: 8443 } },
  mark: 5,
  labels: '6',
  helper: 'ftp',
  state: 'ESTABLISHED',
  start: new Date('2026-01-01T00:00:00Z'),
  end: at,
  durationMs: 1250,
  from: new Date('2026-01-01T00:00:00.5Z'),
  traffic: counts,
  total: counts,
  counters: counts,
  estimated: true,
  doubts: ['zeroed', 'no-times'],
};

const RECORDS: readonly FlowRecord[] = [part(1), part(2), part(3), part(4), part(5)];

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly Value[] };
}
type Attributes = readonly { readonly key: string; readonly value: Value }[];
interface Log {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: Value;
  readonly attributes: Attributes;
}
interface Request {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeLogs: readonly {
      readonly scope: { readonly name: string };
      readonly logRecords: readonly Log[];
    }[];
  }[];
}

function plain({ stringValue, intValue, boolValue, arrayValue }: Value): unknown {
  return stringValue ?? intValue ?? boolValue ?? arrayValue?.values.map(plain);
}

const asObject = (attributes: Attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));

const logsOf = ({ resourceLogs }: Request) =>
  resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));

const uidsOf = (request: Request) =>
  logsOf(request).map(({ attributes }) => asObject(attributes)['log.record.uid']);

type Answer = (response: ServerResponse) => unknown;

const accept: Answer = (response) =>
  response.setHeader('Content-Type', 'application/json').end('{}');
const refuse =
  (status: number, body = ''): Answer =>
  (response) =>
    response.writeHead(status).end(body);

/** A server that answers its requests like this, and all others with success. */
async function collect(...answers: Answer[]) {
  const requests: Request[] = [];
  let waiting = 0;
  let most = 0;
  const server: Server = createServer((request, response) => {
    most = Math.max(most, ++waiting);
    response.on('close', () => waiting--);
    void json(request).then((body) => {
      const answer = answers[requests.push(body as Request) - 1] ?? accept;
      answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    requests,
    /** How many requests there were at a time. */
    get most() {
      return most;
    },
    server,
    // The exporter waits for a second before it tries again: it has no time for that.
    exporter: new OTLPLogExporter({
      url: `http://127.0.0.1:${port}/v1/logs`,
      timeoutMillis: 500,
    }),
  };
}

/** All records at once. */
const source = {
  async *[Symbol.asyncIterator](): AsyncGenerator<FlowRecord> {
    yield* RECORDS;
  },
  async *batches(): AsyncGenerator<FlowRecord[]> {
    yield [...RECORDS];
  },
};

afterEach(() => {
  diag.disable();
});

it('the module has one value', () => {
  expect(Object.keys(module)).toEqual(['exportFlows']);
});

describe('a server gets', () => {
  it('a flow by the semantic conventions, and all else that its record has', async () => {
    const { exporter, requests } = await collect();
    const before = Date.now();
    await exportFlows({ exporter, resource: { 'service.name': 'gateway', tags: ['a'] } }).write([
      FULL,
    ]);
    const [request] = requests;
    const [of] = request?.resourceLogs ?? [];
    expect(asObject(of?.resource.attributes ?? [])).toEqual({
      'service.name': 'gateway',
      tags: ['a'],
    });
    expect(of?.scopeLogs.map(({ scope }) => scope)).toEqual([{ name: 'conntrack/flow-log' }]);
    const [log] = of?.scopeLogs[0]?.logRecords ?? [];
    expect(log).toMatchObject({
      timeUnixNano: `${at.getTime()}000000`,
      severityNumber: 9,
      severityText: 'INFO',
      eventName: 'conntrack.flow',
      body: { stringValue: 'tcp 10.0.0.1:40000 -> 10.0.0.2:443 open' },
    });
    const observed = Number(log?.observedTimeUnixNano.slice(0, -6));
    expect(observed).toBeGreaterThanOrEqual(before);
    expect(observed).toBeLessThanOrEqual(Date.now());
    const traffic = (of: string) => ({
      [`conntrack.${of}.original.packets`]: 3,
      [`conntrack.${of}.original.bytes`]: 9_007_199_254_740_991,
      [`conntrack.${of}.reply.packets`]: 0,
      [`conntrack.${of}.reply.bytes`]: 1,
    });
    expect(asObject(log?.attributes ?? [])).toEqual({
      'log.record.uid': 'run-1/7',
      'network.type': 'ipv4',
      'network.transport': 'tcp',
      'source.address': '10.0.0.1',
      'source.port': 40_000,
      'destination.address': '10.0.0.2',
      'destination.port': 443,
      'conntrack.flow': 'run-1',
      'conntrack.part': 7,
      'conntrack.outcome': 'open',
      'conntrack.deleted_by.port_id': 4_000_000_000,
      'conntrack.deleted_by.pid': 42,
      'conntrack.deleted_by.name': 'flusher',
      'conntrack.protocol': 'tcp',
      'conntrack.protocol_number': 6,
      'conntrack.zone': 0,
      'conntrack.id': 1,
      'conntrack.reply.source': '192.168.0.9',
      'conntrack.reply.destination': '10.0.0.1',
      'conntrack.reply.source_port': 8443,
      'conntrack.reply.destination_port': 40_000,
      'conntrack.nat.destination.address': '192.168.0.9',
      'conntrack.nat.destination.port': 8443,
      'conntrack.mark': 5,
      'conntrack.labels': '6',
      'conntrack.helper': 'ftp',
      'conntrack.state': 'ESTABLISHED',
      'conntrack.replied': true,
      'conntrack.start': '2026-01-01T00:00:00.000Z',
      'conntrack.end': '2026-01-01T00:00:01.250Z',
      'conntrack.duration_ms': 1250,
      'conntrack.from': '2026-01-01T00:00:00.500Z',
      'conntrack.to': '2026-01-01T00:00:01.250Z',
      ...traffic('traffic'),
      ...traffic('total'),
      ...traffic('counters'),
      'conntrack.estimated': true,
      'conntrack.doubts': ['zeroed', 'no-times'],
    });
  });

  test.each<[string, FlowPart, string, object]>([
    [
      'ICMPv6',
      part(1, {
        family: 'ipv6',
        protocol: 'icmpv6',
        original: { source: '::1', destination: '::2', icmp: { type: 128, code: 0, id: 7 } },
      }),
      'icmpv6 ::1 -> ::2 open',
      {
        'network.type': 'ipv6',
        'network.transport': undefined,
        'source.port': undefined,
        'conntrack.protocol': 'icmpv6',
        'conntrack.original.icmp.type': 128,
        'conntrack.original.icmp.id': 7,
      },
    ],
    [
      'UDP over IPv6',
      part(1, {
        protocol: 'udp',
        outcome: 'expired',
        original: {
          source: '::1',
          destination: '::2',
          sourcePort: 1,
          destinationPort: 53,
          zone: 4,
        },
      }),
      'udp [::1]:1 -> [::2]:53 expired',
      { 'network.transport': 'udp', 'destination.port': 53, 'conntrack.original.zone': 4 },
    ],
    [
      'no protocol with a name',
      part(1, { protocol: 'other', protocolNumber: 89 }),
      'other 10.0.0.1:40000 -> 10.0.0.2:443 open',
      { 'network.transport': undefined, 'conntrack.protocol_number': 89 },
    ],
  ])('a flow of %s', async (_, record, body, attributes) => {
    const { exporter, requests } = await collect();
    await exportFlows({ exporter }).write([record]);
    const [log] = requests.flatMap(logsOf);
    expect(log?.body.stringValue).toBe(body);
    const all = asObject(log?.attributes ?? []);
    for (const [name, value] of Object.entries(attributes)) expect(all[name], name).toEqual(value);
  });

  it('what is missing, as warnings with names of their own', async () => {
    const { exporter, requests } = await collect();
    const lost: FlowRecord = { type: 'lost', cause: 'kernel', count: 7, at };
    await exportFlows({ exporter }).write([
      lost,
      { ...lost },
      { type: 'gap', from: new Date(0), to: at },
      { type: 'notice', code: 'accounting-off', message: 'No counters.', suggested: 1, at },
    ]);
    const logs = requests.flatMap(logsOf);
    expect(logs.map(({ eventName, body }) => [eventName, body.stringValue])).toEqual([
      ['conntrack.lost', '7 events are lost (kernel)'],
      ['conntrack.lost', '7 events are lost (kernel)'],
      [
        'conntrack.gap',
        'no recorder ran from 1970-01-01T00:00:00.000Z to 2026-01-01T00:00:01.250Z',
      ],
      ['conntrack.notice', 'No counters.'],
    ]);
    expect(new Set(logs.map((log) => `${log.severityText} ${log.severityNumber}`))).toEqual(
      new Set(['WARN 13']),
    );
    expect(new Set(logs.map((log) => log.timeUnixNano))).toEqual(
      new Set([`${at.getTime()}000000`]),
    );
    expect(new Set(requests.flatMap(uidsOf)).size).toBe(4);
    const [ofLoss, , , ofNotice] = logs.map(({ attributes }) => asObject(attributes));
    expect(ofLoss).toMatchObject({ 'conntrack.cause': 'kernel', 'conntrack.count': 7 });
    expect(ofNotice).toMatchObject({
      'conntrack.code': 'accounting-off',
      'conntrack.suggested': 1,
    });
  });

  it('batches, one after the other', async () => {
    const collector = await collect();
    const { exporter, requests } = collector;
    await exportFlows({ exporter, batchSize: 2 }).write(RECORDS);
    expect(requests.map(uidsOf)).toEqual([
      ['run-1/1', 'run-1/2'],
      ['run-1/3', 'run-1/4'],
      ['run-1/5'],
    ]);
    expect(collector.most).toBe(1);
    await exportFlows({ exporter }).write([]);
    expect(requests).toHaveLength(3);
  });
});

describe('a write fails, with the reason', () => {
  const silence: Answer = () => undefined;

  test.each<[string, Answer, RegExp]>([
    [
      '400',
      refuse(400, 'no\u0007 such field'),
      /Bad Request \(HTTP 400\): no\\u0007 such field\nThe server refuses/,
    ],
    ['401', refuse(401), /Unauthorized \(HTTP 401\)\nGive the exporter the credentials/],
    ['404', refuse(404), /Not Found \(HTTP 404\)\nLook at "url" of the exporter/],
    ['413', refuse(413), /Payload Too Large \(HTTP 413\)\nSet a smaller "batchSize"/],
    ['500', refuse(500, 'x'.repeat(1000)), /\(HTTP 500\): x{200}\nThe server refuses/],
    ['503', refuse(503), /retryable status\nLook whether a collector answers/],
    ['no answer', silence, /Request timed out\nLook whether a collector answers/],
  ])('of the server: %s', async (_, answer, message) => {
    const { exporter, requests } = await collect(answer);
    const writing = exportFlows({ exporter }).write(RECORDS);
    await expect(writing).rejects.toThrow(message);
    await expect(writing).rejects.toThrow(
      /^exportFlows: 5 of 5 records are not exported, for a batch of 5 has failed: /,
    );
    await expect(writing).rejects.toHaveProperty('cause', expect.any(Error));
    expect(requests).toHaveLength(1);
  });

  it('of a connection that is refused', async () => {
    const { exporter, server } = await collect();
    server.close();
    await once(server, 'close');
    await expect(exportFlows({ exporter }).write(RECORDS)).rejects.toThrow(/ECONNREFUSED/);
  });

  test.each<[string, FlowLogExporter['export'], RegExp]>([
    ['does not call back', () => undefined, /has failed: the exporter has not answered for 20 ms/],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      /has failed: broken/,
    ],
    [
      'throws nothing',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- others may
        throw undefined;
      },
      /has failed: no reason is known/,
    ],
    [
      'fails without a reason',
      (_logs, done) => {
        done({ code: 1 });
      },
      /the exporter has failed/,
    ],
    [
      'fails with what is no error',
      (_logs, done) => {
        done({ code: 1, error: { code: 'EBROKEN' } as never });
      },
      /has failed: EBROKEN/,
    ],
  ])('of an exporter that %s', async (_, exportLogs, message) => {
    const exporter = { export: exportLogs, shutdown: async () => undefined };
    const writing = exportFlows({ exporter, timeoutMs: 20 }).write(RECORDS);
    await expect(writing).rejects.toThrow(message);
  });
});

describe('after a failure', () => {
  it('a retry goes on with the batch that has failed', async () => {
    const { exporter, requests } = await collect(accept, refuse(503), refuse(400));
    const failures: number[] = [];
    const written = await writeFlows(source, exportFlows({ exporter, batchSize: 2 }), {
      retry: (_error, count) => {
        failures.push(count);
        return 0;
      },
    });
    expect({ written, failures }).toEqual({ written: 5, failures: [1, 2] });
    expect(requests.map((request) => uidsOf(request)[0])).toEqual(
      [1, 3, 3, 3, 5].map((number) => `run-1/${number}`),
    );
  });

  it('what comes again has the same id', async () => {
    // It has come, and the acknowledgement is lost.
    const { exporter, requests } = await collect((response) => response.destroy());
    const lost: FlowRecord = { type: 'lost', cause: 'queue', count: 1, at };
    const records = [part(1), lost];
    const writer = exportFlows({ exporter });
    await expect(writer.write(records)).rejects.toThrow(/socket hang up|ECONNRESET/);
    await writer.write([...records]);
    expect(requests).toHaveLength(2);
    const [first, second] = requests.map(uidsOf);
    expect(second).toEqual(first);
  });

  it('other records begin with their first one', async () => {
    const { exporter, requests } = await collect(accept, refuse(400));
    const writer = exportFlows({ exporter, batchSize: 2 });
    await expect(writer.write(RECORDS)).rejects.toThrow(/^exportFlows: 3 of 5 records/);
    await writer.write([part(8)]);
    await writer.write(RECORDS);
    expect(requests.map((request) => uidsOf(request)[0])).toEqual(
      [1, 3, 8, 1, 3, 5].map((number) => `run-1/${number}`),
    );
  });
});

it('a partial success is one to the exporter, which reports it to the diagnostics', async () => {
  const { exporter } = await collect((response) =>
    response
      .setHeader('Content-Type', 'application/json')
      .end(
        JSON.stringify({ partialSuccess: { rejectedLogRecords: '2', errorMessage: 'too old' } }),
      ),
  );
  const warn = vi.fn();
  const logger = { verbose: warn, debug: warn, info: warn, warn, error: warn };
  diag.setLogger(logger, DiagLogLevel.WARN);
  await exportFlows({ exporter }).write(RECORDS);
  expect(warn.mock.calls.flat().join(' ')).toContain('too old');
});

describe('close()', () => {
  it('waits for a write, and shuts the exporter down once', async () => {
    let finish = () => {};
    const steps: string[] = [];
    const exporter: FlowLogExporter = {
      export: (_logs, done) => {
        finish = () => {
          steps.push('exported');
          done({ code: 0 });
        };
      },
      shutdown: async () => {
        steps.push('shut down');
      },
    };
    const writer = exportFlows({ exporter });
    const writing = writer.write(RECORDS);
    const closing = Promise.all([writer.close(), writer[Symbol.asyncDispose]()]);
    await nextTurn();
    expect(steps).toEqual([]);
    finish();
    await Promise.all([writing, closing]);
    expect(steps).toEqual(['exported', 'shut down']);
    await expect(writer.write(RECORDS)).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
  });

  it('waits for one that fails', async () => {
    const { exporter } = await collect(refuse(400));
    const writer = exportFlows({ exporter });
    const writing = writer.write(RECORDS);
    await Promise.all([expect(writing).rejects.toThrow('HTTP 400'), writer.close()]);
  });
});

test.each<[string, object]>([
  ['options.exporter: must be a LogRecordExporter', {}],
  ['options.exporter: must be a LogRecordExporter', { exporter: { export: () => undefined } }],
  ['options.resource.a: must be a string', { resource: { a: null } }],
  ['options.resource.a: must be a string', { resource: { a: [1] } }],
  ['options.resource.a: must be a string', { resource: { a: Number.NaN } }],
  ['options.batchSize: must be', { batchSize: 0 }],
  ['options.url: unknown field', { url: 'http://127.0.0.1' }],
])('refuses another option: %s', (message, options) => {
  const exporter = { export: () => undefined, shutdown: async () => undefined };
  const given = message.includes('exporter') ? options : { exporter, ...options };
  expect(() => exportFlows(given as never)).toThrow(message);
});
