/**
 * Options of `openFlowFiles`.
 *
 * @module
 */
import { resolve } from 'node:path';
import { boolean, integer, object, optional } from '../../core/check.js';
import { LIMITS } from '../../core/limits.js';
import { duration, type Interval } from '../duration.js';
import { directoryPath } from './read-flow-files.js';

/** Options of {@link openFlowFiles}. */
export interface FlowFilesOptions {
  /** Is made, where there is none. */
  readonly directory: string;
  /** A file of as many bytes is complete: the next write begins another. Default: 64 MiB. */
  readonly fileBytes?: number | undefined;
  /** After which time a file is complete: milliseconds, or a text such as `'15m'`. Default: `'1h'`. */
  readonly fileTime?: Interval | undefined;
  /** Compresses complete files with gzip. Default: `true`. */
  readonly compress?: boolean | undefined;
  /** Removes the oldest complete files when all have more bytes than this. Default: keeps them. */
  readonly keepBytes?: number | undefined;
  /** Removes complete files whose last record is older than this, such as `'30d'`. Default: keeps them. */
  readonly keepFor?: Interval | undefined;
}

/** With defaults, and times in milliseconds. */
export interface CheckedFilesOptions {
  readonly directory: string;
  readonly fileBytes: number;
  readonly fileMs: number;
  readonly compress: boolean;
  readonly keepBytes: number | undefined;
  readonly keepMs: number | undefined;
}

const checked = object<FlowFilesOptions>({
  directory: directoryPath,
  fileBytes: optional(integer(LIMITS.leastFlowFileBytes, Number.MAX_SAFE_INTEGER)),
  fileTime: optional(duration(LIMITS.leastFlowFileMs)),
  compress: optional(boolean),
  keepBytes: optional(integer(0, Number.MAX_SAFE_INTEGER)),
  keepFor: optional(duration(LIMITS.leastFlowFileMs, LIMITS.longestKeptMs)),
});

export function filesOptionsOf(options: FlowFilesOptions): CheckedFilesOptions {
  const {
    directory,
    fileBytes = LIMITS.flowFileBytes,
    fileTime = LIMITS.flowFileMs,
    compress = true,
    keepBytes,
    keepFor,
  } = checked(options, 'options');
  return {
    // Whatever the working directory is later.
    directory: resolve(directory),
    fileBytes,
    fileMs: Number(fileTime),
    compress,
    keepBytes,
    keepMs: keepFor === undefined ? undefined : Number(keepFor),
  };
}
