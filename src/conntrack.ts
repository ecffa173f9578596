/**
 * The handle on one network namespace, and the functions of the same names that
 * work on the namespace of the process.
 *
 * @module
 */

import { objectOf } from './core/check.js';
import { Dependents } from './core/dependents.js';
import { closedError, errorOfPlainFailure, typeError } from './core/errors.js';
import { loadAddon } from './core/load-addon.js';
import type { NativeNetNamespace, NetNamespaceArgument } from './core/native.js';
import { openNetNamespace } from './core/net-namespace.js';
import { RequestQueue } from './core/request-queue.js';
import type { Entry } from './entry/entry.js';
import type { EntryKey } from './entry/key.js';
import {
  deletingPass,
  flushingPass,
  type PassCounts,
  type TablePass,
  updatingPass,
} from './entry/pass.js';
import { TableReader } from './entry/reader.js';
import {
  createEntries as createEntriesWith,
  createEntry as createEntryWith,
  deleteEntry as deleteEntryWith,
  findEntry,
  updateEntry as updateEntryWith,
} from './entry/requests.js';
import type {
  DeleteOptions,
  DeleteResult,
  EntryChanges,
  EntrySpec,
  FlushOptions,
  RequestResult,
  UpdateResult,
} from './entry/spec.js';
import { EntryStream, type ReadOptions } from './entry/stream.js';
import { entriesInTurns } from './entry/view.js';
import type { WatchOptions } from './event/event.js';
import { EventStream, openSubscription, readCoverage } from './event/stream.js';
import type { EventSubscription } from './event/subscription.js';
import type { Expectation, ExpectationKey, ExpectationSpec } from './expectation/expectation.js';
import {
  createExpectation as createExpectationWith,
  deleteExpectation as deleteExpectationWith,
  flushExpectations as flushExpectationsWith,
  getExpectation as getExpectationWith,
  listExpectations as listExpectationsWith,
} from './expectation/requests.js';
import { compileFilter } from './filter/compile.js';
import type { EntryFilter, FilterPlan } from './filter/filter.js';
import { planFilter } from './filter/plan.js';
import { type Finding, findingsOf } from './health/diagnose.js';
import { gatherEvidence } from './health/evidence.js';
import {
  type PressureOptions,
  type PressureSample,
  samplePressure,
  type WatchPressureOptions,
  watchPressureOf,
} from './health/pressure.js';
import { readStats as readStatsOf } from './health/read-stats.js';
import type { SettingChanges, TableSettings } from './health/settings.js';
import {
  readSettings as readSettingsOf,
  writeSettings as writeSettingsOf,
} from './health/settings-files.js';
import type { TableStats } from './health/stats.js';
import { FAMILY_NUMBERS } from './record/layout.js';

/** Which table a handle is for. */
export interface OpenOptions {
  /**
   * The network namespace: its name under /run/netns (`ip netns`), an absolute path such as
   * /proc/1234/ns/net, or `{ pid }` for that of a process. Ours when it is left out.
   */
  readonly netns?: string | { readonly pid: number } | undefined;
}

/** Opens a handle in the name of the function that needs it. */
let openHandle: (operation: string) => Conntrack;

