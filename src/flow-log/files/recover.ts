/**
 * Takes over what a process has left that ended in the middle of its work.
 */
import { open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './compress.js';
import { bytesOf, type FileLine, linesOf } from './lines.js';
import { HALF_COMPRESSED, logFilesAmong, OPEN_FLOWS } from './names.js';
import { recordIn } from './read-flow-files.js';

/** Completes the files of a directory that nobody writes to. */
export async function recover(directory: string): Promise<void> {
  const names = await readdir(directory);
  const remove = (name: string) => unlink(join(directory, name));
  for (const name of names) {
    if (name.endsWith(HALF_COMPRESSED) || name === `${OPEN_FLOWS}.part`) await remove(name);
  }
  for (const { name, suffixes } of logFilesAmong(names)) {
    if (suffixes.has('.ndjson.part')) await completeFile(directory, name);
    // It was to be removed next.
    if (suffixes.has('.ndjson') && suffixes.has('.ndjson.gz')) await remove(`${name}.ndjson`);
  }
  await syncDirectory(directory);
}

async function completeFile(directory: string, name: string): Promise<void> {
  const path = join(directory, `${name}.ndjson.part`);
  const end = await endOfRecords(path);
  if (end === 0) {
    await unlink(path);
    return;
  }
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(end);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(path, join(directory, `${name}.ndjson`));
}

/** Where the last record ends. What is behind it was never acknowledged. */
async function endOfRecords(path: string): Promise<number> {
  let last = 0;
  /** Lines behind it, of which the last one that is a record counts. */
  let lines: FileLine[] = [];
  const settle = () => {
    last = lines.findLast(isRecord)?.end ?? last;
    lines = [];
  };
  const handle = await open(path);
  for await (const line of linesOf(bytesOf({ path, handle, isCompressed: false }))) {
    lines.push(line);
    if (lines.length === LINES) settle();
  }
  settle();
  return last;
}

const LINES = 1024;

function isRecord({ text }: FileLine): boolean {
  try {
    recordIn(text);
    return true;
  } catch {
    // Readers report it where records follow.
    return false;
  }
}
