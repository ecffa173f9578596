/**
 * Errors of the file system become those of the package.
 */
import { ConntrackError } from '../../core/errors.js';

const NO_ROOM = 'Make room, or have "keepBytes" or "keepFor" remove old files.';
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM,
  EACCES: 'Let this process read and write the directory and its files.',
  EROFS: 'Give a directory on a file system that can be written to.',
};

/** `problem`: what failed, with the directory; the cause is added. */
export function fileError(operation: string, problem: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  // What is no error of the file system is a fault of the program, or has its message.
  if (code === undefined || syscall === undefined) return error;
  return new ConntrackError(`${problem}: ${message}`, {
    code,
    operation,
    syscall,
    hint: HINTS[code],
    cause: error,
  });
}
