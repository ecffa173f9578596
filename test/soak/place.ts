/**
 * The network namespace that something happens in: the process's own, or that of another process.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A program of test/support/native, by name. */
export function program(name: string): string {
  return fileURLToPath(new URL(`../../build/test/support/native/${name}`, import.meta.url));
}

export type Child = ChildProcessByStdio<Writable, Readable, null>;

export class Place {
  readonly #prefix: readonly string[];

  /** Of a process, or the own one. */
  constructor(readonly pid?: number) {
    this.#prefix = pid === undefined ? [] : ['nsenter', '--target', String(pid), '--net', '--'];
  }

  /** Starts a program there. */
  start(command: string, ...args: string[]): Child {
    const [first = '', ...rest] = [...this.#prefix, command, ...args];
    return spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Runs a program there to its end, and returns what it printed. */
  run(command: string, ...args: string[]): string {
    const [first = '', ...rest] = [...this.#prefix, command, ...args];
    const { status, stdout, stderr, error } = spawnSync(first, rest, { encoding: 'utf8' });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`${command}: exit code ${status}\n${stderr}`);
    return stdout;
  }
}

/** A namespace that lives as long as a process that waits in it. */
export class OwnedPlace extends Place implements AsyncDisposable {
  readonly #keeper: Child;

  private constructor(keeper: Child) {
    super(keeper.pid);
    this.#keeper = keeper;
  }

  static async create(): Promise<OwnedPlace> {
    const script = 'ip link set lo up && echo ready && exec cat';
    const keeper = new Place().start('unshare', '--net', '--', 'sh', '-c', script);
    await once(keeper.stdout, 'data');
    return new OwnedPlace(keeper);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ended(this.#keeper);
  }
}

/** Ends a program by the end of its stdin, and returns its exit code. */
export async function ended(child: Child): Promise<number | null> {
  const exited = once(child, 'close');
  child.stdin.end();
  child.stdout.resume();
  const [code] = (await exited) as [number | null];
  return code;
}
