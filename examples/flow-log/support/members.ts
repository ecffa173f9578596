/**
 * The programs of a host: its traffic, its agent, and a listener beside it.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from './host.js';

const programOf = (name: string) => fileURLToPath(new URL(`${name}.js`, import.meta.url));

export class Agent {
  readonly pid: number;
  readonly #process;

  private constructor(process: ReturnType<Host['start']>) {
    this.#process = process;
    this.pid = process.pid ?? 0;
  }

  /** Resolves when it records into JetStream. */
  static start(host: Host, server: string): Promise<Agent> {
    return Agent.run(host, '../agent', server, host.name);
  }

  /** Starts a program that prints a line when it records. */
  static async run(host: Host, program: string, ...args: string[]): Promise<Agent> {
    const process = host.start(globalThis.process.execPath, programOf(program), ...args);
    const agent = new Agent(process);
    createInterface(process.stderr).on('line', (line) => {
      console.log(`${host.name}: ${line}`);
    });
    await new Promise<void>((resolve, reject) => {
      createInterface(process.stdout).once('line', () => {
        resolve();
      });
      process.once('exit', (code) => {
        reject(new Error(`the agent of ${host.name} ended with ${code}`));
      });
    });
    return agent;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }
}

export class Traffic {
  readonly #process;

  constructor(host: Host, others: readonly Host[], round: number) {
    const addresses = [host, ...others].map(({ address }) => address);
    const program = programOf('traffic');
    this.#process = host.start(process.execPath, program, String(round), ...addresses);
    this.#process.stdout.resume();
    this.#process.stderr.pipe(process.stderr, { end: false });
  }

  /** Resolves when its flows have ended. */
  async end(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }
}
