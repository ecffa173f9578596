/** Records in JetStream: each once, whatever happens to the server. */
import {
  DiscardPolicy,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import { NatsServer } from '../../examples/flow-log/support/nats-server.js';
import type { ConntrackError } from '../../src/core/errors.js';
import { type FlowRecord, parseFlowRecord, writeFlows } from '../../src/flow-log/flow-log.js';
import { type FlowStream, openFlowStream } from '../../src/flow-log/jetstream/jetstream.js';
import { describeInNamespace } from '../support/requirements.js';

const LIMIT = 30_000;
const MOST = 16_384;
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

/** The end of a flow; its sums are its number. */
function end(number: number, fields: Partial<FlowRecord> = {}): FlowRecord {
  const original = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: number & 0xffff };
  const counts = { packets: 1, bytes: number };
  const traffic = { original: counts, reply: { packets: 0, bytes: 0 } };
  return {
    type: 'flow',
    flow: `run-${number}`,
    part: 1,
    outcome: 'expired',
    family: 'ipv4',
    protocol: 'udp',
    protocolNumber: 17,
    zone: 0,
    id: number,
    original,
    reply: { source: '10.0.0.2', destination: '10.0.0.1' },
    replied: false,
    end: at(number),
    to: at(number),
    traffic,
    total: traffic,
    estimated: false,
    ...fields,
  } as FlowRecord;
}

const ends = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => end(from + index));

/** An operator, and the user of a host. */
const CONFIGURATION = `
max_payload: ${MOST}
authorization: { users: [
  { user: operator }
  { user: host, permissions: {
    publish: ["flows.a.>", "$JS.API.STREAM.MSG.GET.FLOWS"], subscribe: "_INBOX_a.>"
  } }
] }`;

