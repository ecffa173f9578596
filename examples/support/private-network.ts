/**
 * Restarts this program in a new network namespace, which ends with it and leaves the machine
 * alone.
 */
import { spawnSync } from 'node:child_process';

/** The restarted program gets this option. */
export const INSIDE = 'inside-private-network';

const AS_ROOT = ['--net'];
const AS_USER = ['--user', '--map-root-user', '--net'];

/** Returns the exit code of the program. */
export function runInPrivateNetwork(): number {
  if (process.platform !== 'linux') {
    console.error(`Connection tracking is part of Linux; this is ${process.platform}.`);
    return 1;
  }
  const refusals: string[] = [];
  for (const options of process.getuid?.() === 0 ? [AS_ROOT, AS_USER] : [AS_USER]) {
    const probe = spawnSync('unshare', [...options, process.execPath, '--version'], {
      encoding: 'utf8',
    });
    if (probe.status === 0) return runInside(options);
    if (probe.error !== undefined) {
      console.error('"unshare" is not installed; it is part of util-linux.');
      return 1;
    }
    refusals.push(`unshare ${options.join(' ')}: ${probe.stderr.trim()}`);
  }
  console.error(`This program needs a private network namespace, and the system refuses one:
  ${refusals.join('\n  ')}
Any one of these helps:
  run it as root
  allow user namespaces: sysctl -w user.max_user_namespaces=10000, on Ubuntu also
    sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
  in Docker: docker run --privileged
  read the table of this machine instead, with CAP_NET_ADMIN: npm start -- --host`);
  return 1;
}

function runInside(options: string[]): number {
  const program = [process.execPath, ...process.argv.slice(1), `--${INSIDE}`];
  const { status } = spawnSync('unshare', [...options, '--', ...program], { stdio: 'inherit' });
  return status ?? 1;
}
