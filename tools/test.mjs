// Runs the tests. Kernel tests need a network namespace: root has that right; any
// other user gets it in a user namespace, where this whole run then takes place.
import { spawnSync } from 'node:child_process';

const vitest = [
  process.execPath,
  'node_modules/vitest/vitest.mjs',
  'run',
  ...process.argv.slice(2),
];
const inUserNamespace = ['unshare', '--user', '--map-root-user', '--net', '--'];

function succeeds([command, ...args]) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const wrap = process.getuid() !== 0 && succeeds([...inUserNamespace, 'true']);
const [command, ...args] = wrap ? [...inUserNamespace, ...vitest] : vitest;
const { status } = spawnSync(command, args, { stdio: 'inherit' });
process.exit(status ?? 1);
