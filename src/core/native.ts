/**
 * The types of the addon's exports.
 */

/**
 * Why something failed, in numbers. `syscall` is absent when the kernel answered with the
 * error.
 */
export interface NativeFailure {
  readonly errno: number;
  readonly syscall?: string;
  /** The request was sent, and what became of it is not known. Of requests that change nothing: absent. */
  readonly unanswered?: boolean;
  /** The kernel's extended-ack text. */
  readonly text?: string;
}

export interface Outcome {
  readonly failure?: NativeFailure;
}

/** Reads the table once, from beginning to end. native/addon/dump_wrap.h */
export interface NativeDumpReader {
  /** Set when the socket could not be opened; the reader is then unusable. */
  readonly failure?: NativeFailure;
  /**
   * Slabs to fill, in turn; they must be left alone until they are. Reading goes on while there
   * are any. `next` answers when `batch` of them are filled, or none will be for now.
   */
  supply(slabs: readonly ArrayBuffer[], batch: number): void;
  /**
   * How many more of the slabs that were supplied have been filled: `batch`, or fewer at the
   * end, or when the kernel is silent. A promise when that is still to come; one at a time.
   */
  next(): number | Promise<number>;
  /** How the reading ended, after next() has returned every filled slab. */
  end(): Outcome | undefined;
  /** Ends the reading, and at once a pending `next`, and closes the socket. Once. */
  close(): Promise<void>;
}

export interface PassOutcome extends Outcome {
  readonly done: boolean;
  /** So far. */
  readonly matched: number;
  readonly changed: number;
  readonly vanished: number;
  /** With `report`: what was counted or deleted since the last outcome. */
  readonly slabs: readonly ArrayBuffer[];
}

/** Goes over the table once, and deletes, changes or counts. native/addon/changer_wrap.h */
export interface NativeTableChanger {
  readonly failure?: NativeFailure;
  /**
   * Works for a while, and until it has filled so many slabs with `report`. One at a time, and not
   * after the end or a failure.
   */
  run(slabs: number): Promise<PassOutcome>;
  /** Ends the work, and closes the sockets. Once. Resolves to what was done since. */
  close(): Promise<PassOutcome>;
}

/** Compares the entries of slabs with filter records. native/addon/matcher_wrap.h */
export interface NativeFilterMatcher {
  /** Set when there was no memory for the records; the matcher is then unusable. */
  readonly failure?: NativeFailure;
  /**
   * Writes the numbers of the records of the slab that match, from 0, as words of 32 bits, as many
   * as there is room for, and returns how many.
   */
  select(slab: ArrayBuffer, selected: ArrayBuffer): number;
}

/** See FilterLookup. */
export interface NativeFilterLookup extends Outcome {
  readonly indexed: number;
  readonly looks: number;
  readonly compared: number;
}

/**
 * Which conditions the kernel compares; absent: the probe could not decide. `'refused'`: it
 * refuses a request that has the condition.
 */
export interface FilterSupport extends Outcome {
  readonly tuple?: boolean | 'refused';
  readonly status?: boolean | 'refused';
  readonly zone?: boolean | 'refused';
}

/**
 * Jobs, of which each begins when the one before it has ended. native/addon/request_wrap.h
 *
 * Without memory for a job a method returns the failure at once, and nothing is sent.
 */
export interface NativeRequestSocket {
  readonly failure?: NativeFailure;
  /** Sends the first `size` bytes, which are requests: native/wire/request_record.h */
  send(requests: ArrayBuffer, size: number): Promise<RequestOutcome> | Required<Outcome>;
  stats(): Promise<StatsOutcome>;
  expectationStats(): Promise<StatsOutcome>;
  listExpectations(): Promise<RecordsOutcome>;
  listTimeoutPolicies(): Promise<RecordsOutcome>;
  /** Whether it is a socket of the network namespace that the calling thread is in now. */
  isOfThread(): boolean;
  /** Ends the jobs that are under way (ECANCELED), and closes the socket. Once. */
  close(): Promise<void>;
}

/** With a failure, what followed the requests that failed so was not sent, and has failed, too. */
export interface RequestOutcome extends Outcome {
  /** An AnswerRecord for each request. */
  readonly answers: ArrayBuffer;
  /** Slabs with the records of the answers. */
  readonly slabs: readonly ArrayBuffer[];
  /** The numbers of those that failed, and why, by turns. */
  readonly failures?: readonly (number | NativeFailure)[];
}

export interface StatsOutcome extends Outcome {
  /** For each processor its number, then ids of counters and their values by turns. */
  readonly cpus: readonly (readonly [cpu: number, ...idsAndValues: number[]])[];
}

/** Slabs of records. */
export interface RecordsOutcome extends Outcome {
  readonly slabs: readonly ArrayBuffer[];
}

export interface NativeEventCounters {
  readonly received: number;
  readonly lostInKernel: number;
  readonly lostInQueue: number;
  readonly malformed: number;
  readonly foreign: number;
}

/** Reads events on a separate thread, from its construction on. native/addon/event_wrap.h */
export interface NativeEventReader {
  /** Set when it could not subscribe, or has ended; then the reader is of no use. */
  readonly failure?: NativeFailure;
  readonly receiveBufferBytes: number;
  /**
   * Returns the slabs of the events that have come, or an empty array when a failure has ended the
   * reader. Until there are events it returns a promise, one at a time: a pending one keeps the
   * process alive, and close() resolves it with `undefined`.
   */
  next(): readonly ArrayBuffer[] | Promise<readonly ArrayBuffer[] | undefined>;
  counters(): NativeEventCounters;
  /**
   * Asks for a mark behind all that the kernel has sent by now, and returns its number. Several may
   * become one, which has the last number.
   */
  mark(): number;
  /** Ends the thread and closes the socket. May be called repeatedly. */
  close(): void;
}

