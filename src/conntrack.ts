/**
 * The handle on one network namespace, and the functions of the same names that
 * work on the namespace of the process.
 *
 * @module
 */
import type { Entry } from './entry.js';
import type { EntryKey } from './entry-key.js';
import { EntryStream, type ReadOptions } from './entry-stream.js';
import { closedError, errorOfFailure, errorOfPlainFailure, typeError } from './errors.js';
import { EventStream, openSubscription, readCoverage, type WatchOptions } from './events.js';
import type { EntryFilter } from './filter.js';
import { Dependents } from './internal/dependents.js';
import { entriesOf } from './internal/entry-view.js';
import type { EventSubscription } from './internal/event-subscription.js';
import { compileFilter } from './internal/filter-record.js';
import { hasTupleOf, keySlab } from './internal/record-writer.js';
import { RequestQueue } from './internal/request-queue.js';
import { TableReader } from './internal/table-reader.js';

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
    const request = keySlab(key);
    const { slab, failure } = await this.#requests.run('getEntry', (socket) => socket.get(request));
    if (failure !== undefined) {
      const error = errorOfFailure('getEntry', failure);
      if (error.code === 'ENOENT' && error.syscall === undefined) return undefined;
      throw error;
    }
    // The kernel looks in both directions: asked for an original tuple it also
    // gives the entry that has it as reply (nf_conntrack_find_get). And it
    // ignores CTA_ID in a GET.
    if (slab === undefined || !hasTupleOf(request, slab)) return undefined;
    const [entry] = entriesOf([slab]);
    return key.id === undefined || entry?.id === key.id ? entry : undefined;
  }

  /** See {@link countEntries}. */
  async countEntries(): Promise<number> {
    const { entries, failure } = await this.#requests.run('countEntries', (socket) =>
      socket.count(),
    );
    if (failure !== undefined) throw errorOfPlainFailure('countEntries', failure);
    return entries;
  }

  /** See {@link watchEvents}. */
  watchEvents(options: WatchOptions = {}): EventStream {
    if (this.#closed) throw closedError('watchEvents', 'handle');
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
    await Promise.all([...readers, this.#requests.close()]);
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #reader(
    operation: string,
    filter: EntryFilter | readonly EntryFilter[] | undefined,
    options: ReadOptions | undefined,
  ): TableReader {
    if (this.#closed) throw closedError(operation, 'handle');
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
  const { family, records, isFamily } = compileFilter(filter);
  return new TableReader(operation, {
    family,
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
