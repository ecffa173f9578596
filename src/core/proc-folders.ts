/**
 * Reads folders and links of /proc and /run. Those that do not exist, and those that this process may
 * not read, count as absent. Any other failure, such as a lack of file descriptors, is an error.
 */
import { readdir, readlink } from 'node:fs/promises';
import { ConntrackError } from './errors.js';

/** The names in a folder. */
export async function namesIn(operation: string, folder: string): Promise<string[]> {
  return (await unlessAbsent(operation, folder, readdir(folder))) ?? [];
}

/** The processes of /proc, in their order. */
export async function processIds(operation: string): Promise<number[]> {
  const names = await namesIn(operation, '/proc');
  const pids = names.map(Number).filter(Number.isInteger);
  return pids.sort((one, other) => one - other);
}

/** Reads a link. */
export function linkAt(operation: string, path: string): Promise<string | undefined> {
  return unlessAbsent(operation, path, readlink(path));
}

/** ENOTDIR and EINVAL: something else is there. ESRCH: the process is ending. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'EINVAL', 'ESRCH', 'EACCES', 'EPERM'];

export function isAbsentCode(code: string): boolean {
  return ABSENT.includes(code);
}

export async function unlessAbsent<T>(
  operation: string,
  path: string,
  reading: Promise<T>,
): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const { code = 'EIO', errno, syscall } = error as NodeJS.ErrnoException;
    if (isAbsentCode(code)) return undefined;
    throw new ConntrackError(`cannot read ${path}`, {
      code,
      operation,
      errno: errno === undefined ? undefined : Math.abs(errno),
      syscall,
      cause: error,
    });
  }
}
