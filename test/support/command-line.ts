/**
 * The executable of the package, in the network namespace of this process.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { isSlow } from './emulation.js';
import { NODE } from './node-command.js';

export const EXECUTABLE = fileURLToPath(new URL('../../dist/bin/conntrack-js.js', import.meta.url));

/** In a line of the shell. */
const COMMAND = [...NODE, EXECUTABLE].map((word) => `'${word}'`).join(' ');

export interface LineEnded {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const PATIENCE = isSlow ? 400_000 : 40_000;

/** Runs a program to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  input = '',
): Promise<LineEnded> {
  const child = spawn(program, args, {
    stdio: 'pipe',
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
    // Warnings of Node.js about a certificate are not ours.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: '', TERM: 'xterm' },
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** Runs a command line; its words are between spaces. */
export async function cli(line: string, input?: string): Promise<LineEnded> {
  const words = line.split(' ').filter((word) => word !== '');
  const [program = '', ...first] = NODE;
  return runProgram(program, [...first, EXECUTABLE, ...words], input);
}

/** Runs a line of the shell, in which `conntrack-js` is the executable. */
export async function shell(line: string, before: readonly string[] = []): Promise<LineEnded> {
  const script = `conntrack_js() { ${COMMAND} "$@"; }\n${line}`;
  const [program, ...args] = [...before, 'bash', '-c', script];
  return runProgram(program, args);
}

/** Runs a command line in a terminal of 80 columns; `keys` are typed. Both outputs are one. */
export async function inTerminal(line: string, keys = ''): Promise<LineEnded> {
  const command = `stty cols 80 rows 24; ${COMMAND} ${line}`;
  return runProgram('script', ['--quiet', '--return', '--command', command, '/dev/null'], keys);
}
