// Prints which lines and branches of native/os its own tests run (gcovr). Fails below the
// figures here.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const LINES = 98; // percent
const BRANCHES = 90;

const root = fileURLToPath(new URL('..', import.meta.url));
const parallel = ['--parallel', String(availableParallelism())];

function run(command, args, stdio = ['ignore', 'ignore', 'inherit']) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

run(process.execPath, ['tools/prepare.mjs', 'addon']); // the headers of Node.js
run('cmake', ['--preset', 'coverage']);
run('cmake', ['--build', 'out/coverage', ...parallel, '--target', 'os_tests']);
run('ctest', ['--test-dir', 'out/coverage/test/os', ...parallel, '--output-on-failure']);
run(
  'gcovr',
  [
    ...['--root', '.', '--object-directory', 'out/coverage', '--filter', 'native/os/'],
    // What the compiler adds is no branch of ours.
    ...['--exclude-throw-branches', '--exclude-unreachable-branches', '--print-summary'],
    ...['--fail-under-line', String(LINES), '--fail-under-branch', String(BRANCHES)],
  ],
  'inherit',
);