/**
 * A handle on the connection tracking table of one network namespace. Every
 * method exists as a function of the same name, too; a handle saves opening a
 * socket for each call.
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
export class Conntrack implements AsyncDisposable {
  readonly #requests: RequestQueue;
  readonly #readers = new Dependents<TableReader>();
  readonly #subscriptions = new Dependents<EventSubscription>();
  readonly #passes = new Set<TablePass>();
  readonly #netns: NativeNetNamespace | undefined;
  #closed = false;
  #closing: AbortController | undefined;

  static {
    openHandle = (operation) => new Conntrack(operation, undefined);
  }

  private constructor(operation: string, netns: NativeNetNamespace | undefined) {
    this.#requests = new RequestQueue(operation, netns);
    this.#netns = netns;
  }

  /**
   * Opens a handle on a network namespace, by default that of the calling thread, which
   * needs no privileges; what it is used for does.
   *
   * With `netns` everything that the handle does happens in that namespace, the reading
   * of settings and counters included; the process itself stays where it is, with all its
   * threads. The handle holds the namespace: when it is deleted, or its process ends, it
   * lives on until the handle is closed. Entering needs CAP_SYS_ADMIN in the user
   * namespace that owns it, and in ours.
   *
   * @throws {@link ConntrackError} `ENOENT` when there is no such namespace, `EINVAL` when
   * it is none, `EPERM` or `EACCES` when it may not be entered;
   * `ERR_CONNTRACK_UNSUPPORTED` on another platform
   * or where the kernel has no netfilter netlink; `ERR_CONNTRACK_ADDON` when the
   * native addon cannot be loaded.
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
    const { netns: name } = objectOf(options, 'options', ['netns']);
    if (name === undefined) return openHandle('Conntrack.open');
    const netns = openNetNamespace('Conntrack.open', name);
    try {
      return new Conntrack('Conntrack.open', netns);
    } catch (error) {
      netns.close();
      throw error;
    }
  }

  /** See {@link listEntries}. */
  async listEntries(
    filter?: EntryFilter | readonly EntryFilter[],
    options?: ReadOptions,
  ): Promise<Entry[]> {
    return collect(this.#reader('listEntries', filter, options));
  }

  /** See {@link streamEntries}. */
  streamEntries(filter?: EntryFilter | readonly EntryFilter[], options?: ReadOptions): EntryStream {
    return new EntryStream('streamEntries', this.#reader('streamEntries', filter, options));
  }

  /** See {@link getEntry}. */
  async getEntry(key: EntryKey): Promise<Entry | undefined> {
    return (await findEntry(this.#requests, 'getEntry', key))?.entry;
  }

  /** See {@link createEntry}. */
  async createEntry(spec: EntrySpec): Promise<Entry> {
    return createEntryWith(this.#requests, spec);
  }

  /** See {@link createEntries}. */
  async createEntries(specs: readonly EntrySpec[]): Promise<RequestResult[]> {
    return createEntriesWith(this.#requests, specs);
  }

  /** See {@link updateEntry}. */
  async updateEntry(key: EntryKey, changes: EntryChanges): Promise<Entry> {
    return updateEntryWith(this.#requests, key, changes);
  }

  /** See {@link updateEntries}. */
  async updateEntries(
    filter: EntryFilter | readonly EntryFilter[],
    changes: EntryChanges,
  ): Promise<UpdateResult> {
    this.#refuseIfClosed('updateEntries');
    return updated(await this.#run(updatingPass(filter, changes, this.#netns)));
  }

  /** See {@link deleteEntry}. */
  async deleteEntry(key: EntryKey): Promise<boolean> {
    return deleteEntryWith(this.#requests, key);
  }

  /** See {@link deleteEntries}. */
  async deleteEntries(
    filter: EntryFilter | readonly EntryFilter[],
    options: DeleteOptions = {},
  ): Promise<DeleteResult> {
    this.#refuseIfClosed('deleteEntries');
    return deleted(await this.#run(deletingPass(filter, options, this.#netns)));
  }

  /** See {@link flushEntries}. */
  async flushEntries(options: FlushOptions = {}): Promise<void> {
    const family = flushedFamily(options);
    if (family !== undefined && !(await this.#flushHasFamily())) {
      await this.#run(flushingPass(family, this.#netns));
      return;
    }
    const number = family === undefined ? 0 : FAMILY_NUMBERS[family];
    const { failure } = await this.#requests.run('flushEntries', (socket) => socket.flush(number));
    if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
  }

  /** See {@link countEntries}. */
  async countEntries(): Promise<number> {
    const { entries, failure } = await this.#requests.run('countEntries', (socket) =>
      socket.usage(),
    );
    if (failure !== undefined) throw errorOfPlainFailure('countEntries', failure);
    return entries;
  }

  /** See {@link listExpectations}. */
  async listExpectations(): Promise<Expectation[]> {
    return listExpectationsWith(this.#requests);
  }

  /** See {@link getExpectation}. */
  async getExpectation(key: ExpectationKey): Promise<Expectation | undefined> {
    return getExpectationWith(this.#requests, key);
  }

  /** See {@link createExpectation}. */
  async createExpectation(spec: ExpectationSpec): Promise<Expectation> {
    return createExpectationWith(this.#requests, spec);
  }

  /** See {@link deleteExpectation}. */
  async deleteExpectation(key: ExpectationKey): Promise<boolean> {
    return deleteExpectationWith(this.#requests, key);
  }

  /** See {@link flushExpectations}. */
  async flushExpectations(): Promise<void> {
    return flushExpectationsWith(this.#requests);
  }

  /** See {@link explainFilter}. */
  explainFilter(filter: EntryFilter | readonly EntryFilter[]): FilterPlan {
    this.#refuseIfClosed('explainFilter');
    return planFilter('explainFilter', filter, this.#netns);
  }

  /** See {@link watchEvents}. */
  watchEvents(options: WatchOptions = {}): EventStream {
    this.#refuseIfClosed('watchEvents');
    const coverage = readCoverage(this.#netns);
    const subscription = openSubscription('watchEvents', options, this.#netns);
    this.#subscriptions.add(subscription);
    return new EventStream('watchEvents', subscription, coverage);
  }

  /** See {@link readStats}. */
  async readStats(): Promise<TableStats> {
    this.#refuseIfClosed('readStats');
    return readStatsOf(this.#requests, this.#netns);
  }

  /** See {@link readSettings}. */
  async readSettings(): Promise<TableSettings> {
    this.#refuseIfClosed('readSettings');
    return readSettingsOf('readSettings', this.#netns);
  }

  /** See {@link writeSettings}. */
  async writeSettings(changes: SettingChanges): Promise<TableSettings> {
    this.#refuseIfClosed('writeSettings');
    return writeSettingsOf(changes, this.#netns);
  }

  /** See {@link readPressure}. */
  async readPressure(options: PressureOptions = {}): Promise<PressureSample> {
    this.#refuseIfClosed('readPressure');
    return samplePressure(this, options);
  }

  /** See {@link watchPressure}. */
  watchPressure(
    options: WatchPressureOptions = {},
  ): AsyncGenerator<PressureSample, undefined, undefined> {
    this.#refuseIfClosed('watchPressure');
    this.#closing ??= new AbortController();
    return watchPressureOf(this, options, this.#closing.signal);
  }

  /** See {@link diagnose}. */
  async diagnose(): Promise<Finding[]> {
    this.#refuseIfClosed('diagnose');
    return findingsOf(await gatherEvidence(this, this.#netns));
  }

  /**
   * Ends the streams of the handle, waits for its requests and closes its
   * sockets. Idempotent. Calls that come later reject with `ERR_CONNTRACK_CLOSED`.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing?.abort(closedError('watchPressure', 'handle'));
    this.#netns?.close();
    for (const subscription of this.#subscriptions.held()) subscription.close();
    const readers = this.#readers.held().map((reader) => reader.close());
    const passes = [...this.#passes].map((pass) => pass.close());
    await Promise.all([...readers, ...passes, this.#requests.close()]);
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Before Linux 5.2 the kernel ignores the family of a flush. Nothing tells that without
   * doing it; but one that compares tuples is newer, of 5.8 at least.
   */
  async #flushHasFamily(): Promise<boolean> {
    this.#refuseIfClosed('flushEntries');
    const { tuple, failure } = await loadAddon().probeFilters(this.#netns);
    if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
    return tuple === true;
  }

  async #run(pass: TablePass | undefined): Promise<PassCounts> {
    if (pass === undefined) return NOTHING;
    this.#passes.add(pass);
    try {
      return await pass.run();
    } finally {
      this.#passes.delete(pass);
    }
  }

  #refuseIfClosed(operation: string): void {
    if (this.#closed) throw closedError(operation, 'handle');
  }

  #reader(
    operation: string,
    filter: EntryFilter | readonly EntryFilter[] | undefined,
    options: ReadOptions | undefined,
  ): TableReader {
    this.#refuseIfClosed(operation);
    const reader = openReader(operation, filter, options, this.#netns);
    this.#readers.add(reader);
    return reader;
  }
}

/**
 * Lists the whole table, IPv4 and IPv6 together.
 *
 * The array keeps some 240 bytes an entry. For tables of millions, or where
 * entries are looked at once, use {@link streamEntries}.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @param filter which entries; all when absent
 * @throws {@link ConntrackError} `EPERM` without CAP_NET_ADMIN,
 * `ERR_CONNTRACK_UNSUPPORTED` where the kernel has no ctnetlink.
 * @throws TypeError for a wrong filter, naming the field.
 *
 * @example
 * ```ts
 * import { listEntries } from 'conntrack';
 *
 * for (const entry of await listEntries({ family: 'ipv6' })) console.log(String(entry));
 * ```
 */
export async function listEntries(
  filter?: EntryFilter | readonly EntryFilter[],
  options?: ReadOptions,
): Promise<Entry[]> {
  return collect(openReader('listEntries', filter, options));
}

/**
 * Reads the table as a stream: bounded memory at any table size. See
 * {@link EntryStream}. Privileges and errors as for {@link listEntries}; what the
 * kernel refuses shows at the first read.
 *
 * @example
 * ```ts
 * import { streamEntries } from 'conntrack';
 *
 * for await (const entry of streamEntries()) {
 *   if (entry.original.destinationPort === 443) console.log(entry.original.source);
 * }
 * ```
 */
export function streamEntries(
  filter?: EntryFilter | readonly EntryFilter[],
  options?: ReadOptions,
): EntryStream {
  return new EntryStream('streamEntries', openReader('streamEntries', filter, options));
}

/**
 * Looks up one entry by its tuple in one direction. `undefined` when there is
 * none. A key with an `id`, as every entry has one, means that flow and no newer
 * one on the same tuple.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`; the kernel's own code when it refuses the
 * key, such as `EINVAL` for an ICMP type that it does not track.
 * @throws TypeError or RangeError for a wrong key, naming the field.
 *
 * @example
 * ```ts
 * import { getEntry } from 'conntrack';
 *
 * const entry = await getEntry({
 *   protocol: 'tcp',
 *   original: {
 *     source: '10.0.0.1',
 *     destination: '10.0.0.2',
 *     sourcePort: 40000,
 *     destinationPort: 443,
 *   },
 * });
 * console.log(entry?.status.assured);
 * ```
 */
export async function getEntry(key: EntryKey): Promise<Entry | undefined> {
  return withHandle('getEntry', (conntrack) => conntrack.getEntry(key));
}

/**
 * Creates an entry, and gives it as the kernel then has it. What is not said is the
 * kernel's choice; `reply` is the inverse of `original`. The entry lasts `timeout`
 * seconds unless packets come.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EEXIST` when an entry has one of its tuples,
 * `ENOSPC` for labels where no rule uses any, `EOPNOTSUPP` for a helper that the
 * kernel has not, `ENOENT` when there is no entry with the tuple of `master`, `ENOMEM`
 * when the table is full, `EPERM`.
 * @throws TypeError or RangeError for a wrong specification, naming the field; then
 * nothing was sent.
 *
 * @example
 * ```ts
 * import { createEntry } from 'conntrack';
 *
 * const entry = await createEntry({
 *   protocol: 'udp',
 *   original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 5000, destinationPort: 53 },
 *   timeout: 60,
 *   mark: 7,
 * });
 * console.log(String(entry));
 * ```
 */
export async function createEntry(spec: EntrySpec): Promise<Entry> {
  return withHandle('createEntry', (conntrack) => conntrack.createEntry(spec));
}

/**
 * Creates many entries, 64 in one go to the kernel. Each has its own result, in the
 * order given; one that fails stops no other. Privileges and errors as for
 * {@link createEntry}.
 *
 * @throws TypeError or RangeError for a wrong specification, naming it; then nothing
 * was sent.
 *
 * @example
 * ```ts
 * import { createEntries, listEntries } from 'conntrack';
 *
 * const saved = await listEntries({ mark: 7 });
 * // later, perhaps on another machine:
 * for (const { error } of await createEntries(saved)) if (error) console.warn(error.message);
 * ```
 */
export async function createEntries(specs: readonly EntrySpec[]): Promise<RequestResult[]> {
  return withHandle('createEntries', (conntrack) => conntrack.createEntries(specs));
}

/**
 * Changes one entry, and gives it as the kernel then has it. Only what is named
 * changes. The kernel applies changes one after the other and keeps the first ones
 * when a later one fails; the error then says which.
 *
 * The kernel finds the entry to change by its tuple alone. A newer flow that took
 * the tuple in the moment after it was looked up is told by an error, but has been
 * changed.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when there is no such entry, `ENOSPC` for
 * labels where no rule uses any, `EOPNOTSUPP` for a helper where none can be set,
 * `EPERM` for the timeout of an entry whose timeout is fixed.
 * @throws TypeError or RangeError for a wrong key or change, naming the field; then
 * nothing was sent.
 *
 * @example
 * ```ts
 * import { listEntries, updateEntry } from 'conntrack';
 *
 * for (const entry of await listEntries({ port: 53 }))
 *   await updateEntry(entry, { mark: { value: 0x10, mask: 0xf0 } });
 * ```
 */
export async function updateEntry(key: EntryKey, changes: EntryChanges): Promise<Entry> {
  return withHandle('updateEntry', (conntrack) => conntrack.updateEntry(key, changes));
}

/**
 * Changes all entries that match, in one pass over the table. The first refusal of the
 * kernel, but for entries that are gone, ends it. Privileges and errors as for
 * {@link updateEntry}.
 *
 * @throws TypeError for a filter that matches everything.
 *
 * @example
 * ```ts
 * import { updateEntries } from 'conntrack';
 *
 * const { updated } = await updateEntries({ address: '10.0.0.0/8' }, { timeout: 30 });
 * console.log(updated);
 * ```
 */
export async function updateEntries(
  filter: EntryFilter | readonly EntryFilter[],
  changes: EntryChanges,
): Promise<UpdateResult> {
  return updated(await run(updatingPass(filter, changes)));
}

/**
 * Deletes one entry; `false` when it is gone already. An `Entry`, or another key with
 * an `id`, is that flow and no newer one on the same tuple.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`.
 * @throws TypeError or RangeError for a wrong key, naming the field.
 *
 * @example
 * ```ts
 * import { deleteEntry, listEntries } from 'conntrack';
 *
 * const [first] = await listEntries({ protocol: 'udp' });
 * if (first) console.log(await deleteEntry(first));
 * ```
 */
export async function deleteEntry(key: EntryKey): Promise<boolean> {
  return withHandle('deleteEntry', (conntrack) => conntrack.deleteEntry(key));
}

/**
 * Deletes all entries that match, in one pass over the table, in bounded memory at any
 * table size. Each is deleted by tuple and id: a newer flow on the same tuple survives.
 * An array of filters is still one pass.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for a wrong filter, and for one that matches all of a family:
 * emptying the table has a function of its own, {@link flushEntries}.
 *
 * @example
 * ```ts
 * import { deleteEntries } from 'conntrack';
 *
 * const gone = await deleteEntries([{ address: '10.0.0.5' }, { address: 'fd00::5' }]);
 * console.log(gone.deleted, 'of', gone.matched);
 * ```
 */
export async function deleteEntries(
  filter: EntryFilter | readonly EntryFilter[],
  options: DeleteOptions = {},
): Promise<DeleteResult> {
  return deleted(await run(deletingPass(filter, options)));
}

/**
 * Empties the table, or deletes all entries of one address family. Established
 * connections go on if packets of them may begin new entries; NAT of them is lost.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for anything but `{ family: 'ipv4' }`, `{ family: 'ipv6' }`, `{}`
 * or nothing.
 *
 * @example
 * ```ts
 * import { flushEntries } from 'conntrack';
 *
 * await flushEntries({ family: 'ipv6' });
 * ```
 */
export async function flushEntries(options: FlushOptions = {}): Promise<void> {
  return withHandle('flushEntries', (conntrack) => conntrack.flushEntries(options));
}

/**
 * The number of entries in the network namespace, from the kernel's own counter
 * (`IPCTNL_MSG_CT_GET_STATS`): dying entries count as well, so that it can be
 * more than a list shows.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 *
 * @example
 * ```ts
 * import { countEntries } from 'conntrack';
 *
 * console.log(await countEntries());
 * ```
 */
export async function countEntries(): Promise<number> {
  return withHandle('countEntries', (conntrack) => conntrack.countEntries());
}

/**
 * Lists the flows that helpers wait for, IPv4 and IPv6 together.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 *
 * @example
 * ```ts
 * import { listExpectations } from 'conntrack';
 *
 * for (const expectation of await listExpectations()) console.log(String(expectation));
 * ```
 */
export async function listExpectations(): Promise<Expectation[]> {
  return withHandle('listExpectations', (conntrack) => conntrack.listExpectations());
}

/**
 * Looks up one expectation by its tuple; `undefined` when there is none. Privileges and
 * errors as for {@link listExpectations}.
 *
 * @throws TypeError or RangeError for a wrong key, naming the field.
 *
 * @example
 * ```ts
 * import { getExpectation } from 'conntrack';
 *
 * const tuple = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 0, destinationPort: 40021 };
 * console.log((await getExpectation({ protocol: 'tcp', tuple }))?.master);
 * ```
 */
export async function getExpectation(key: ExpectationKey): Promise<Expectation | undefined> {
  return withHandle('getExpectation', (conntrack) => conntrack.getExpectation(key));
}

/**
 * Creates an expectation, and gives it as the kernel then has it. Its master must be an
 * entry that has a helper; the kernel (6.18) takes the helper and its policy from there.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when no entry has the master's tuple,
 * `EOPNOTSUPP` when it has no helper, `EEXIST` or `EBUSY` when there is one like it,
 * `EMFILE` when there are too many, `EPERM`.
 * @throws TypeError or RangeError for a wrong specification, naming the field.
 *
 * @example
 * ```ts
 * import { createExpectation, listEntries } from 'conntrack';
 *
 * const [control] = await listEntries({ helper: 'ftp' });
 * if (control) {
 *   const { source, destination } = control.original;
 *   await createExpectation({
 *     protocol: 'tcp',
 *     tuple: { source, destination, sourcePort: 0, destinationPort: 40021 },
 *     mask: { sourcePort: 0 },
 *     master: control.original,
 *   });
 * }
 * ```
 */
export async function createExpectation(spec: ExpectationSpec): Promise<Expectation> {
  return withHandle('createExpectation', (conntrack) => conntrack.createExpectation(spec));
}

/**
 * Deletes one expectation; `false` when it is gone already. Privileges and errors as for
 * {@link getExpectation}.
 *
 * @example
 * ```ts
 * import { deleteExpectation, listExpectations } from 'conntrack';
 *
 * for (const expectation of await listExpectations())
 *   if (expectation.helper === 'ftp') await deleteExpectation(expectation);
 * ```
 */
export async function deleteExpectation(key: ExpectationKey): Promise<boolean> {
  return withHandle('deleteExpectation', (conntrack) => conntrack.deleteExpectation(key));
}

/**
 * Deletes all expectations, of both families. Privileges and errors as for
 * {@link listExpectations}.
 *
 * @example
 * ```ts
 * import { flushExpectations } from 'conntrack';
 *
 * await flushExpectations();
 * ```
 */
export async function flushExpectations(): Promise<void> {
  return withHandle('flushExpectations', (conntrack) => conntrack.flushExpectations());
}

/**
 * Says which conditions of a filter the running kernel evaluates when the table is
 * read, which this package does, and why. What the kernel evaluates saves the time of
 * sending the other entries; the result is the same.
 *
 * It asks the kernel what it can by two or three requests that change nothing, once.
 *
 * Privileges: CAP_NET_ADMIN, unless there is nothing to ask the kernel for.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError or RangeError for a wrong filter, naming the field.
 *
 * @example
 * ```ts
 * import { explainFilter } from 'conntrack';
 *
 * const plan = explainFilter({ protocol: 'tcp', original: { source: 'fd00::1' } });
 * for (const { field, evaluatedBy, reason } of plan.fields) console.log(field, evaluatedBy, reason);
 * ```
 */
export function explainFilter(filter: EntryFilter | readonly EntryFilter[]): FilterPlan {
  return planFilter('explainFilter', filter);
}

/**
 * Subscribes to the events of the table: entries that are created (`new`), changed
 * (`update`) and removed (`destroy`). It is subscribed when it returns. See
 * {@link EventStream} and {@link WatchOptions}.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @throws {@link ConntrackError} `EPERM` without CAP_NET_ADMIN,
 * `ERR_CONNTRACK_UNSUPPORTED` where the kernel has no netfilter netlink.
 * @throws TypeError or RangeError for a wrong option or filter, naming the field.
 *
 * @example
 * ```ts
 * import { watchEvents } from 'conntrack';
 *
 * for await (const event of watchEvents({ events: ['new', 'destroy'] })) {
 *   if (event.type === 'lost') console.warn('missed', event.count, 'events');
 *   else if ('entry' in event) console.log(event.type, String(event.entry));
 * }
 * ```
 */
export function watchEvents(options: WatchOptions = {}): EventStream {
  const coverage = readCoverage();
  return new EventStream('watchEvents', openSubscription('watchEvents', options), coverage);
}

/**
 * Reads the kernel's counters of connection tracking, for each processor and in total, and
 * how full the table is. Without privileges they come from /proc; `source` says which.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is
 * not loaded.
 *
 * @example
 * ```ts
 * import { readStats } from 'conntrack';
 *
 * const { entries, maxEntries, total } = await readStats();
 * console.log(`${entries} of ${maxEntries}, ${total.drop} packets dropped`);
 * ```
 */
export async function readStats(): Promise<TableStats> {
  return withHandle('readStats', (conntrack) => conntrack.readStats());
}

/**
 * Reads the settings of connection tracking (`net.netfilter.nf_conntrack_*`) of the network
 * namespace, typed. Those that this kernel lacks are absent. Needs no privileges.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is
 * not loaded, or /proc/sys is hidden.
 *
 * @example
 * ```ts
 * import { readSettings } from 'conntrack';
 *
 * const { maxEntries, accounting, tcpEstablishedTimeout } = await readSettings();
 * console.log(maxEntries, accounting, tcpEstablishedTimeout);
 * ```
 */
export async function readSettings(): Promise<TableSettings> {
  return readSettingsOf('readSettings', undefined);
}

/**
 * Changes settings of connection tracking, and gives all as the kernel then has them. They
 * are checked before the first one is written, and written one by one; when the kernel
 * refuses one, the error says which were changed before it.
 *
 * They last until the machine, or the network namespace, ends: see sysctl.d(5) for more.
 *
 * Privileges: root of the user namespace that owns the network namespace; for `maxEntries`,
 * `buckets` and `maxExpectations`, root in the initial network namespace.
 *
 * @throws {@link ConntrackError} `EACCES` when it may not be changed, `EROFS` where /proc/sys
 * is mounted read-only, `EINVAL` when the kernel does not take the value,
 * `ERR_CONNTRACK_UNSUPPORTED` for a setting that this kernel lacks.
 * @throws TypeError or RangeError for a wrong name or value, naming the field; then nothing
 * was changed.
 *
 * @example
 * ```ts
 * import { writeSettings } from 'conntrack';
 *
 * await writeSettings({ accounting: true, tcpEstablishedTimeout: 86_400 });
 * ```
 */
export async function writeSettings(changes: SettingChanges): Promise<TableSettings> {
  return writeSettingsOf(changes, undefined);
}

/**
 * Says how full the table is. With the `previous` sample it also says how fast that
 * changes, and the level does not flicker. Needs no privileges.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is
 * not loaded.
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { readPressure } from 'conntrack';
 *
 * const { level, entries, maxEntries } = await readPressure();
 * if (level !== 'normal') console.warn(`conntrack table ${level}: ${entries} of ${maxEntries}`);
 * ```
 */
export async function readPressure(options: PressureOptions = {}): Promise<PressureSample> {
  return samplePressure({ readStats, readSettings }, options);
}

/**
 * Samples the pressure again and again, each with rates since the one before; the first
 * comes at once. Leaving the loop ends it. Needs no privileges.
 *
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { watchPressure } from 'conntrack';
 *
 * for await (const { level, secondsUntilFull, dropped } of watchPressure({ intervalMs: 5000 })) {
 *   if (level === 'critical') console.error('full in', secondsUntilFull, 's; dropped', dropped?.delta);
 * }
 * ```
 */
export function watchPressure(
  options: WatchPressureOptions = {},
): AsyncGenerator<PressureSample, undefined, undefined> {
  return watchPressureOf({ readStats, readSettings }, options);
}

/**
 * Looks at the counters, the settings and, once, at the whole table, and says what is wrong
 * or will be: the worst first. It takes half a second at least, to see which counters move,
 * and changes nothing.
 *
 * Privileges: CAP_NET_ADMIN for all of it; without, it says so, and stands on counters and
 * settings alone.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is
 * not loaded.
 *
 * @example
 * ```ts
 * import { diagnose } from 'conntrack';
 *
 * for (const { severity, code, message, setting, suggested } of await diagnose())
 *   console.log(severity, code, message, setting, suggested);
 * ```
 */
export async function diagnose(): Promise<Finding[]> {
  return withHandle('diagnose', (conntrack) => conntrack.diagnose());
}

/** A family that is misspelled, or undefined by accident, must not mean both. */
function flushedFamily(options: FlushOptions): FlushOptions['family'] {
  const given = objectOf(options, 'options', ['family']);
  const prototype: unknown = Object.getPrototypeOf(given);
  if (prototype !== Object.prototype && prototype !== null) {
    throw typeError('options', 'must be a plain object');
  }
  if (!('family' in given)) return undefined;
  const { family } = given;
  if (family !== 'ipv4' && family !== 'ipv6') {
    throw typeError('options.family', "must be 'ipv4' or 'ipv6'; leave it out to empty both");
  }
  return family;
}

const NOTHING: PassCounts = { matched: 0, changed: 0, vanished: 0 };

async function run(pass: TablePass | undefined): Promise<PassCounts> {
  return pass === undefined ? NOTHING : pass.run();
}

function deleted({ matched, changed, vanished }: PassCounts): DeleteResult {
  return { matched, deleted: changed, vanished };
}

function updated({ matched, changed, vanished }: PassCounts): UpdateResult {
  return { matched, updated: changed, vanished };
}

async function withHandle<T>(
  operation: string,
  work: (conntrack: Conntrack) => Promise<T>,
): Promise<T> {
  const conntrack = openHandle(operation);
  try {
    return await work(conntrack);
  } finally {
    await conntrack.close();
  }
}

function openReader(
  operation: string,
  filter: EntryFilter | readonly EntryFilter[] | undefined,
  options: ReadOptions = {},
  netns?: NetNamespaceArgument,
): TableReader {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw typeError('options', 'must be an object');
  }
  const { signal, zeroCounters } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw typeError('options.signal', 'must be an AbortSignal');
  }
  if (zeroCounters !== undefined && typeof zeroCounters !== 'boolean') {
    throw typeError('options.zeroCounters', 'must be a boolean');
  }
  const { ask, records, isFamily } = compileFilter(filter);
  // The kernel zeroes what it reads, matching or not.
  if (zeroCounters === true && !isFamily) {
    throw typeError('options.zeroCounters', 'takes no filter but { family }');
  }
  return new TableReader(operation, {
    ask,
    filter: isFamily ? undefined : records,
    signal,
    zeroCounters: zeroCounters === true,
    netns,
  });
}

async function collect(reader: TableReader): Promise<Entry[]> {
  const all: ArrayBuffer[] = [];
  for (let slabs = await reader.read(); slabs !== undefined; slabs = await reader.read()) {
    all.push(...slabs);
  }
  // Only now, so that the garbage collector does not copy entries while others are read.
  return entriesInTurns(all);
}
