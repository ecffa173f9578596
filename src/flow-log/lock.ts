/**
 * One process writes at a time: a file names it, and is of no effect once the process has ended, however
 * it ended.
 *
 * The id of a process means nothing in a container of its own, on another machine, and of a worker thread
 * that was terminated. So the owner touches its file every few seconds, and where the id does not help,
 * whoever comes next watches it for longer. An owner that was stopped meanwhile looks, before it goes on,
 * whether the file is still its own.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readFile, readlink, rename, unlink } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { LIMITS } from '../core/limits.js';

/** Makes the error where somebody has the lock: "process 4711" or "another process". */
type Busy = (who: string) => Error;

/** The process that has a lock, as the file names it. */
interface Owner {
  readonly token: string;
  readonly pid: number;
  /** When the process began, in ticks since the machine did: a later one may get its id. */
  readonly startTicks: string;
  readonly bootId: string;
  readonly pidNamespace: string;
}

/** The tokens of this thread. */
const held = new Set<string>();

export class Lock {
  readonly #path: string;
  readonly #content: string;
  readonly #token: string;
  readonly #handle: FileHandle;
  readonly #timer: NodeJS.Timeout;
  /** When it was seen to be that of this process, and touched. */
  #beaten = performance.now();
  #isLost = false;

  private constructor(path: string, owner: Owner, handle: FileHandle) {
    this.#path = path;
    this.#content = contentOf(owner);
    this.#token = owner.token;
    this.#handle = handle;
    held.add(owner.token);
    // A failure is that of the next look.
    this.#timer = setInterval(() => void this.#beat().catch(() => undefined), LIMITS.lockBeatMs);
    this.#timer.unref();
  }

  static async take(path: string, busy: Busy): Promise<Lock> {
    const self = await thisProcess();
    const own = `${path}.${self.token}`;
    for (;;) {
      const handle = await open(own, 'wx', 0o640);
      try {
        await handle.writeFile(contentOf(self));
        // The lock appears with its content, and this fails where there is one.
        await link(own, path);
        return new Lock(path, self, handle);
      } catch (error) {
        await handle.close();
        if (codeOf(error) !== 'EEXIST') throw error;
      } finally {
        await unlink(own).catch(ignoreAbsence);
      }
      const touch = await touchOf(path);
      const found = await readFile(path, 'utf8').catch(ignoreAbsence);
      if (touch === undefined || found === undefined) continue;
      const owner = ownerIn(found);
      if (await isHeld(path, touch, owner, self)) throw busy(nameOf(owner, self));
      await removeStale(path, touch, own);
    }
  }

  /** Resolves with whether another process has taken it, because this one was stopped for so long. */
  async isLost(): Promise<boolean> {
    // While nobody can have watched it for so long, nobody has taken it.
    if (performance.now() - this.#beaten > LIMITS.lockSilenceMs / 2) await this.#beat();
    return this.#isLost;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    held.delete(this.#token);
    await this.#handle.close();
    const found = await readFile(this.#path, 'utf8').catch(ignoreAbsence);
    if (found === this.#content) await unlink(this.#path).catch(ignoreAbsence);
  }

  async #beat(): Promise<void> {
    const began = performance.now();
    // Touched before the look: whoever takes it now either sees the touch or is seen.
    const now = Date.now() / 1000;
    await this.#handle.utimes(now, now);
    const found = await readFile(this.#path, 'utf8').catch(ignoreAbsence);
    this.#isLost ||= found !== this.#content;
    this.#beaten = began;
  }
}

function contentOf(owner: Owner): string {
  return `${JSON.stringify(owner)}\n`;
}

async function isHeld(
  path: string,
  touch: string,
  owner: Owner | undefined,
  self: Owner,
): Promise<boolean> {
  if (owner !== undefined && held.has(owner.token)) return true;
  if (owner === undefined || !isFamiliar(owner, self)) return isTouched(path, touch);
  const startTicks = await startTicksOf(owner.pid);
  // /proc may hide the processes of others.
  if (startTicks === undefined) return isThere(owner.pid) && isTouched(path, touch);
  if (startTicks !== owner.startTicks) return false;
  // Another thread, or one that was terminated.
  return owner.pid !== self.pid || isTouched(path, touch);
}

/** Returns whether the id names the same process here. */
function isFamiliar(owner: Owner, self: Owner): boolean {
  return (
    self.startTicks !== '' &&
    owner.bootId === self.bootId &&
    owner.pidNamespace === self.pidNamespace
  );
}

/** Watches the file: its owner touches it while it lives. The clocks of two machines may differ. */
async function isTouched(path: string, before: string): Promise<boolean> {
  for (let looks = LIMITS.lockSilenceMs / LIMITS.lockLookMs; looks > 0; looks--) {
    await setTimeout(LIMITS.lockLookMs);
    const now = await touchOf(path);
    if (now !== before) return now !== undefined;
  }
  return false;
}

/** It is opened: a file system of another machine answers anew then. */
async function touchOf(path: string): Promise<string | undefined> {
  const handle = await open(path).catch(ignoreAbsence);
  if (handle === undefined) return undefined;
  try {
    const { ino, mtimeNs } = await handle.stat({ bigint: true });
    return `${ino} ${mtimeNs}`;
  } finally {
    await handle.close();
  }
}

/** Removes the file of a process that has ended, and never that of one that took the place or woke since. */
async function removeStale(path: string, touch: string, own: string): Promise<void> {
  const taken = `${own}.stale`;
  await rename(path, taken).catch(ignoreAbsence);
  // One that cannot be read, as for want of descriptors, goes back, too.
  const now = await touchOf(taken).catch(() => '');
  if (now !== undefined && now !== touch) await link(taken, path).catch(() => undefined);
  await unlink(taken).catch(ignoreAbsence);
}

async function thisProcess(): Promise<Owner> {
  const [startTicks, bootId, pidNamespace] = await Promise.all([
    startTicksOf(process.pid),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return {
    token: randomBytes(6).toString('hex'),
    pid: process.pid,
    startTicks: startTicks ?? '',
    bootId: bootId.trim(),
    pidNamespace,
  };
}

/** `undefined`: there is no such process, or it has ended. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Behind the name, which may have any character: state, ..., the 22nd field.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function ownerIn(content: string): Owner | undefined {
  try {
    const owner = JSON.parse(content) as Owner | null;
    return typeof owner?.pid === 'number' ? owner : undefined;
  } catch {
    return undefined;
  }
}

function nameOf(owner: Owner | undefined, self: Owner): string {
  const isKnown = owner !== undefined && isFamiliar(owner, self);
  return isKnown ? `process ${owner.pid}` : 'another process';
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function ignoreAbsence(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
  return undefined;
}
