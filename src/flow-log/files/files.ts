/**
 * `conntrack/flow-log/files`: records of flows in files. See the guide to the flow log.
 *
 * @module conntrack/flow-log/files
 */
import { access, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConntrackError } from '../../core/errors.js';
import { Lock } from '../lock.js';
import { fileError } from './file-error.js';
import { FlowFiles } from './flow-files.js';
import { logFilesAmong } from './names.js';
import { OpenFlows } from './open-flows.js';
import { type CheckedFilesOptions, type FlowFilesOptions, filesOptionsOf } from './options.js';
import { describeDamage } from './read-flow-files.js';
import { recover } from './recover.js';

export type { FlowFilesOptions } from './options.js';
export {
  type FlowFileDamage,
  type OnDamage,
  type ReadFlowFilesOptions,
  readFlowFiles,
} from './read-flow-files.js';
export type { FlowFiles };

/**
 * Opens a directory for records: lines of JSON in files, one after another by size and time, complete
 * ones compressed. What a killed process has left is completed first: no half line becomes a record,
 * and no record of a resolved `write()` is missing.
 *
 * A process warning, `CONNTRACK_FLOW_FILES`, reports lines that are no records, which are left as they
 * are, and complete files that cannot be compressed or removed.
 *
 * @throws ConntrackError, code `EBUSY`, while another process writes to the directory.
 * @throws ConntrackError with the code of the file system, such as `EACCES`.
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { openFlowFiles } from 'conntrack/flow-log/files';
 *
 * await using files = await openFlowFiles({ directory: '/var/log/flows', keepFor: '30d' });
 * const recorder = recordFlows({ interval: '60s', resume: files });
 * process.on('SIGTERM', () => recorder.finish());
 * await writeFlows(recorder, files);
 * ```
 */
export async function openFlowFiles(options: FlowFilesOptions): Promise<FlowFiles> {
  const checked = filesOptionsOf(options);
  try {
    return await openLocked(checked);
  } catch (error) {
    throw fileError('openFlowFiles', `${checked.directory} cannot be opened`, error);
  }
}

/** With those above it. The option `recursive` of Node.js does not end in /proc, and hides EROFS. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o750 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The lock needs it next: what is no directory fails there.
    if (code === 'EEXIST') return;
    const above = dirname(directory);
    if (code !== 'ENOENT' || (await isThere(above))) throw error;
    await makeDirectory(above);
    await makeDirectory(directory);
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function openLocked(options: CheckedFilesOptions): Promise<FlowFiles> {
  const { directory } = options;
  await makeDirectory(directory);
  const lock = await Lock.take(join(directory, 'lock'), (who) => {
    const hint = 'Give each recorder a directory of its own.';
    return new ConntrackError(`${who} writes to ${directory}`, {
      code: 'EBUSY',
      operation: 'openFlowFiles',
      hint,
    });
  });
  try {
    await recover(directory);
    const openFlows = new OpenFlows(directory, (damage) => {
      process.emitWarning(describeDamage(damage), { code: 'CONNTRACK_FLOW_FILES' });
    });
    await openFlows.load();
    const names = logFilesAmong(await readdir(directory)).map(({ name }) => name);
    return new FlowFiles(options, openFlows, names, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}
