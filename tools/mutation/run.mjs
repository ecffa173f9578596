// Runs a command to its end.
import { spawn } from 'node:child_process';

const KEPT = 200_000;

/**
 * Resolves to how it ended. `seconds`: of the processor, behind which it is killed, and forty
 * times as many of the clock, for machines are busy.
 */
export function run(command, args, cwd, { seconds = 600, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const limited = ['-c', `ulimit -t ${seconds}; exec "$0" "$@"`, command, ...args];
    const child = spawn('sh', limited, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text) => {
        if (output[name].length < KEPT) output[name] += text;
      });
    }
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), seconds * 40_000);
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...output });
    });
  });
}
