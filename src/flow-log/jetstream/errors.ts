/**
 * Why records are not in the stream.
 */
import { ConntrackError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { StreamOptions } from './options.js';
import { OPERATION } from './peers.js';

/** The errors of one stream. */
export class StreamErrors {
  readonly #prefix: string;
  readonly #stream: string;
  readonly #subject: string;

  constructor({ prefix, stream, subject }: StreamOptions) {
    this.#prefix = prefix;
    this.#stream = stream;
    this.#subject = subject;
  }

  missing(cause?: unknown): ConntrackError {
    return this.#error(
      'ENOENT',
      `no stream takes "${this.#subject}.*"`,
      'Switch JetStream on in the server, and create the stream once:\n' +
        `  nats stream add ${this.#stream} --subjects "${this.#prefix}.>" --storage file \\\n` +
        '    --retention limits --discard old --max-age 30d --max-bytes 100GB \\\n' +
        '    --dupe-window 2m --defaults',
      cause,
    );
  }

  forbidden(cause: unknown, what: string): ConntrackError {
    return this.#error(
      'EACCES',
      `the server forbids this user to ${what}`,
      `A host needs the permissions to publish to "${this.#subject}.>" and ` +
        `"$JS.API.STREAM.MSG.GET.${this.#stream}", and to subscribe to its inbox.`,
      cause,
    );
  }

  tooLarge(bytes: number, most: number): ConntrackError {
    return this.#error(
      'EMSGSIZE',
      `a record of ${bytes} bytes exceeds max_payload of the server, ${most} bytes`,
      'Raise max_payload in the configuration of the server.',
    );
  }

  /** The stream has answered that it does not store a message. */
  refused(reason: string, number: number | undefined): ConntrackError {
    const code = number !== undefined && FULL.has(number) ? 'ENOSPC' : 'EREMOTEIO';
    const hint = number === undefined ? undefined : HINTS.get(number);
    const shown = number === undefined ? '' : ` (${number})`;
    return this.#error(
      code,
      `the stream ${this.#stream} refused a record: ${reason}${shown}`,
      hint?.replaceAll('STREAM', this.#stream),
    );
  }

  unreadable(what: string, cause?: unknown): ConntrackError {
    return this.#error(
      'EPROTO',
      `cannot read ${what}`,
      `See that only JetStream, and only this package, uses the subjects "${this.#subject}.*".`,
      cause,
    );
  }

  /** `count`: records that were sent and not acknowledged. */
  disconnected(count: number, cause?: unknown): ConntrackError {
    const problem =
      count === 0
        ? 'there is no connection to the server'
        : `the connection to the server was lost before it acknowledged ${count} records`;
    return this.#error('ECONNRESET', problem, AGAIN, cause);
  }

  /** As `disconnected()`. */
  silent(count: number, cause?: unknown): ConntrackError {
    const what = count === 0 ? 'answer' : `acknowledge ${count} records`;
    const problem = `the server did not ${what} within ${LIMITS.acknowledgedMs} ms`;
    return this.#error('ETIMEDOUT', problem, AGAIN, cause);
  }

  /** Nothing can be sent on the connection any more. */
  closed(cause?: unknown): ConntrackError {
    return this.#error(
      'ERR_CONNTRACK_CLOSED',
      'the connection to the server is closed',
      'Connect again, and open another stream. The client gives up after ten tries to reconnect, ' +
        'unless connect() has "maxReconnectAttempts: -1".',
      cause,
    );
  }

  failed(cause: unknown): ConntrackError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return this.#error('EREMOTEIO', `the client of NATS failed: ${why}`, undefined, cause);
  }

  #error(code: string, problem: string, hint?: string, cause?: unknown): ConntrackError {
    return new ConntrackError(problem, { code, operation: OPERATION, hint, cause });
  }
}

const AGAIN = '"retry" of writeFlows() writes the records again: the server keeps one of each.';

/** Error numbers of JetStream: no storage, and the limits of a stream. */
const FULL: ReadonlySet<number> = new Set([10_023, 10_047, 10_077]);

const OTHER_STREAM = 10_060;
const TOO_LARGE = 10_054;

const HINTS: ReadonlyMap<number, string> = new Map([
  ...[...FULL].map(
    (number) =>
      [
        number,
        'Give the server or the stream STREAM more room, or "--discard old", so that its oldest ' +
          'records make room.',
      ] as const,
  ),
  [OTHER_STREAM, 'Another stream takes these subjects: pass its name in "stream", or change it.'],
  [TOO_LARGE, 'Raise or remove max_msg_size of the stream STREAM.'],
]);
