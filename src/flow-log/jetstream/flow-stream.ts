/**
 * The writer to JetStream.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { isArray } from '../../core/check.js';
import { ConntrackError, closedError, typeError } from '../../core/errors.js';
import type { FlowRecord } from '../flow-record.js';
import { FlowProgress } from '../progress.js';
import type { FlowArchive, FlowHistory, FlowWriter } from '../writer.js';
import { StreamErrors } from './errors.js';
import { type Message, Messages, UNTIL } from './message.js';
import type { StreamOptions } from './options.js';
import { OPERATION, type Peers } from './peers.js';
import { type FlowStreamCounters, Publisher } from './publisher.js';

/**
 * Writes records of flows to a stream of JetStream, each as a message of JSON that `parseFlowRecord`
 * reads. Close it before the connection.
 *
 * @example
 * ```ts
 * import { connect } from '@nats-io/transport-node';
 * import { openFlowStream } from 'conntrack/flow-log/jetstream';
 *
 * const connection = await connect({ servers: 'nats.example.com', maxReconnectAttempts: -1 });
 * await using stream = await openFlowStream({ connection });
 * console.log(await stream.history(), stream.counters);
 * ```
 */
export class FlowStream implements FlowWriter, FlowArchive, AsyncDisposable {
  readonly #options: StreamOptions;
  readonly #peers: Peers;
  readonly #errors: StreamErrors;
  readonly #messages: Messages;
  readonly #publisher: Publisher;
  /** No end of a flow until then is missing in the stream. */
  #until: Date | undefined;
  #isWriting = false;
  #isClosed = false;

  /** @internal */
  constructor(options: StreamOptions, peers: Peers) {
    const { connection, subject, stream, inboxPrefix } = options;
    this.#options = options;
    this.#peers = peers;
    this.#errors = new StreamErrors(options);
    this.#messages = new Messages(peers.headers, subject, stream);
    const inbox = peers.createInbox(inboxPrefix);
    this.#publisher = new Publisher(connection, inbox, subject, this.#errors);
  }

  /** What the server has acknowledged since this stream was opened. */
  get counters(): FlowStreamCounters {
    return this.#publisher.counters;
  }

  /**
   * Publishes records, and resolves when the server has stored all of them. The same records may be
   * written again: the server drops those that it has stored within its `duplicate_window`.
   *
   * @throws `ConntrackError`: the codes are in the guide. Some of the records may be stored.
   * @throws TypeError for what is no record.
   */
  async write(records: readonly FlowRecord[]): Promise<void> {
    if (!isArray(records, 'records')) throw typeError('records', 'must be an array of records');
    this.#messages.check(records);
    if (this.#isClosed) throw closedError(OPERATION, 'stream');
    if (this.#isWriting) {
      throw new ConntrackError('another write() is pending', {
        code: 'ERR_CONNTRACK_BUSY',
        operation: OPERATION,
        hint: 'Await each write() before you call it again.',
      });
    }
    this.#isWriting = true;
    try {
      await this.#write(records);
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * Returns until when no end of a flow of this host is missing in the stream, from its last message.
   * It has no open flows: with `interval`, let a recorder resume from files of this machine.
   *
   * @throws `ConntrackError` as `write()`.
   */
  async history(): Promise<FlowHistory | undefined> {
    if (this.#isClosed) throw closedError(OPERATION, 'stream');
    const last = await this.#lastMessage();
    if (last === null) return undefined;
    const until = new Date(last.header.get(UNTIL));
    if (Number.isNaN(until.getTime())) {
      throw this.#errors.unreadable(`the header "${UNTIL}" of the last message`);
    }
    return { until, open: [] };
  }

  /** Ends a pending write, and leaves the connection open. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#publisher.close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * The last record follows when the others are stored, so that its message can say so; and so does
   * what follows the first record of all, whose message says since when there are records.
   */
  async #write(records: readonly FlowRecord[]): Promise<void> {
    const first = this.#until === undefined ? 1 : 0;
    const last = Math.max(records.length - 1, first);
    await this.#publishAlone(records.slice(0, first));
    const between = records.slice(first, last);
    await this.#publisher.publish(this.#each(between, this.#until));
    this.#until = untilAfter(between, this.#until);
    await this.#publishAlone(records.slice(last));
  }

  /** One record or none. */
  async #publishAlone(records: readonly FlowRecord[]): Promise<void> {
    const until = untilAfter(records, this.#until);
    await this.#publisher.publish(this.#each(records, until));
    this.#until = until;
  }

  *#each(records: readonly FlowRecord[], until: Date | undefined): Generator<Message, void> {
    for (const record of records) yield this.#messages.of(record, until);
  }

  async #lastMessage() {
    const { connection, stream, subject } = this.#options;
    try {
      const manager = await this.#peers.jetstreamManager(connection, { checkAPI: false });
      return await manager.streams.getMessage(stream, { last_by_subj: `${subject}.>` });
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  #errorOf(error: unknown): Error {
    const { name } = error as Partial<Error>;
    if (this.#options.connection.isClosed()) return this.#errors.closed(error);
    if (name === 'StreamNotFoundError' || name === 'JetStreamNotEnabled') {
      return this.#errors.missing(error);
    }
    if (name === 'TimeoutError') return this.#errors.silent(0, error);
    const { cause = error } = error as { readonly cause?: unknown };
    if ((cause as Partial<Error>).name === 'PermissionViolationError') {
      return this.#errors.forbidden(cause, `read the stream ${this.#options.stream}`);
    }
    return this.#errors.failed(error);
  }
}

/** Until when records are complete with these, where they were complete before. */
function untilAfter(records: readonly FlowRecord[], before: Date | undefined): Date | undefined {
  const progress = new FlowProgress();
  if (before !== undefined) progress.add({ type: 'gap', from: before, to: before });
  for (const record of records) progress.add(record);
  return progress.until;
}