/** Another network namespace. native/addon/namespace_wrap.h */
export interface NativeNetNamespace {
  /**
   * Set when this process may not enter it, or the path is not a namespace; the object is then
   * unusable.
   */
  readonly failure?: NativeFailure;
  /** Sockets that were opened in it stay open. */
  close(): void;
}

/** `undefined`: that of the calling thread. */
export type NetNamespaceArgument = NativeNetNamespace | undefined;

interface DumpReaderOptions {
  /** What the kernel is asked to leave out. */
  readonly ask: ArrayBuffer;
  /** Records, of which an entry must match one. `undefined`: every entry. */
  readonly filter: ArrayBuffer | undefined;
  readonly zeroCounters: boolean;
  readonly dying: boolean;
  readonly netns: NetNamespaceArgument;
}

interface EventReaderOptions {
  /** Bit n - 1 stands for multicast group n. */
  readonly groups: number;
  readonly receiveBufferBytes: number;
  readonly queueBytes: number;
  /** Milliseconds. */
  readonly maxDelay: number;
  readonly reliableDestroy: boolean;
  readonly allNamespaces: boolean;
  /** As in DumpReaderOptions; of events about entries. */
  readonly filter: ArrayBuffer | undefined;
  readonly netns: NetNamespaceArgument;
}

/** With neither `remove` nor `changes` it only counts. */
interface TableChangerOptions {
  /** `ask` and `filter` as in DumpReaderOptions. */
  readonly ask: ArrayBuffer;
  readonly filter: ArrayBuffer | undefined;
  readonly remove: boolean;
  /** Reports what it counts or removes. */
  readonly report: boolean;
  /** A specification. */
  readonly changes: ArrayBuffer | undefined;
  readonly netns: NetNamespaceArgument;
}

interface RequestSocketOptions {
  readonly netns: NetNamespaceArgument;
  /** isOfThread() will be asked. */
  readonly followsThread: boolean;
}

/** One file; without a failure its text is there. */
export interface FileOutcome extends Outcome {
  readonly text?: string;
}

/** The namespace at a path, or the failure of opening it. */
export interface NamespaceIdOutcome extends Outcome {
  /** As in net:[4026531840]. */
  readonly inode?: number;
  /** Absent for a namespace without an id. */
  readonly id?: number;
}

/** `failure`: the socket failed. */
export interface NamespaceIdsOutcome extends Outcome {
  readonly ids: readonly NamespaceIdOutcome[];
}

/** One constant of src/record/layout.ts. native/wire/layout.h */
export interface NativeLayoutTable {
  readonly name: string;
  readonly comment: string;
  readonly fields: Readonly<Record<string, number>>;
}

export interface NativeAddon {
  /** Compared when the addon loads. Absent: an addon of another version. */
  readonly layoutHash?: string;
  /** For the generator of src/record/layout.ts, and the tests. */
  layout(): readonly NativeLayoutTable[];
  /** `path`: a file such as /proc/<pid>/ns/net. */
  readonly NetNamespace: new (
    path: string,
  ) => NativeNetNamespace;
  readonly DumpReader: new (options: DumpReaderOptions) => NativeDumpReader;
  readonly EventReader: new (options: EventReaderOptions) => NativeEventReader;
  readonly RequestSocket: new (options: RequestSocketOptions) => NativeRequestSocket;
  readonly TableChanger: new (options: TableChangerOptions) => NativeTableChanger;
  /** `filter`: records, of which an entry must match one. */
  readonly FilterMatcher: new (
    filter: ArrayBuffer,
  ) => NativeFilterMatcher;
  /** The parts of a filter record that the kernel is asked for: bits of ASKED_FIELDS. */
  askedFields(filter: ArrayBuffer): number;
  /** How the records that an entry may match are found among these. */
  filterLookup(filters: ArrayBuffer): NativeFilterLookup;
  /** Asks the kernel which filters of dumps it has. Changes nothing. */
  probeFilters(netns: NetNamespaceArgument): Promise<FilterSupport>;
  /** The same; some microseconds, unless no entry has zone 0. */
  probeFiltersNow(netns: NetNamespaceArgument): FilterSupport;
  /** Small files, such as those of /proc, as the namespace sees them; in the order of the paths. */
  readFiles(netns: NetNamespaceArgument, paths: readonly string[]): readonly FileOutcome[];
  /**
   * The ids that the namespace has for those in files such as /proc/<pid>/ns/net, in the order of the
   * paths; of at most 511 bytes each.
   */
  namespaceIds(netns: NetNamespaceArgument, paths: readonly string[]): Promise<NamespaceIdsOutcome>;
  /** Writes up to 63 characters in one piece. */
  writeFile(netns: NetNamespaceArgument, path: string, text: string): Promise<Outcome>;
  /** How large a receive buffer the kernel grants to a socket that asks for `bytes`. */
  grantedReceiveBuffer(
    netns: NetNamespaceArgument,
    bytes: number,
  ): Outcome & { readonly bytes?: number };
}
