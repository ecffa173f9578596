/**
 * The program test/support/native/populate.cc: tables of many entries, and tables
 * that change.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Entry } from 'conntrack';
import { built } from '../support/built.js';
import { run } from '../support/namespace.js';

const program = built('test/support/native/populate');

/** Creates the entries `first` to `first + count - 1`: UDP, every other one IPv6. */
export function createMany(first: number, count: number): void {
  run(program, 'create', String(first), String(count));
}

/** Creates them as createMany does, while JavaScript goes on. */
export class Creator {
  readonly exited: Promise<unknown>;

  constructor(first: number, count: number) {
    this.exited = once(spawn(program, ['create', String(first), String(count)]), 'exit');
  }
}

/** Deletes the entries with these numbers. */
export function deleteThese(numbers: Iterable<number>): void {
  execFileSync(program, ['delete'], { input: [...numbers].join('\n') });
}

/** Which entry of this program it is. */
export function numberOf({ family, original: { source } }: Entry): number {
  // fd00::N, or 10.N
  if (family === 'ipv4') {
    return (
      source.split('.').reduce((number, byte) => number * 256 + Number(byte), 0) - 10 * 2 ** 24
    );
  }
  const [low = '0', high = '0'] = source.slice('fd00::'.length).split(':').reverse();
  return Number.parseInt(high || '0', 16) * 65536 + Number.parseInt(low || '0', 16);
}

/** Creates and deletes these entries over and over, until it is stopped. */
export class Churn {
  readonly #child: ChildProcess;
  readonly #times: Promise<string>;

  constructor(first: number, count: number) {
    this.#child = spawn(program, ['churn', String(first), String(count)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#times = this.#child.stdout === null ? Promise.resolve('') : text(this.#child.stdout);
  }

  /** Gives how many times it created and deleted all of them. */
  async stop(): Promise<number> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const [status] = (await exited) as [number | null];
    if (status !== 0) throw new Error(`populate ended with ${status}`);
    return Number(await this.#times);
  }
}
