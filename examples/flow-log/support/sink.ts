/**
 * What an agent writes to, for the time of a run.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { FlowRecord } from 'conntrack/flow-log';
import { readFlowFiles } from 'conntrack/flow-log/files';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';
import { Collector } from './collector.js';
import { readRecords } from './comparison.js';
import { HUB } from './host.js';
import { NatsServer } from './nats-server.js';
import { createStream } from './stream.js';

export interface Sink extends AsyncDisposable {
  /** For the agent. */
  readonly target: string;
  /** A process besides the agent. */
  readonly pid?: number;
  records(): AsyncIterable<FlowRecord>;
  /** Records that have come, where it counts them. */
  readonly arrived?: number;
  /** Bytes that the records take. */
  size(): Promise<number>;
}

export async function openSink(kind: string): Promise<Sink> {
  switch (kind) {
    case 'files':
      return Folder.open();
    case 'sqlite':
      return Database.open();
    case 'jetstream':
      return Stream.open();
    case 'otlp':
      return Logs.open();
    default:
      throw new Error(`"${kind}" is no sink: files, sqlite, jetstream or otlp`);
  }
}

class Folder implements Sink {
  readonly target;

  protected constructor(target: string) {
    this.target = target;
  }

  static async open(): Promise<Folder> {
    return new this(await mkdtemp(join(tmpdir(), 'flows-')));
  }

  records(): AsyncIterable<FlowRecord> {
    return readFlowFiles(this.target);
  }

  async size(): Promise<number> {
    const files = await readdir(this.target);
    const sizes = await Promise.all(files.map((file) => stat(join(this.target, file))));
    return sizes.reduce((sum, { size }) => sum + size, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.target, { recursive: true });
  }
}

class Database extends Folder {
  override async *records(): AsyncGenerator<FlowRecord, void> {
    await using database = await openFlowDatabase({
      path: `${this.target}/flows.db`,
      readOnly: true,
    });
    yield* database.flows();
    yield* database.notes();
  }
}

class Stream implements Sink {
  readonly #server: NatsServer;

  private constructor(server: NatsServer) {
    this.#server = server;
  }

  static async open(): Promise<Stream> {
    const server = await NatsServer.start(HUB);
    const connection = await connect({ servers: server.address });
    await createStream(connection);
    await connection.close();
    return new Stream(server);
  }

  get target(): string {
    return this.#server.address;
  }

  get pid(): number {
    return this.#server.pid;
  }

  async *records(): AsyncGenerator<FlowRecord, void> {
    const connection = await connect({ servers: this.target });
    const hosts = await readRecords(connection);
    await connection.close();
    for (const records of hosts.values()) yield* records;
  }

  async size(): Promise<number> {
    const connection = await connect({ servers: this.target });
    const { streams } = await jetstreamManager(connection);
    const { state } = await streams.info('FLOWS');
    await connection.close();
    return state.bytes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** A collector counts what it gets, and keeps nothing. */
class Logs implements Sink {
  readonly #collector: Collector;

  private constructor(collector: Collector) {
    this.#collector = collector;
  }

  static async open(): Promise<Logs> {
    return new Logs(await Collector.start(HUB));
  }

  get target(): string {
    return this.#collector.address;
  }

  get pid(): number {
    return process.pid;
  }

  get arrived(): number {
    return this.#collector.count;
  }

  records(): never {
    throw new Error('a collector keeps no records: --minutes or --limit');
  }

  async size(): Promise<number> {
    return this.#collector.bytes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#collector[Symbol.asyncDispose]();
  }
}
