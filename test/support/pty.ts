/**
 * A terminal: a program in a pseudo-terminal of script(1), and the screen that it draws.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as timeout } from 'node:timers/promises';
import xterm from '@xterm/headless';
import { EXECUTABLE } from './command-line.js';
import { isSlow } from './emulation.js';

const PATIENCE = isSlow ? 120_000 : 15_000;

/** The executable, for a shell. */
export const PROGRAM = `'${process.execPath}' '${EXECUTABLE}'`;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Cell {
  readonly text: string;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isInverse: boolean;
  /** Of the palette; -1: that of the terminal. */
  readonly colour: number;
}

export class Pty {
  readonly #child: ChildProcess;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #ended: Promise<number | null>;
  #changed: () => void = () => undefined;
  /** All bytes that the program has written. */
  written = '';

  /** @param line What the shell of the terminal runs. */
  private constructor(line: string, { columns, rows }: Size, env: NodeJS.ProcessEnv) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const command = `stty cols ${columns} rows ${rows}; ${line}`;
    this.#child = spawn(
      'script',
      ['--quiet', '--return', '--flush', '--command', command, '/dev/null'],
      {
        stdio: 'pipe',
        env: {
          ...process.env,
          NODE_EXTRA_CA_CERTS: '',
          TERM: 'xterm-256color',
          SHELL: '/bin/bash',
          ...env,
        },
      },
    );
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.written += text;
      this.#terminal.write(text, () => {
        this.#changed();
      });
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
  }

  /** Runs a line of the shell, in which `$TOP` is the executable. */
  static open(
    line: string,
    size: Size = { columns: 80, rows: 24 },
    env: NodeJS.ProcessEnv = {},
  ): Pty {
    return new Pty(line.replaceAll('$TOP', PROGRAM), size, env);
  }

  /** The lines of the screen, without spaces at their end. */
  get screen(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  /** One line with its colours. */
  cells(row: number): Cell[] {
    const { active } = this.#terminal.buffer;
    const line = active.getLine(active.viewportY + row);
    return Array.from({ length: this.#terminal.cols }, (_, column) => {
      const cell = line?.getCell(column);
      return {
        text: cell?.getChars() ?? '',
        isBold: cell?.isBold() !== 0,
        isDim: cell?.isDim() !== 0,
        isInverse: cell?.isInverse() !== 0,
        colour: cell?.isFgDefault() === true ? -1 : (cell?.getFgColor() ?? -1),
      };
    });
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Resizes the terminal of the program, whose kernel then sends SIGWINCH. */
  resize({ columns, rows }: Size): void {
    const tty = readlinkSync(`/proc/${this.pid}/fd/0`);
    this.#terminal.resize(columns, rows);
    execFileSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)]);
  }

  /** The process of the executable. */
  get pid(): number {
    const pid = descendants(this.#child.pid ?? 0).find((one) => {
      const [program = '', file = ''] = readFileSync(`/proc/${one}/cmdline`, 'utf8').split('\0');
      return program === process.execPath && file === EXECUTABLE;
    });
    if (pid === undefined) throw new Error(`the program does not run:\n${this.screen.join('\n')}`);
    return pid;
  }

  /** Waits until `isSo` holds for the screen, and returns its result. */
  async until<T>(what: string, isSo: (screen: readonly string[]) => T): Promise<T> {
    const late = timeout(PATIENCE, undefined, { ref: false }).then(() => 'late' as const);
    for (;;) {
      const found = isSo(this.screen);
      if (found) return found;
      const changed = new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
      if ((await Promise.race([late, changed])) === 'late') {
        throw new Error(
          `the screen has no ${what}:\n${this.screen.join('\n')}\n${this.#threads()}`,
        );
      }
    }
  }

  /** What each thread of the program does, and in which function of the kernel. */
  #threads(): string {
    try {
      const folder = `/proc/${this.pid}/task`;
      const lines = readdirSync(folder).map((thread) => {
        const read = (name: string) => readFileSync(`${folder}/${thread}/${name}`, 'utf8');
        return `${read('comm').trim()}: ${/State:\s+(.*)/.exec(read('status'))?.[1]}, ${read('wchan')}`;
      });
      return lines.join('\n');
    } catch (error) {
      return String(error);
    }
  }

  shows(text: string | RegExp): Promise<unknown> {
    const isThere = (line: string) =>
      typeof text === 'string' ? line.includes(text) : text.test(line);
    return this.until(String(text), (screen) => screen.some(isThere));
  }

  /** The exit code of the line. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}
