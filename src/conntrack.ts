/**
 * The handle on one network namespace.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { objectOf } from './core/check.js';
import { loadAddon } from './core/load-addon.js';
import { openNetNamespace } from './core/net-namespace.js';
import type { DeletedEntries, DeleteOptions, DeleteResult, FlushOptions } from './entry/spec.js';
import type { EntryFilter } from './filter/filter.js';
import { Context } from './request/context.js';
import * as table from './table/table.js';

/** Which table a handle is for. */
export interface OpenOptions {
  /**
   * The network namespace: its name under /run/netns (`ip netns`), an absolute path such as
   * /proc/1234/ns/net, or `{ pid }` for that of a process. Default: the namespace of the
   * calling thread.
   */
  readonly netns?: string | { readonly pid: number } | undefined;
}

/** The arguments of the function of this name, and so of the method. */
type Arguments<Name extends keyof typeof table> = Parameters<(typeof table)[Name]>;

/**
 * A handle on the connection tracking table of one network namespace. Each method is also a
 * function of the module. A handle keeps one socket for its requests; the functions share one per
 * thread. Requests that wait at the same time are sent together, in the order of the calls.
 *
 * @example
 * ```ts
 * import { Conntrack } from 'conntrack';
 *
 * const conntrack = await Conntrack.open();
 * console.log(await conntrack.countEntries());
 * await conntrack.close();
 * ```
 */
export class Conntrack implements Pick<typeof table, keyof typeof table>, AsyncDisposable {
  readonly #context: Context;

  private constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Opens a handle on a network namespace, by default the calling thread's. Opening that one
   * needs no privileges; its methods do.
   *
   * With `netns` every method works in that namespace, including those that read settings and
   * counters. No thread of the process changes its own namespace. The handle keeps the
   * namespace alive after its name is deleted or its process ends. Privileges with `netns`:
   * CAP_SYS_ADMIN in the user namespace that owns it and in the caller's.
   *
   * @throws {@link ConntrackError} `ENOENT` when the namespace does not exist, `EINVAL` when
   * the path is not one, `EPERM` or `EACCES` when this process may not enter it;
   * `ERR_CONNTRACK_UNSUPPORTED` on another platform; `ERR_CONNTRACK_ADDON` when the native
   * addon cannot be loaded.
   * @throws TypeError or RangeError for a wrong option, naming the field.
   *
   * @example
   * ```ts
   * import { Conntrack } from 'conntrack';
   *
   * const container = await Conntrack.open({ netns: { pid: 4711 } });
   * for (const entry of await container.listEntries()) console.log(String(entry));
   * await container.close();
   * ```
   */
  static async open(options: OpenOptions = {}): Promise<Conntrack> {
    const { netns } = objectOf(options, 'options', ['netns']);
    loadAddon();
    return new Conntrack(
      new Context(netns === undefined ? undefined : openNetNamespace('Conntrack.open', netns)),
    );
  }

