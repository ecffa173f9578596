/**
 * A network namespace of its own for everything that is measured.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Without root, a user namespace gives the right to make a network namespace. */
export function unshareFlags(): string[] {
  return process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];
}

/** Runs a script of ours in a fresh network namespace. Returns its exit code. */
export async function runInNamespace(script: string, ...args: string[]): Promise<number> {
  const child = spawn('unshare', [...unshareFlags(), process.execPath, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true, // a process group, so that a signal reaches the trial that runs
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    });
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
