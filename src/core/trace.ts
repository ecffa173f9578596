/**
 * What the package does, for those who debug: lines on stderr with `NODE_DEBUG=conntrack`, and
 * messages on channels of `node:diagnostics_channel`. Nobody reads: nothing is made.
 *
 * @module
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { printable } from './printable.js';

/** A request and the kernel's answer: the message of the channel `conntrack:request`. */
export interface RequestTrace {
  /** The function that sent the request, such as `'updateEntry'`. */
  readonly operation: string;
  /** The request, such as `'get'` or `'update'`: a function may send several. */
  readonly request: string;
  /** From the sending to the answer. */
  readonly milliseconds: number;
  /** The code of the failure, such as `'ENOENT'`; absent when the kernel did what it was asked. */
  readonly code?: string;
}

const log = debuglog('conntrack');
/** Node.js looks at the variable when it starts, and at each call of the getter matches it again. */
const isLogged = log.enabled;

/** A channel, and the line that stands for a message of it. */
export class Tracer<Trace extends object> {
  private readonly channel: Channel;
  private readonly line: (trace: Trace) => string;

  constructor(name: string, line: (trace: Trace) => string) {
    this.channel = channel(name);
    this.line = line;
  }

  /** Whether anybody reads. */
  get isRead(): boolean {
    return isLogged || this.channel.hasSubscribers;
  }

  write(trace: Trace): void {
    if (isLogged) log('%s', printable(this.line(trace)));
    this.channel.publish(trace);
  }
}

/** How something ended, in words. */
export function outcome(milliseconds: number, code: string | undefined): string {
  return `${code ?? 'ok'} after ${milliseconds.toFixed(3)} ms`;
}

export const requestTracer = new Tracer<RequestTrace>(
  'conntrack:request',
  ({ operation, request, milliseconds, code }) =>
    `${operation}: request ${request}: ${outcome(milliseconds, code)}`,
);

/** A line about what has no channel. */
export function note(operation: string, text: () => string): void {
  if (isLogged) log('%s: %s', operation, printable(text()));
}