  listEntries(...given: Arguments<'listEntries'>) {
    return table.listEntries.apply(this.#context, given);
  }

  streamEntries(...given: Arguments<'streamEntries'>) {
    return table.streamEntries.apply(this.#context, given);
  }

  getEntry(...given: Arguments<'getEntry'>) {
    return table.getEntry.apply(this.#context, given);
  }

  getEntries(...given: Arguments<'getEntries'>) {
    return table.getEntries.apply(this.#context, given);
  }

  createEntry(...given: Arguments<'createEntry'>) {
    return table.createEntry.apply(this.#context, given);
  }

  createEntries(...given: Arguments<'createEntries'>) {
    return table.createEntries.apply(this.#context, given);
  }

  upsertEntry(...given: Arguments<'upsertEntry'>) {
    return table.upsertEntry.apply(this.#context, given);
  }

  updateEntry(...given: Arguments<'updateEntry'>) {
    return table.updateEntry.apply(this.#context, given);
  }

  updateEntries(...given: Arguments<'updateEntries'>) {
    return table.updateEntries.apply(this.#context, given);
  }

  deleteEntry(...given: Arguments<'deleteEntry'>) {
    return table.deleteEntry.apply(this.#context, given);
  }

  deleteEntries(
    filter: EntryFilter | readonly EntryFilter[],
    options: DeleteOptions & { readonly entries: true },
  ): Promise<DeletedEntries>;
  deleteEntries(
    filter: EntryFilter | readonly EntryFilter[],
    options?: DeleteOptions,
  ): Promise<DeleteResult>;
  deleteEntries(...given: Arguments<'deleteEntries'>): Promise<unknown> {
    return table.deleteEntries.apply(this.#context, given);
  }

  streamDeletes(...given: Arguments<'streamDeletes'>) {
    return table.streamDeletes.apply(this.#context, given);
  }

  flushEntries(options: FlushOptions & { readonly entries: true }): Promise<DeletedEntries>;
  flushEntries(options?: FlushOptions): Promise<void>;
  flushEntries(...given: Arguments<'flushEntries'>): Promise<unknown> {
    return table.flushEntries.apply(this.#context, given);
  }

  writeEntries(...given: Arguments<'writeEntries'>) {
    return table.writeEntries.apply(this.#context, given);
  }

  restoreEntries(...given: Arguments<'restoreEntries'>) {
    return table.restoreEntries.apply(this.#context, given);
  }

  countEntries(...given: Arguments<'countEntries'>) {
    return table.countEntries.apply(this.#context, given);
  }

  listExpectations(...given: Arguments<'listExpectations'>) {
    return table.listExpectations.apply(this.#context, given);
  }

  countExpectations(...given: Arguments<'countExpectations'>) {
    return table.countExpectations.apply(this.#context, given);
  }

  getExpectation(...given: Arguments<'getExpectation'>) {
    return table.getExpectation.apply(this.#context, given);
  }

  createExpectation(...given: Arguments<'createExpectation'>) {
    return table.createExpectation.apply(this.#context, given);
  }

  updateExpectation(...given: Arguments<'updateExpectation'>) {
    return table.updateExpectation.apply(this.#context, given);
  }

  deleteExpectation(...given: Arguments<'deleteExpectation'>) {
    return table.deleteExpectation.apply(this.#context, given);
  }

  deleteExpectations(...given: Arguments<'deleteExpectations'>) {
    return table.deleteExpectations.apply(this.#context, given);
  }

  flushExpectations(...given: Arguments<'flushExpectations'>) {
    return table.flushExpectations.apply(this.#context, given);
  }

  explainFilter(...given: Arguments<'explainFilter'>) {
    return table.explainFilter.apply(this.#context, given);
  }

  watchEvents(...given: Arguments<'watchEvents'>) {
    return table.watchEvents.apply(this.#context, given);
  }

  mirrorTable(...given: Arguments<'mirrorTable'>) {
    return table.mirrorTable.apply(this.#context, given);
  }

  findOrigin(...given: Arguments<'findOrigin'>) {
    return table.findOrigin.apply(this.#context, given);
  }

  listNamespaceIds(...given: Arguments<'listNamespaceIds'>) {
    return table.listNamespaceIds.apply(this.#context, given);
  }

  readStats(...given: Arguments<'readStats'>) {
    return table.readStats.apply(this.#context, given);
  }

  readSettings(...given: Arguments<'readSettings'>) {
    return table.readSettings.apply(this.#context, given);
  }

  writeSettings(...given: Arguments<'writeSettings'>) {
    return table.writeSettings.apply(this.#context, given);
  }

  listTimeoutPolicies(...given: Arguments<'listTimeoutPolicies'>) {
    return table.listTimeoutPolicies.apply(this.#context, given);
  }

  getTimeoutPolicy(...given: Arguments<'getTimeoutPolicy'>) {
    return table.getTimeoutPolicy.apply(this.#context, given);
  }

  createTimeoutPolicy(...given: Arguments<'createTimeoutPolicy'>) {
    return table.createTimeoutPolicy.apply(this.#context, given);
  }

  updateTimeoutPolicy(...given: Arguments<'updateTimeoutPolicy'>) {
    return table.updateTimeoutPolicy.apply(this.#context, given);
  }

  deleteTimeoutPolicy(...given: Arguments<'deleteTimeoutPolicy'>) {
    return table.deleteTimeoutPolicy.apply(this.#context, given);
  }

  readDefaultTimeouts(...given: Arguments<'readDefaultTimeouts'>) {
    return table.readDefaultTimeouts.apply(this.#context, given);
  }

  writeDefaultTimeouts(...given: Arguments<'writeDefaultTimeouts'>) {
    return table.writeDefaultTimeouts.apply(this.#context, given);
  }

  readPressure(...given: Arguments<'readPressure'>) {
    return table.readPressure.apply(this.#context, given);
  }

  watchPressure(...given: Arguments<'watchPressure'>) {
    return table.watchPressure.apply(this.#context, given);
  }

  diagnose(...given: Arguments<'diagnose'>) {
    return table.diagnose.apply(this.#context, given);
  }

  /**
   * Ends what the handle has begun, and resolves when its sockets are closed: within some 50 ms,
   * whatever the kernel and the thread pool do. Idempotent.
   *
   * Calls that wait for an answer reject with `ERR_CONNTRACK_CLOSED`, as later ones do. A change
   * that was sent and not answered has `outcome: 'unknown'` then: await calls before you close.
   */
  close(): Promise<void> {
    return this.#context.close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#context.close();
  }
}
