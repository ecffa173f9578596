/** The C++ tests, which run under sanitizers. */

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { type Sanitizers, underSanitizers } from './built.js';

/**
 * Runs those of a folder; rejects with what they print. Each has a limit of time, and prints its
 * name when it reaches it.
 */
export async function passCtest(
  folder: string,
  sanitizers: Sanitizers = 'sanitized',
): Promise<void> {
  try {
    await promisify(execFile)('ctest', [
      ...['--test-dir', underSanitizers(sanitizers, folder)],
      ...['--parallel', String(availableParallelism())],
      ...['--output-on-failure', '--no-tests=error'],
    ]);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`ctest failed\n${stdout}${stderr}`, { cause: error });
  }
}
