/**
 * A network namespace that the test is not in.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from './namespace.js';

/** It lives as long as a process that sleeps in it. */
export class OtherNetwork implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
  }

  static async create(): Promise<OtherNetwork> {
    const script = 'ip link set lo up && echo ready && cat';
    const child = spawn('unshare', ['--net', '--', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return new OtherNetwork(child);
  }

  /** Runs a program in it, to its end. */
  run(command: string, ...args: string[]): string {
    return run('nsenter', ...this.#inside, command, ...args);
  }

  /** Starts a program in it. */
  start(command: string, ...args: string[]): ChildProcess {
    return spawn('nsenter', [...this.#inside, command, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  get #inside(): string[] {
    return ['--target', String(this.pid), '--net', '--'];
  }

  /** Reads, or writes, `net.netfilter.nf_conntrack_<name>` in it. */
  setting(name: string, value?: number): string {
    const path = `/proc/sys/net/netfilter/nf_conntrack_${name}`;
    if (value !== undefined) this.run('sh', '-c', `echo ${value} > ${path}`);
    return this.run('cat', path).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}
