/** The C++ tests. */

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { inTree, type Tree } from './built.js';

/**
 * Runs those of a folder; rejects with what they print. Each has a limit of time, and prints its
 * name when it reaches it.
 */
export async function passCtest(folder: string, tree: Tree = 'sanitized'): Promise<void> {
  try {
    await promisify(execFile)('ctest', [
      ...['--test-dir', inTree(tree, folder)],
      ...['--parallel', String(availableParallelism())],
      ...['--output-on-failure', '--no-tests=error'],
    ]);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`ctest failed\n${stdout}${stderr}`, { cause: error });
  }
}
