/**
 * `conntrack -E`, as the oracle for events.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { EntryEvent, ExpectationEvent } from 'conntrack';

const NETLINK_NETFILTER = '12';

/** What it has not printed by then it will not print. */
const PATIENCE_MS = 10_000;

export class EventTool implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  private constructor(table: 'conntrack' | 'expect') {
    const options = {
      conntrack: ['-b', '8388608', '-o', 'timestamp,id,ktimestamp'],
      expect: ['-o', 'timestamp'],
    };
    this.#child = spawn('conntrack', ['-E', table, ...options[table]], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  /** Resolves when it listens. Nobody else may, before. */
  static async start(table: 'conntrack' | 'expect' = 'conntrack'): Promise<EventTool> {
    const tool = new EventTool(table);
    while (!somebodyListens()) {
      if (tool.#child.exitCode !== null) throw new Error('conntrack -E has ended');
      await setTimeout(5);
    }
    return tool;
  }

  /**
   * What it has printed, in the form of {@link lineOf}, once it is so many lines: killed
   * earlier, it leaves what it has received unprinted.
   */
  async stop(lines: number): Promise<string[]> {
    const deadline = performance.now() + PATIENCE_MS;
    while (this.#lines().length < lines && performance.now() < deadline) await setTimeout(5);
    await this[Symbol.asyncDispose]();
    return this.#lines().map(normalized);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill();
    await closed;
  }

  #lines(): string[] {
    return this.#output.split('\n').filter(Boolean);
  }
}

/** The line that the tool prints of an event, without the time at which it printed it. */
export function lineOf({ type, entry, originPortId }: EntryEvent): string {
  const origin = originPortId === 0 ? '' : ` [USERSPACE] portid=${originPortId}`;
  return `[${type.toUpperCase()}] ${String(entry)} id=${entry.id}${origin}`;
}

/** The same of an event about an expectation, of which the tool prints no id. */
export function expectationLineOf({ type, expectation }: ExpectationEvent): string {
  const word = type === 'expectation-new' ? 'NEW' : 'DESTROY';
  return `[${word}] ${String(expectation)}`;
}

/**
 * Without times as words, which `entry.startTime` has better, and without the name
 * that it finds for a port id when that is the id of a process that still runs.
 */
function normalized(line: string): string {
  return line
    .replace(/^\[[\d.]+\s*\]\s+/, '')
    .replace(/ \[(?:start|stop)=[^\]]*\]/g, '')
    .replace(/ progname=.*$/, '');
}

/** Whether somebody in this network namespace listens to netfilter events. */
export function somebodyListens(): boolean {
  const [, ...sockets] = readFileSync('/proc/thread-self/net/netlink', 'utf8').trim().split('\n');
  return sockets.some((socket) => {
    const [, protocol, , groups] = socket.trim().split(/\s+/);
    return protocol === NETLINK_NETFILTER && groups !== '00000000';
  });
}
