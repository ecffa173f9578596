/**
 * The programs of a host: its traffic, and its agent.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from './host.js';

const pathOf = (name: string) => fileURLToPath(new URL(`${name}.js`, import.meta.url));

/** One of the programs beside this file. */
export class Program {
  readonly pid: number;
  readonly #process;
  #line = '';

  private constructor(process: ReturnType<Host['start']>) {
    this.#process = process;
    this.pid = process.pid ?? 0;
  }

  /** Resolves when it has printed a line. */
  static async run(host: Host, name: string, ...args: string[]): Promise<Program> {
    const started = host.start(process.execPath, pathOf(name), ...args);
    const program = new Program(started);
    createInterface(started.stderr).on('line', (line) => {
      console.log(`${host.name}: ${line}`);
    });
    await new Promise<void>((resolve, reject) => {
      createInterface(started.stdout).on('line', (line) => {
        program.#line = line;
        resolve();
      });
      started.once('exit', (code) => {
        reject(new Error(`${name} of ${host.name} ended with ${code}`));
      });
    });
    return program;
  }

  /** The last line that it has printed. */
  get line(): string {
    return this.#line;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }

  /** Ends its input, and resolves when it has ended, too, and all that it printed is read. */
  async finish(): Promise<void> {
    const ended = once(this.#process, 'close');
    this.#process.stdin.end();
    await ended;
  }
}

/** Starts what records into JetStream. */
export function runAgent(host: Host, server: string): Promise<Program> {
  return Program.run(host, '../agent', server, host.name);
}

/** Starts real traffic: `round` flows at a time, as fast as it goes with one other host. */
export function runTraffic(host: Host, others: readonly Host[], round: number): Promise<Program> {
  const addresses = [host, ...others].map(({ address }) => address);
  return Program.run(host, 'traffic', String(round), ...addresses);
}
