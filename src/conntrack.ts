/**
 * The handle on one network namespace, and the functions of the same names that
 * work on the namespace of the process.
 *
 * @module
 */
import type { Entry } from './entry.js';
import type { EntryKey } from './entry-key.js';
import type {
  DeleteOptions,
  DeleteResult,
  EntryChanges,
  EntrySpec,
  FlushOptions,
  RequestResult,
  UpdateResult,
} from './entry-spec.js';
import { EntryStream, type ReadOptions } from './entry-stream.js';
import { closedError, errorOfPlainFailure, typeError } from './errors.js';
import { EventStream, openSubscription, readCoverage, type WatchOptions } from './events.js';
import type { Expectation, ExpectationKey, ExpectationSpec } from './expectations.js';
import type { EntryFilter, FilterPlan } from './filter.js';
import { objectOf } from './internal/check.js';
import { Dependents } from './internal/dependents.js';
import { entriesOf } from './internal/entry-view.js';
import type { EventSubscription } from './internal/event-subscription.js';
import {
  createExpectation as createExpectationWith,
  deleteExpectation as deleteExpectationWith,
  flushExpectations as flushExpectationsWith,
  getExpectation as getExpectationWith,
  listExpectations as listExpectationsWith,
} from './internal/expectation-requests.js';
import { planFilter } from './internal/filter-plan.js';
import { compileFilter } from './internal/filter-record.js';
import { FAMILY_NUMBERS } from './internal/layout.js';
import { loadAddon } from './internal/load-addon.js';
import { RequestQueue } from './internal/request-queue.js';
import {
  deletingPass,
  flushingPass,
  type PassCounts,
  type TablePass,
  updatingPass,
} from './internal/table-pass.js';
import { TableReader } from './internal/table-reader.js';
import {
  createEntries as createEntriesWith,
  createEntry as createEntryWith,
  deleteEntry as deleteEntryWith,
  findEntry,
  updateEntry as updateEntryWith,
} from './internal/table-writer.js';

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
  #closed = false;

  static {
    openHandle = (operation) => new Conntrack(new RequestQueue(operation));
  }

  private constructor(requests: RequestQueue) {
    this.#requests = requests;
  }

  /**
   * Opens a handle on the network namespace of the calling thread. Needs no
   * privileges; what it is used for does.
   *
   * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` on another platform
   * or where the kernel has no netfilter netlink; `ERR_CONNTRACK_ADDON` when the
   * native addon cannot be loaded.
   */
  static async open(): Promise<Conntrack> {
    return openHandle('Conntrack.open');
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
    return updated(await this.#run(updatingPass(filter, changes)));
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
    return deleted(await this.#run(deletingPass(filter, options)));
  }

  /** See {@link flushEntries}. */
  async flushEntries(options: FlushOptions = {}): Promise<void> {
    const family = flushedFamily(options);
    if (family !== undefined && !(await this.#flushHasFamily())) {
      await this.#run(flushingPass(family));
      return;
    }
    const number = family === undefined ? 0 : FAMILY_NUMBERS[family];
    const { failure } = await this.#requests.run('flushEntries', (socket) => socket.flush(number));
    if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
  }

  /** See {@link countEntries}. */
  async countEntries(): Promise<number> {
    const { entries, failure } = await this.#requests.run('countEntries', (socket) =>
      socket.count(),
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
    return planFilter('explainFilter', filter);
  }

  /** See {@link watchEvents}. */
  watchEvents(options: WatchOptions = {}): EventStream {
    this.#refuseIfClosed('watchEvents');
    const coverage = readCoverage();
    const subscription = openSubscription('watchEvents', options);
    this.#subscriptions.add(subscription);
    return new EventStream('watchEvents', subscription, coverage);
  }

  /**
   * Ends the streams of the handle, waits for its requests and closes its
   * sockets. Idempotent. Calls that come later reject with `ERR_CONNTRACK_CLOSED`.
   */
  async close(): Promise<void> {
    this.#closed = true;
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
    const { tuple, failure } = await loadAddon().probeFilters();
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
    const reader = openReader(operation, filter, options);
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
  });
}

async function collect(reader: TableReader): Promise<Entry[]> {
  const batches: Entry[][] = [];
  let count = 0;
  for (let slabs = await reader.read(); slabs !== undefined; slabs = await reader.read()) {
    const batch = entriesOf(slabs);
    batches.push(batch);
    count += batch.length;
  }
  // Of the right size at once: an array of a million that grows pauses the loop.
  const entries = new Array<Entry>(count);
  let index = 0;
  for (const batch of batches) for (const entry of batch) entries[index++] = entry;
  return entries;
}
