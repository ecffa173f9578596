/**
 * A real server, with JetStream and its store in a temporary folder. It ends with this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export class NatsServer implements AsyncDisposable {
  /** As `servers` of connect(). */
  readonly address: string;
  readonly #folder: string;
  #process: ChildProcess;

  private constructor(folder: string, address: string, process: ChildProcess) {
    this.#folder = folder;
    this.address = address;
    this.#process = process;
  }

  /** `configuration`: more lines of its file. The system chooses the port. */
  static async start(host = '127.0.0.1', configuration = ''): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), 'nats-server-'));
    const written = `jetstream: { store_dir: "${folder}" }\n${configuration}`;
    await writeFile(join(folder, 'server.conf'), written);
    const { process, address } = await run(folder, `${host}:-1`);
    return new NatsServer(folder, address, process);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  /** Starts it again after `kill()`, on its port and its store. */
  async restart(): Promise<void> {
    this.#process = (await run(this.#folder, this.address)).process;
  }

  /** Stops it in the middle of whatever it does. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function run(folder: string, address: string) {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const host = address.slice(0, address.lastIndexOf(':'));
  const options = ['--config', join(folder, 'server.conf'), '--addr', host, '--port', port];
  const started = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'nats-server', ...options, '--ports_file_dir', folder],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  started.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4096);
  });
  let problem: Error | undefined;
  started.once('error', (error) => {
    problem = error;
  });
  const file = join(folder, `nats-server_${started.pid ?? 0}.ports`);
  for (;;) {
    if (problem !== undefined) throw problem;
    if (started.exitCode !== null) throw new Error(`nats-server ended: ${log}`);
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.endsWith('}')) return { process: started, address: addressIn(text) };
    await setTimeout(10);
  }
}

function addressIn(ports: string): string {
  const { nats } = JSON.parse(ports) as { readonly nats: readonly [string, ...string[]] };
  return nats[0].replace('nats://', '');
}
