// What runs of native/, as gcc counts it in the tree out/coverage (CMakePresets.json).
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tree = 'out/coverage';
export const parallel = ['--parallel', String(availableParallelism())];

/** Ends the program when the command fails. */
export function run(command, args, stdio = ['ignore', 'ignore', 'inherit']) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Builds a target, and forgets what was counted. */
export function build(target) {
  run('cmake', ['--preset', 'coverage']);
  run('cmake', ['--build', tree, ...parallel, '--target', target]);
  for (const file of readdirSync(join(root, tree), { recursive: true })) {
    if (file.endsWith('.gcda')) rmSync(join(root, tree, file));
  }
}

/** Prints it for a folder, and fails below these percentages. */
export function report(folder, { lines, branches }) {
  run(
    'gcovr',
    [
      ...['--root', '.', '--object-directory', tree, '--filter', folder],
      // What the compiler adds is no branch of ours.
      ...['--exclude-throw-branches', '--exclude-unreachable-branches', '--print-summary'],
      ...['--fail-under-line', String(lines), '--fail-under-branch', String(branches)],
    ],
    'inherit',
  );
}
