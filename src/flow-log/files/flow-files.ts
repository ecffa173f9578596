/**
 * The writer of files.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isArray } from '../../core/check.js';
import { ConntrackError, closedError, typeError } from '../../core/errors.js';
import type { FlowRecord } from '../flow-record.js';
import type { Lock } from '../lock.js';
import type { FlowArchive, FlowHistory, FlowWriter } from '../writer.js';
import { compressFile, syncDirectory } from './compress.js';
import { fileError } from './file-error.js';
import { logFilesAmong, nameOf, timeOf } from './names.js';
import type { OpenFlows } from './open-flows.js';
import type { CheckedFilesOptions } from './options.js';

/** The file that is written. */
interface Current {
  readonly name: string;
  readonly path: string;
  readonly handle: FileHandle;
  /** When it was begun, as `performance.now()`. */
  readonly began: number;
  readonly timer: NodeJS.Timeout;
  /** All of it is records, and on the disk. */
  size: number;
  /** There may be more behind them. */
  isTorn: boolean;
}

const OPERATION = 'FlowFiles.write';

/**
 * Records in files of a directory. A resolved `write()` has its records on the disk (`fdatasync`).
 *
 * One process at a time writes to a directory.
 *
 * @example
 * ```ts
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { openFlowFiles } from 'conntrack/flow-log/files';
 *
 * await using files = await openFlowFiles({ directory: 'flows' });
 * const recorder = recordFlows({ resume: files });
 * process.on('SIGTERM', () => recorder.finish());
 * const retry = (error: unknown) => {
 *   console.warn(error);
 *   return 1000;
 * };
 * await writeFlows(recorder, files, { retry });
 * ```
 */