describeInNamespace('nats-server')('a flow stream', () => {
  let server: NatsServer;
  let connection: NatsConnection;
  let manager: JetStreamManager;
  let stream: FlowStream;

  const open = (options: Partial<Parameters<typeof openFlowStream>[0]> = {}) =>
    openFlowStream({ connection, host: 'a', ...options });

  const create = (config: Partial<StreamConfig> = {}) =>
    manager.streams.add({ name: 'FLOWS', subjects: ['flows.>'], ...config });

  const reconnecting = (options: NodeConnectionOptions = {}) =>
    connect({
      servers: server.address,
      user: 'operator',
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      reconnectJitter: 0,
      ...options,
    });

  /** All messages, in their order. */
  async function stored(): Promise<{ subject: string; record: FlowRecord }[]> {
    const { state } = await manager.streams.info('FLOWS');
    const messages: { subject: string; record: FlowRecord }[] = [];
    if (state.messages === 0) return messages;
    const consumer = await jetstream(connection).consumers.get('FLOWS');
    for await (const message of await consumer.consume()) {
      messages.push({ subject: message.subject, record: parseFlowRecord(message.string()) });
      if (message.info.pending === 0) break;
    }
    return messages;
  }

  beforeAll(async () => {
    server = await NatsServer.start('127.0.0.1', CONFIGURATION);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    connection = await reconnecting();
    manager = await jetstreamManager(connection);
    await create();
    stream = await open();
  });

  afterEach(async () => {
    await manager.streams.delete('FLOWS').catch(() => false);
    await connection.close();
  });

  test('has what was written, once, in its order, as it was', async () => {
    const records: FlowRecord[] = [
      { type: 'notice', code: 'accounting-off', message: 'off', at: at(0) },
      ...ends(2000),
      { type: 'lost', cause: 'kernel', count: 7, at: at(9) },
      { type: 'gap', from: at(10), to: at(11) },
    ];
    await stream.write(records);
    expect(stream.counters).toEqual({ stored: records.length, duplicates: 0 });
    expect(await stored()).toEqual(
      records.map((record) => ({ subject: `flows.a.${record.type}`, record })),
    );
  });

  test('keeps what is written again once', async () => {
    const lost: FlowRecord = { type: 'lost', cause: 'queue', count: 1, at: at(1) };
    const records = [...ends(5), lost, { ...lost }];
    for (let time = 0; time < 3; time++) await stream.write(records);
    // Two losses that look alike are two.
    expect(stream.counters).toEqual({ stored: 7, duplicates: 14 });
    await using again = await open();
    await again.write(records);
    expect(again.counters).toEqual({ stored: 0, duplicates: 7 });
    await using other = await open({ host: 'b' });
    await other.write([lost]);
    expect(other.counters).toEqual({ stored: 1, duplicates: 0 });
    expect(await stored()).toHaveLength(8);
  });

  test('killed and started again, again and again: each record once, in the end', async () => {
    const COUNT = 12_000;
    async function* source(): AsyncGenerator<FlowRecord, void> {
      yield* ends(COUNT);
    }
    let failures = 0;
    const writing = writeFlows(source(), stream, {
      retry: () => {
        failures++;
        return 20;
      },
    });
    for (const part of [0.2, 0.5, 0.8]) {
      await expect
        .poll(() => stream.counters.stored, { timeout: LIMIT })
        .toBeGreaterThan(part * COUNT);
      await server.kill();
      await server.restart();
    }
    expect(await writing).toBe(COUNT);
    expect(failures).toBeGreaterThan(0);
    const numbers = (await stored()).map(({ record }) => (record.type === 'flow' ? record.id : 0));
    expect(numbers).toHaveLength(COUNT);
    expect(new Set(numbers).size).toBe(COUNT);
    expect(numbers.reduce((sum, number) => sum + number, 0)).toBe((COUNT * (COUNT + 1)) / 2);
  });

  /** Rejects with an error of this code; a text is part of the message. */
  async function failing(code: string, writing: Promise<unknown>, ...texts: string[]) {
    const error = (await writing.then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    )) as ConntrackError;
    expect(error).toMatchObject({ name: 'ConntrackError', code, operation: 'openFlowStream' });
    for (const text of texts) expect(error.message).toContain(text);
  }

  test('killed in the middle: the write fails, and the next one has the rest', async () => {
    const records = ends(4000);
    const writing = failing('ECONNRESET', stream.write(records), 'retry');
    await expect.poll(() => stream.counters.stored, { interval: 1 }).toBeGreaterThan(500);
    await server.kill();
    await writing;
    await failing('ECONNRESET', stream.write(records));
    await server.restart();
    await expect
      .poll(() => stream.write(records).then(() => stream.counters.stored), { timeout: LIMIT })
      .toBeGreaterThan(0);
    expect(await stored()).toHaveLength(4000);
  });

  test('silent: the write fails, and later ones send nothing until the server answers', async () => {
    const records = ends(2000);
    await stream.write(records.slice(0, 1));
    server.pause();
    onTestFinished(() => {
      server.resume();
    });
    await failing('ETIMEDOUT', stream.write(records), '512 records');
    const { outMsgs, outBytes } = connection.stats();
    await failing('ETIMEDOUT', stream.write(records));
    expect(connection.stats()).toMatchObject({ outMsgs, outBytes });
    server.resume();
    await stream.write(records);
    expect(await stored()).toHaveLength(2000);
  });

  describe('refuses, and reports what to do', () => {
    test('without a stream', async () => {
      await manager.streams.delete('FLOWS');
      const command = 'nats stream add FLOWS --subjects "flows.>" --storage file';
      await failing('ENOENT', stream.write(ends(3)), '"flows.a.*"', command);
      await failing('ENOENT', stream.history(), command);
      await create();
      await stream.write(ends(3));
    });

    test('where another stream has the subjects', async () => {
      await using other = await open({ stream: 'OTHER' });
      await failing('EREMOTEIO', other.write(ends(3)), 'expected stream', 'pass its name');
    });

    test('where the stream is full', async () => {
      await manager.streams.delete('FLOWS');
      await create({ max_msgs: 2, discard: DiscardPolicy.New });
      await failing('ENOSPC', stream.write(ends(5)), 'maximum messages exceeded', 'discard old');
      await manager.streams.delete('FLOWS');
      await create({ max_bytes: 1500, discard: DiscardPolicy.New });
      await failing('ENOSPC', stream.write(ends(5)), 'more room');
    });

    test('a record that is too large', async () => {
      const large = { type: 'notice', message: 'x'.repeat(MOST), at: at(1) } as FlowRecord;
      await failing('EMSGSIZE', stream.write([large]), `max_payload of the server, ${MOST} bytes`);
      await manager.streams.update('FLOWS', { max_msg_size: 100 });
      await failing('EREMOTEIO', stream.write(ends(1)), 'max_msg_size of the stream FLOWS');
    });

    test('what the user may not do', async () => {
      const asHost = await reconnecting({ user: 'host', inboxPrefix: '_INBOX_a' });
      const options = { connection: asHost, inboxPrefix: '_INBOX_a' };
      await using own = await open(options);
      await own.write(ends(3));
      expect(await own.history()).toMatchObject({ until: at(3) });
      await using other = await open({ ...options, host: 'b' });
      await failing('EACCES', other.write(ends(3)), 'publish to "flows.b.flow"', '"flows.b.>"');
      await using deaf = await open({ connection: asHost });
      await failing('EACCES', deaf.write(ends(3)), 'subscribe to "_INBOX.');
      await own.write(ends(3, 4));
      await asHost.close();
      expect(await stored()).toHaveLength(6);
    });

    test('after the end of the connection, and of itself', async () => {
      const ending = await reconnecting();
      await using other = await open({ connection: ending });
      const writing = failing('ERR_CONNTRACK_CLOSED', other.write(ends(4000)));
      await ending.close();
      await writing;
      await failing('ERR_CONNTRACK_CLOSED', other.write(ends(1)), 'maxReconnectAttempts: -1');
      await failing('ERR_CONNTRACK_CLOSED', other.history());
      const pending = failing('ERR_CONNTRACK_CLOSED', stream.write(ends(4000)));
      await failing('ERR_CONNTRACK_BUSY', stream.write(ends(1)));
      await stream.close();
      await pending;
      const { outMsgs } = connection.stats();
      await stream.close();
      await failing('ERR_CONNTRACK_CLOSED', stream.write(ends(1)));
      expect(connection.isClosed()).toBe(false);
      expect(connection.stats()).toMatchObject({ outMsgs });
      // Closed in its first turn: nothing is sent.
      await using brief = await open();
      const early = failing('ERR_CONNTRACK_CLOSED', brief.write(ends(1)));
      await brief.close();
      await early;
      expect(connection.stats()).toMatchObject({ outMsgs });
    });

    test('what is no record', async () => {
      await expect(stream.write([null as unknown as FlowRecord])).rejects.toThrow('records[0]: ');
      await expect(stream.write({} as FlowRecord[])).rejects.toThrow('records: must be an array');
      await expect(stream.write([{ type: 'a.b' } as unknown as FlowRecord])).rejects.toThrow(
        'records[0]: must be a record of a flow log',
      );
      await stream.write([]);
    });
  });

  test('of a host has a history, of the others none', async () => {
    expect(await stream.history()).toBeUndefined();
    await stream.write([{ type: 'notice', code: 'events-off', message: '', at: at(1) }]);
    expect(await stream.history()).toEqual({ until: at(1), open: [] });
    await stream.write([end(2), end(9, { outcome: 'open', end: undefined }), end(3)]);
    // The part of an open flow does not say that all ends before it are there.
    await stream.write([end(10, { outcome: 'open', end: undefined })]);
    expect(await stream.history()).toMatchObject({ until: at(3) });
    await stream.write([{ type: 'gap', from: at(3), to: at(4) }]);
    expect(await stream.history()).toMatchObject({ until: at(4) });
    // What fails in the middle leaves the end before it.
    const large = end(6, { helper: 'x'.repeat(MOST) });
    await failing('EMSGSIZE', stream.write([end(5), large, end(7)]));
    await expect.poll(() => stored().then(({ length }) => length)).toBe(7);
    expect(await stream.history()).toMatchObject({ until: at(4) });
    await stream.write([end(5), end(6), end(7)]);
    expect(await stream.history()).toMatchObject({ until: at(7) });
    await using other = await open({ host: 'b' });
    expect(await other.history()).toBeUndefined();
    await connection.flush();
    connection.publish('flows.b.flow', 'x');
    await expect.poll(() => failing('EPROTO', other.history(), 'Flow-Log-Until')).toBe(undefined);
  });

  test('hostile names stay one token, and come back', async () => {
    const hosts = [
      'web1.example.com',
      '*',
      '>',
      'a b',
      'ü%2E',
      "!~'()\r\n",
      '$JS',
      'a'.repeat(255),
    ];
    for (const host of hosts) {
      await using one = await open({ host });
      await one.write([end(1, { flow: `${host.slice(-99)}\r\nNats-Msg-Id: x` })]);
      expect(await one.history()).toMatchObject({ until: at(1) });
    }
    const names = (await stored()).map(({ subject }) => {
      expect(subject).toMatch(/^flows\.[\w%-]+\.flow$/);
      return decodeURIComponent(subject.slice('flows.'.length, -'.flow'.length));
    });
    expect(names).toEqual(hosts);
    await expect(open({ host: '\ud800' })).rejects.toThrow('options.host: must be well-formed');
  });
});
