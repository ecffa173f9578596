/**
 * Child processes, and how they ended.
 */

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { isSlow } from './emulation.js';
import { NODE } from './node-command.js';

/** A child that runs for longer hangs: it is killed, and its signal says so. */
const PATIENCE = isSlow ? 400_000 : 40_000;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs Node.js to its end. It is in the network namespace of this process. */
export async function runNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  patience = PATIENCE,
): Promise<Ended> {
  const [program = '', ...first] = NODE;
  const child = spawn(program, [...first, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patience,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<Pick<Ended, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  const [stdout, stderr, how] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { ...how, stdout, stderr };
}