export class FlowFiles implements FlowWriter, FlowArchive, AsyncDisposable {
  readonly directory: string;
  readonly #options: CheckedFilesOptions;
  readonly #openFlows: OpenFlows;
  readonly #lock: Lock;
  #current: Current | undefined;
  /** The time in the last name. */
  #lastName: number;
  /** What is under way, one at a time. */
  #work: Promise<unknown> = Promise.resolve();
  /** The same of complete files. */
  #upkeep: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(
    options: CheckedFilesOptions,
    openFlows: OpenFlows,
    names: readonly string[],
    lock: Lock,
  ) {
    this.directory = options.directory;
    this.#options = options;
    this.#openFlows = openFlows;
    this.#lock = lock;
    this.#lastName = Math.max(0, ...names.map(timeOf));
    this.#keepUp();
  }

  /**
   * Appends records, a line each.
   *
   * @throws ConntrackError with the code of the file system, such as `ENOSPC`. None of the records is
   *   in the file then, or the next call takes them out first, and may succeed.
   * @throws ConntrackError, code `EBUSY`: this process was stopped for so long that another one has taken
   *   the directory.
   */
  async write(records: readonly FlowRecord[]): Promise<void> {
    if (!isArray(records, 'records')) throw typeError('records', 'must be an array of records');
    if (this.#closed !== undefined) throw closedError(OPERATION, 'the flow files');
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    await this.#inTurn(async () => {
      await this.#append(Buffer.from(text));
      for (const record of records) this.#openFlows.add(record);
    });
  }

  /** Until when the records are complete, and which flows were open then. */
  async history(): Promise<FlowHistory | undefined> {
    return this.#openFlows.history;
  }

  /** Completes the file that is written, waits for compression, and gives the directory back. Idempotent. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    try {
      // A process that has taken the directory has completed the file.
      await this.#inTurn(async () => {
        if (!(await this.#lock.isLost())) await this.#complete();
      });
      await this.#upkeep;
    } finally {
      // Where it could not be completed: the next start does that.
      clearTimeout(this.#current?.timer);
      await this.#current?.handle.close().catch(() => undefined);
      await this.#lock.release();
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#work.then(act);
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #requireLock(): Promise<void> {
    if (!(await this.#lock.isLost())) return;
    throw new ConntrackError(
      `another process has taken ${this.directory}, while this one was stopped`,
      { code: 'EBUSY', operation: OPERATION, hint: 'Give each recorder a directory of its own.' },
    );
  }

  async #append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    try {
      await this.#requireLock();
      const { fileBytes, fileMs } = this.#options;
      const before = this.#current;
      if (before !== undefined) {
        const isOld = performance.now() - before.began >= fileMs;
        if (before.isTorn) await this.#mend(before);
        if (before.size >= fileBytes || isOld) await this.#complete();
      }
      this.#current ??= await this.#begin();
      const current = this.#current;
      current.isTorn = true;
      try {
        await writeAll(current.handle, bytes, current.size);
        await current.handle.datasync();
        // This process may have been stopped meanwhile: these bytes may be in a file that is gone.
        await this.#requireLock();
        current.size += bytes.length;
        current.isTorn = false;
      } catch (error) {
        await this.#mend(current).catch(() => undefined);
        throw error;
      }
    } catch (error) {
      throw fileError(OPERATION, `records are not written to ${this.directory}`, error);
    }
  }

  /** Cuts off what no call has acknowledged. */
  async #mend(current: Current): Promise<void> {
    await current.handle.truncate(current.size);
    await current.handle.datasync();
    current.isTorn = false;
  }

  async #begin(): Promise<Current> {
    const { fileMs } = this.#options;
    this.#lastName = Math.max(Date.now(), this.#lastName + 1);
    const name = nameOf(this.#lastName);
    const path = join(this.directory, `${name}.ndjson.part`);
    const handle = await open(path, 'wx', 0o640);
    const timer = setTimeout(() => {
      // A failure is that of the next write.
      this.#inTurn(async () => {
        if (this.#current?.name === name && !(await this.#lock.isLost())) await this.#complete();
      }).catch(() => undefined);
    }, fileMs);
    timer.unref();
    const current = { name, path, handle, began: performance.now(), timer, size: 0, isTorn: false };
    this.#current = current;
    await syncDirectory(this.directory);
    return current;
  }

  /** The file that is written gets no more records. */
  async #complete(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    if (current.isTorn) await this.#mend(current);
    const { name, path, handle, size, timer } = current;
    try {
      if (size === 0) await unlink(path);
      else await rename(path, join(this.directory, `${name}.ndjson`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#warn(`${name}.ndjson.part was removed by another program, with its records`, error);
    }
    clearTimeout(timer);
    this.#current = undefined;
    await handle.close();
    await syncDirectory(this.directory);
    await this.#openFlows.save(name).catch((error: unknown) => {
      this.#warn('the open flows cannot be saved; the next start reads more files', error);
    });
    this.#keepUp();
  }

  #keepUp(): void {
    this.#upkeep = this.#upkeep.then(async () => {
      try {
        if (await this.#lock.isLost()) return;
        if (this.#options.compress) await this.#compress();
        await this.#removeOld();
      } catch (error) {
        this.#warn(
          'complete files cannot be compressed, or removed; the next one tries again',
          error,
        );
      }
    });
  }

  async #compress(): Promise<void> {
    for (const { name, suffixes } of logFilesAmong(await readdir(this.directory))) {
      if (suffixes.has('.ndjson')) await compressFile(this.directory, name);
    }
  }

  async #removeOld(): Promise<void> {
    const { keepBytes = Number.POSITIVE_INFINITY, keepMs = Number.POSITIVE_INFINITY } =
      this.#options;
    if (keepBytes === Number.POSITIVE_INFINITY && keepMs === Number.POSITIVE_INFINITY) return;
    const { savedUpTo = '' } = this.#openFlows;
    let bytes = 0;
    const files = logFilesAmong(await readdir(this.directory)).reverse();
    for (const { name, suffixes } of files) {
      for (const suffix of suffixes) {
        const path = join(this.directory, name + suffix);
        const { size, mtimeMs } = await stat(path);
        bytes += size;
        // The file that is written stays, and so does what the next start needs.
        if (suffix === '.ndjson.part' || name > savedUpTo) continue;
        if (bytes > keepBytes || Date.now() - mtimeMs > keepMs) await unlink(path);
      }
    }
  }

  #warn(what: string, error: unknown): void {
    const message = `${this.directory}: ${what}: ${(error as Error).message}`;
    process.emitWarning(message, { code: 'CONNTRACK_FLOW_FILES' });
  }
}

/** A write may take less than all. */
async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
