/**
 * One process writes to a directory at a time: a file names it, and is of no effect once the process
 * has ended, however it ended.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, readlink, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConntrackError } from '../../core/errors.js';

/** A process, so that no other one is taken for it. */
interface Owner {
  readonly pid: number;
  /** When it began, in ticks since the machine did: a later process may get its id. */
  readonly startTicks: string;
  readonly bootId: string;
  /** Ids of processes mean something in it alone. */
  readonly pidNamespace: string;
}

const FILE = 'lock';

/** Takes the directory; resolves with what gives it back. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, FILE);
  const self = await thisProcess();
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  const content = `${JSON.stringify(self)}\n`;
  for (;;) {
    await writeFile(own, content, { flag: 'wx', mode: 0o640 });
    try {
      // With its content at once, and only where there is none.
      await link(own, path);
      return () => unlink(path).catch(ignoreAbsence);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(own).catch(ignoreAbsence);
    }
    const found = await readFile(path, 'utf8').catch(ignoreAbsence);
    if (found === undefined) continue;
    await requireEnded(ownerIn(found), self, directory);
    await removeStale(path, found, own);
  }
}

/** Removes the file of a process that has ended, and never that of one that took the place since. */
async function removeStale(path: string, found: string, own: string): Promise<void> {
  const taken = `${own}.stale`;
  await rename(path, taken).catch(ignoreAbsence);
  const content = await readFile(taken, 'utf8').catch(ignoreAbsence);
  if (content !== undefined && content !== found) await link(taken, path).catch(() => undefined);
  await unlink(taken).catch(ignoreAbsence);
}

async function thisProcess(): Promise<Owner> {
  const [startTicks, bootId, pidNamespace] = await Promise.all([
    startTicksOf(process.pid),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return { pid: process.pid, startTicks: startTicks ?? '', bootId: bootId.trim(), pidNamespace };
}

/** `undefined`: there is no such process, or it has ended. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Behind the name, which may have any character: state, ..., the 22nd field.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

function ownerIn(content: string): Owner | undefined {
  try {
    return JSON.parse(content) as Owner;
  } catch {
    return undefined;
  }
}

async function requireEnded(
  owner: Owner | undefined,
  self: Owner,
  directory: string,
): Promise<void> {
  if (owner !== undefined && owner.bootId !== self.bootId) return;
  const isKnowable = self.startTicks !== '' && owner?.pidNamespace === self.pidNamespace;
  if (isKnowable && owner.startTicks !== (await startTicksOf(owner.pid))) return;
  throw new ConntrackError(
    isKnowable
      ? `process ${owner.pid} writes to ${directory}`
      : `another process may write to ${directory}, and nothing here tells whether it has ended`,
    {
      code: 'EBUSY',
      operation: 'openFlowFiles',
      hint: isKnowable
        ? 'Give each recorder a directory of its own.'
        : `If it has ended, remove ${join(directory, FILE)}.`,
    },
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function ignoreAbsence(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
  return undefined;
}
