/**
 * Network namespaces for both sides: this package works in one, the tool in its twin.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Conntrack, OTHER_PROTOCOL_NUMBERS, PROTOCOL_NUMBERS } from 'conntrack';

/** How a program has ended. */
export interface ToolEnded {
  readonly code: number;
  readonly lines: readonly string[];
  readonly message: string;
}

/** The executable of this package. */
export const OWN = fileURLToPath(new URL('../../dist/bin/conntrack-js.js', import.meta.url));

const RESIDENT = fileURLToPath(new URL('../../tools/peer-suite/resident.mjs', import.meta.url));

/** Whether each command line of this package is a process, or one process runs all of them. */
export type Running = 'processes' | 'resident';

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

/** The names of labels in both namespaces. */
export const LABELS: ReadonlyMap<number, string> = new Map([
  [0, 'guest'],
  [1, 'voice'],
  [63, 'backup'],
  [127, 'last'],
]);

/**
 * The tools read the names of protocols and labels in /etc: each namespace has an /etc of its own, with
 * the names of this package.
 */
function etcScript(): string {
  const protocols = Object.entries({ ...OTHER_PROTOCOL_NUMBERS, ...PROTOCOL_NUMBERS });
  const here = (path: string, lines: readonly string[]) =>
    `cat > ${path} <<'END'\n${lines.join('\n')}\nEND`;
  return [
    'mount -t tmpfs none /etc && mkdir /etc/xtables',
    here(
      '/etc/protocols',
      protocols.map(([name, number]) => `${name} ${number}`),
    ),
    here(
      '/etc/xtables/connlabel.conf',
      Array.from(LABELS, ([bit, name]) => `${bit} ${name}`),
    ),
    'ip link set lo up',
  ].join('\n');
}

/** Entries have room for labels where a rule sets one. */
const WITH_LABELS = `table ip labels {
  chain output { type filter hook output priority 0; mark 0xdead ct label set 1; }
}`;

export class NamespaceError extends Error {
  override readonly name = 'NamespaceError';

  constructor() {
    super('no network namespace could be made: run it as root, or in `unshare --map-root-user`');
  }
}

/** A network namespace that lives as long as a process that waits in it. */
export class Side implements AsyncDisposable {
  readonly handle: Conntrack;
  readonly #pid: number;
  readonly #child: ChildProcess;
  readonly #running: Running;
  #resident: ChildProcess | undefined;
  #answers: AsyncIterator<string> | undefined;

  private constructor(child: ChildProcess, pid: number, handle: Conntrack, running: Running) {
    this.#child = child;
    this.#running = running;
    this.#pid = pid;
    this.handle = handle;
  }

  static async create(running: Running): Promise<Side> {
    const child = spawn(
      'unshare',
      ['--net', '--mount', '--', 'sh', '-c', `${etcScript()}\necho ready && exec cat`],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const [first] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit'),
    ])) as unknown[];
    const { pid } = child;
    if (String(first) !== 'ready\n' || pid === undefined) {
      throw new NamespaceError();
    }
    return new Side(child, pid, await Conntrack.open({ netns: { pid } }), running);
  }

  /** Runs a program in the namespace. */
  async run(
    program: string,
    args: readonly string[],
    input?: readonly string[],
  ): Promise<ToolEnded> {
    const inside = this.#inside();
    // The tool opens /dev/stdin, and what Node.js gives it is a socket, which it cannot.
    const piped = input === undefined ? [] : ['sh', '-c', 'cat | "$@"', 'sh'];
    const child = spawn('nsenter', [...inside, ...piped, program, ...args], { stdio: 'pipe' });
    child.stdin.on('error', () => undefined); // It may end without reading.
    child.stdin.end(input?.map((line) => `${line}\n`).join(''));
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { code: code ?? 1, lines: linesOf(stdout), message: stderr.trim() };
  }

  /** Runs the command line of this package in the namespace; one at a time. */
  async runOwn(words: readonly string[], input?: readonly string[]): Promise<ToolEnded> {
    if (this.#running === 'processes') return this.run(process.execPath, [OWN, ...words], input);
    this.#resident ??= spawn('nsenter', [...this.#inside(), process.execPath, RESIDENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers ??= createInterface({ input: this.#resident.stdout as Readable })[
      Symbol.asyncIterator
    ]();
    this.#resident.stdin?.write(`${JSON.stringify({ words, input })}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`the resident has ended: ${words.join(' ')}`);
    const { code, stdout, stderr } = JSON.parse(answer.value) as Answer;
    return { code, lines: linesOf(stdout), message: stderr.trim() };
  }

  /** Starts a program in the namespace. */
  start(program: string, args: readonly string[]): ChildProcess {
    return spawn('nsenter', [...this.#inside(), program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #inside(): string[] {
    return ['--target', String(this.#pid), '--net', '--mount', '--'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
    for (const child of [this.#resident, this.#child]) {
      if (child === undefined) continue;
      const exited = once(child, 'exit');
      child.stdin?.end();
      await exited;
    }
  }
}

/** Both sides. */
export class Twins implements AsyncDisposable {
  readonly ours: Side;
  readonly theirs: Side;

  private constructor(ours: Side, theirs: Side) {
    this.ours = ours;
    this.theirs = theirs;
  }

  static async create(running: Running): Promise<Twins> {
    const [ours, theirs] = await Promise.all([Side.create(running), Side.create(running)]);
    const twins = new Twins(ours, theirs);
    await twins.both(async (side) => {
      const { code, message } = await side.run('nft', ['-f', '-'], [WITH_LABELS]);
      if (code !== 0) throw new Error(`nft: ${message}`);
    });
    return twins;
  }

  /** Does the same on both sides. */
  async both<T>(act: (side: Side) => Promise<T>): Promise<[ours: T, theirs: T]> {
    return Promise.all([act(this.ours), act(this.theirs)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.both(async (side) => side[Symbol.asyncDispose]());
  }
}
