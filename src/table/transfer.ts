/**
 * Saving a table and restoring it.
 *
 * @module
 */

import { restoreTable } from '../entry/restore-table.js';
import type {
  RestoreEntriesOptions,
  RestoreEntriesResult,
  TextReadable,
  TextWritable,
  WriteEntriesOptions,
  WriteEntriesResult,
} from '../entry/transfer.js';
import { writeTable } from '../entry/write-table.js';
import type { EntryFilter } from '../filter/filter.js';
import { atMost, within } from '../request/context.js';

/**
 * Writes the entries that match as JSON, one `entry.toJSON()` a line (NDJSON), and resolves when
 * the stream has taken them; it does not end the stream. {@link restoreEntries} reads the result.
 *
 * It needs no more memory for a large table: 256 entries are given to the stream at a time, and the
 * next ones when it has taken those. Entries with a `master` come last, behind what expected them:
 * where there are some, the table is read twice.
 *
 * Privileges and errors as for {@link streamEntries}.
 *
 * @throws the error of the stream, as it is.
 * @throws TypeError for a wrong argument, naming it; then nothing was written.
 *
 * @example
 * ```ts
 * import { createWriteStream } from 'node:fs';
 * import { finished } from 'node:stream/promises';
 * import { writeEntries } from 'conntrack';
 *
 * const file = createWriteStream('table.ndjson');
 * const { entries } = await writeEntries(file);
 * file.end();
 * await finished(file);
 * console.log(entries);
 * ```
 */
export async function writeEntries(
  this: unknown,
  writable: TextWritable,
  filter?: EntryFilter | readonly EntryFilter[],
  options?: WriteEntriesOptions,
): Promise<WriteEntriesResult> {
  atMost(3, arguments);
  return within(this, 'writeEntries', async (context) =>
    writeTable(context, 'writeEntries', writable, filter, options),
  );
}

/**
 * Creates the entries of lines that {@link writeEntries} has written, or that `parseEntries` reads
 * (`conntrack -L -o save`), in any mixture, and returns what became of them. A failure does not stop
 * the rest: `failed` counts those lines, and `failures` has the first 100.
 *
 * It needs no more memory for a long text: 1,024 lines are sent while the next ones are read. A line
 * has at most 65,536 characters. An entry whose `master` is not there yet is created behind the
 * others; 16 MiB of such lines wait, and more are failures.
 *
 * Labels need a rule that uses them, helpers their module: load both first. What packets create before
 * is counted in `existed` and stays as it is.
 *
 * A stream that is not read to its end is destroyed. Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`, `ERR_CONNTRACK_CLOSED`, and when
 * the kernel answers nothing. Entries that were created before stay.
 * @throws the error of the stream, as it is.
 * @throws TypeError for a wrong argument, naming it; then nothing was sent.
 *
 * @example
 * ```ts
 * import { createReadStream } from 'node:fs';
 * import { restoreEntries } from 'conntrack';
 *
 * const { created, existed, failures } = await restoreEntries(createReadStream('table.ndjson'));
 * console.log(created, existed);
 * for (const { line, error } of failures) console.warn(line, error.message);
 * ```
 */
export async function restoreEntries(
  this: unknown,
  readable: TextReadable,
  options?: RestoreEntriesOptions,
): Promise<RestoreEntriesResult> {
  atMost(2, arguments);
  return within(this, 'restoreEntries', async (context) =>
    restoreTable(context, 'restoreEntries', readable, options),
  );
}
