/**
 * Messages that are under way, until the server has acknowledged them.
 */
import type { Msg, NatsConnection, Status, Subscription } from '@nats-io/transport-node';
import { LIMITS } from '../../core/limits.js';
import type { StreamErrors } from './errors.js';
import type { Message } from './message.js';

/** What the server has acknowledged. */
export interface FlowStreamCounters {
  /** Records that it has stored. */
  readonly stored: number;
  /** Records that it had stored before: they are once in the stream. */
  readonly duplicates: number;
}

/** What the server answers to a message. */
interface Acknowledgement {
  readonly seq?: unknown;
  readonly duplicate?: unknown;
  readonly error?: { readonly description?: unknown; readonly err_code?: unknown };
}

/** What is being published. */
interface Publishing {
  readonly messages: Iterator<Message>;
  /** Replies that have not come. */
  readonly underWay: Set<string>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  isAllSent: boolean;
  /** When the last acknowledgement came, as `performance.now()`. */
  heard: number;
  timer: NodeJS.Timeout | undefined;
}

export class Publisher {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  readonly #subject: string;
  readonly #errors: StreamErrors;
  #replies: Subscription | undefined;
  #number = 0;
  #current: Publishing | undefined;
  /** Messages of a failed call may still be under way, or there is no connection. */
  #hasFailed = false;
  #crossing: Promise<void> | undefined;
  #isClosed = false;
  #stored = 0;
  #duplicates = 0;

  /** `subject`: all messages are on subjects below it. */
  constructor(connection: NatsConnection, inbox: string, subject: string, errors: StreamErrors) {
    this.#connection = connection;
    this.#inbox = inbox;
    this.#subject = subject;
    this.#errors = errors;
    void this.#watch();
  }

  get counters(): FlowStreamCounters {
    return { stored: this.#stored, duplicates: this.#duplicates };
  }

  /**
   * Resolves when the server has acknowledged all, some hundred of them at a time under way. Rejects
   * at the first that it refuses or does not answer; the rest is not sent.
   */
  async publish(messages: Iterable<Message>): Promise<void> {
    await this.#settle();
    if (this.#isClosed) throw this.#errors.closed();
    this.#subscribe();
    await new Promise<void>((resolve, reject) => {
      const current: Publishing = {
        messages: messages[Symbol.iterator](),
        underWay: new Set(),
        resolve,
        reject,
        isAllSent: false,
        heard: performance.now(),
        timer: undefined,
      };
      this.#current = current;
      this.#awaitAnswers(current, LIMITS.acknowledgedMs);
      this.#send(current);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#fail(this.#errors.closed());
    this.#replies?.unsubscribe();
  }

  /**
   * What was sent before has reached the server or is lost, so that the messages of calls that fail
   * do not pile up before a server that is silent.
   */
  async #settle(): Promise<void> {
    if (this.#connection.isClosed()) throw this.#errors.closed();
    if (!this.#hasFailed) return;
    this.#crossing ??= this.#connection.flush().finally(() => {
      this.#crossing = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#errors.silent(0));
      }, LIMITS.acknowledgedMs);
    });
    try {
      await Promise.race([this.#crossing.catch((error: unknown) => this.#lost(error)), late]);
    } finally {
      clearTimeout(timer);
    }
    this.#hasFailed = false;
  }

  #lost(cause: unknown): never {
    if (this.#connection.isClosed()) throw this.#errors.closed(cause);
    throw this.#errors.disconnected(0, cause);
  }

  #subscribe(): void {
    if (this.#replies?.isClosed() === false) return;
    this.#replies = this.#connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, reply) => {
        if (error === null) this.#take(reply);
        else this.#fail(this.#errors.forbidden(error, `subscribe to "${this.#inbox}.*"`));
      },
    });
  }

  #send(current: Publishing): void {
    const { messages, underWay } = current;
    try {
      while (!current.isAllSent && underWay.size < LIMITS.acknowledgementsUnderWay) {
        const next = messages.next();
        if (next.done === true) current.isAllSent = true;
        else this.#publish(next.value, underWay);
      }
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (current.isAllSent && underWay.size === 0) this.#end(current)?.resolve();
  }

  #publish({ subject, payload, headers }: Message, underWay: Set<string>): void {
    const reply = `${this.#inbox}.${++this.#number}`;
    try {
      this.#connection.publish(subject, payload, { reply, headers });
    } catch (error) {
      throw this.#refusal(error, payload);
    }
    underWay.add(reply);
  }

  #refusal(error: unknown, payload: string): Error {
    if (this.#connection.isClosed() || this.#connection.isDraining()) {
      return this.#errors.closed(error);
    }
    const bytes = Buffer.byteLength(payload);
    const most = this.#connection.info?.max_payload ?? bytes;
    return bytes + HEADER_BYTES > most
      ? this.#errors.tooLarge(bytes, most)
      : this.#errors.failed(error);
  }

  #take(reply: Msg): void {
    const current = this.#current;
    // Answers to calls that have failed come, too.
    if (current?.underWay.delete(reply.subject) !== true) return;
    current.heard = performance.now();
    if (reply.data.length === 0 && reply.headers?.code === NO_RESPONDERS) {
      this.#fail(this.#errors.missing());
      return;
    }
    const refusal = this.#acknowledge(reply);
    if (refusal === undefined) this.#send(current);
    else this.#fail(refusal);
  }

  /** Returns why the message is not stored. */
  #acknowledge(reply: Msg): Error | undefined {
    let answer: Acknowledgement | null;
    try {
      answer = reply.json<Acknowledgement | null>();
    } catch (error) {
      return this.#errors.unreadable('the acknowledgement of the server', error);
    }
    if (answer?.error !== undefined) {
      const { description, err_code: number } = answer.error;
      return this.#errors.refused(
        String(description),
        typeof number === 'number' ? number : undefined,
      );
    }
    if (typeof answer?.seq !== 'number') {
      return this.#errors.unreadable('the acknowledgement of the server');
    }
    if (answer.duplicate === true) this.#duplicates++;
    else this.#stored++;
    return undefined;
  }

  #awaitAnswers(current: Publishing, delay: number): void {
    current.timer = setTimeout(() => {
      const left = current.heard + LIMITS.acknowledgedMs - performance.now();
      if (left > 0) this.#awaitAnswers(current, left);
      else this.#fail(this.#errors.silent(current.underWay.size));
    }, delay);
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) this.#heed(status);
    this.#fail(this.#errors.closed());
  }

  #heed(status: Status): void {
    if (status.type === 'disconnect') {
      this.#hasFailed = true;
      this.#fail(this.#errors.disconnected(this.#current?.underWay.size ?? 0));
    } else if (status.type === 'error') {
      const { operation, subject = '' } = status.error as Partial<PermissionViolation>;
      if (operation !== 'publish' || !subject.startsWith(`${this.#subject}.`)) return;
      this.#fail(this.#errors.forbidden(status.error, `publish to "${subject}"`));
    }
  }

  #fail(error: Error): void {
    this.#end(this.#current)?.reject(error);
  }

  /** Returns what was published until now. */
  #end(current: Publishing | undefined): Publishing | undefined {
    if (current === undefined) return undefined;
    clearTimeout(current.timer);
    this.#hasFailed ||= current.underWay.size > 0;
    this.#current = undefined;
    return current;
  }
}

/** What the client makes of a refusal. */
interface PermissionViolation {
  readonly operation: 'publish' | 'subscription';
  readonly subject: string;
}

/** Nobody subscribes to the subject, not even JetStream. */
const NO_RESPONDERS = 503;
/** Less than all headers of a message have. */
const HEADER_BYTES = 64;
