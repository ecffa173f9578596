/**
 * Reads files of /proc. Only a file that does not exist may be missing from the result. Any other
 * failure, such as a lack of file descriptors, is an error, because it would look the same.
 */
import { codeOf, describing } from './errors.js';
import { loadAddon } from './load-addon.js';
import type { NativeFailure, NetNamespaceArgument } from './native.js';

export interface ProcFile {
  /** `undefined` for a file that does not exist. */
  readonly text: string | undefined;
  /** The error of opening it. */
  readonly failure: NativeFailure | undefined;
}

/** Reads files at once: a job of the thread pool would take as long again. Some microseconds each. */
export function readProcFiles<const Paths extends readonly string[]>(
  operation: string,
  netns: NetNamespaceArgument,
  paths: Paths,
): { readonly [Index in keyof Paths]: ProcFile } {
  const files = loadAddon().readFiles(netns, paths);
  return paths.map((path, index) => {
    const { text, failure } = files[index] ?? {};
    if (failure !== undefined && codeOf(failure.errno) !== 'ENOENT') {
      throw unreadableError(operation, path, failure);
    }
    return { text, failure };
  }) as { readonly [Index in keyof Paths]: ProcFile };
}

function unreadableError(operation: string, path: string, failure: NativeFailure) {
  const problem = `cannot read ${path}: ${failure.syscall} failed: ${codeOf(failure.errno)}`;
  return describing(operation, failure)(problem);
}
