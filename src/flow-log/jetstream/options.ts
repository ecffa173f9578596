/**
 * Options of `openFlowStream`.
 */
import { hostname } from 'node:os';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Check, instance, object, optional, text } from '../../core/check.js';
import { typeError } from '../../core/errors.js';
import { shown } from '../../core/show-value.js';
import { hostToken } from './subject.js';

/** Options of {@link openFlowStream}. */
export interface FlowStreamOptions {
  /**
   * A connection to the server, as `connect()` of `@nats-io/transport-node` returns it. By default the
   * client gives up after ten tries to reconnect: pass `maxReconnectAttempts: -1` to `connect()`.
   */
  readonly connection: NatsConnection;
  /**
   * Names the host in the subjects; no two hosts may have the same. All but letters, digits, `-` and `_`
   * is percent-encoded, so that a name with dots stays one token. Default: `os.hostname()`.
   */
  readonly host?: string | undefined;
  /** The first tokens of the subjects. Default: `flows`. */
  readonly prefix?: string | undefined;
  /** The stream that has to take the records. Default: `FLOWS`. */
  readonly stream?: string | undefined;
  /** The `inboxPrefix` that `connect()` was called with. Default: that of the client, `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
}

/** Options that were checked, with their defaults. */
export interface StreamOptions {
  readonly connection: NatsConnection;
  /** Of this host: the types of records follow. */
  readonly subject: string;
  readonly prefix: string;
  readonly stream: string;
  readonly inboxPrefix: string | undefined;
}

const connection = instance<NatsConnection>(
  'a connection to NATS, as connect() of "@nats-io/transport-node" returns it',
  ({ publish, subscribe, flush, status, isClosed }) =>
    [publish, subscribe, flush, status, isClosed].every((method) => typeof method === 'function'),
);

const matching =
  (pattern: RegExp, expected: string): Check<string> =>
  (value, path) => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw typeError(path, `must be ${expected}, not ${shown(value)}`);
  };

const subject = matching(
  /^[\w-]{1,64}(?:\.[\w-]{1,64}){0,9}$/,
  'one to ten words of up to 64 letters, digits, "-" and "_", with dots between them',
);

const checked = object<FlowStreamOptions>({
  connection,
  host: optional(text(1, 255)),
  prefix: optional(subject),
  stream: optional(matching(/^[\w-]{1,255}$/, 'a word of letters, digits, "-" and "_"')),
  inboxPrefix: optional(subject),
});

export function streamOptionsOf(value: FlowStreamOptions): StreamOptions {
  const {
    connection,
    host = hostname(),
    prefix = 'flows',
    stream = 'FLOWS',
    inboxPrefix,
  } = checked(value, 'options');
  const subject = `${prefix}.${hostToken(host, 'options.host')}`;
  return { connection, subject, prefix, stream, inboxPrefix };
}
