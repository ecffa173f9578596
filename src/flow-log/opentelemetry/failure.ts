/**
 * Says why records were not exported, and what to do.
 */
import { printable } from '../../core/printable.js';

/** The most characters of an answer that a message has. */
const SHOWN = 200;

/** `left`: those of the write that are not exported, `count` of which were tried. */
export function failureOf(cause: unknown, count: number, left: number, all: number): Error {
  return new Error(
    `exportFlows: ${left} of ${all} records are not exported, for a batch of ${count} has failed: ` +
      `${reasonOf(cause)}\n${hintOf(cause)}`,
    { cause },
  );
}

/** The error of an OTLP exporter has the status of HTTP as its code, and the answer. */
interface Details {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly data?: unknown;
}

function detailsOf(cause: unknown): Details {
  return typeof cause === 'object' && cause !== null ? cause : { message: cause };
}

function reasonOf(cause: unknown): string {
  const { message, code, data } = detailsOf(cause);
  const texts = [message, code, 'no reason is known'];
  const what = texts.find((text) => typeof text === 'string' && text !== '') as string;
  const status = typeof code === 'number' ? ` (HTTP ${code})` : '';
  const answer = typeof data === 'string' && data !== '' ? `: ${data.slice(0, SHOWN)}` : '';
  return printable(`${what}${status}${answer}`);
}

function hintOf(cause: unknown): string {
  const { code } = detailsOf(cause);
  switch (code) {
    case 401:
    case 403:
      return 'Give the exporter the credentials of the server, in "headers".';
    case 404:
      return 'Look at "url" of the exporter: the path of logs over OTLP/HTTP is /v1/logs.';
    case 413:
      return 'Set a smaller "batchSize", or raise the limit of the server.';
    default:
      break;
  }
  if (typeof code === 'number') {
    return 'The server refuses these records; its log has the reason. Another try sends the same.';
  }
  return (
    'Look whether a collector answers at "url" of the exporter. "retry" of writeFlows() sends the ' +
    'records again.'
  );
}
