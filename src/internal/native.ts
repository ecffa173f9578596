/**
 * The types of all that the addon exports: the one door to C++.
 */
import type { Layout } from './layout.js';

/** Why something failed, in numbers. `syscall` is absent when the kernel answered with the error. */
export interface NativeFailure {
  readonly errno: number;
  readonly syscall?: string;
  /** The kernel's extended-ack text. */
  readonly text?: string;
}

interface Outcome {
  readonly failure?: NativeFailure;
}

export interface DumpOutcome extends Outcome {
  /** How many more of the slabs that were supplied have been filled: `batch` at most. */
  readonly slabs: number;
  /** The table has been read to its end. */
  readonly done: boolean;
}

/** Reads the table once, from beginning to end. native/addon/dump_wrap.h */
export interface NativeDumpReader {
  /** Set when the socket could not be opened; then the reader is of no use. */
  readonly failure?: NativeFailure;
  /**
   * Slabs to fill, in turn; they must be left alone until they are. Reading goes on
   * while there are any. `next` settles when `batch` of them are filled, or none
   * will be for now.
   */
  supply(slabs: readonly ArrayBuffer[], batch: number): void;
  /** What has been filled; perhaps nothing, when the kernel is silent. One at a time. */
  next(): Promise<DumpOutcome>;
  /** Ends the reading, and a pending `next`, and closes the socket. Once. */
  close(): Promise<void>;
}

/** One request at a time. native/addon/request_wrap.h */
export interface NativeRequestSocket {
  readonly failure?: NativeFailure;
  /** Looks up the key that is the first entry of `key`; gives a slab that holds the entry alone. */
  get(key: ArrayBuffer): Promise<Outcome & { readonly slab?: ArrayBuffer }>;
  count(): Promise<Outcome & { readonly entries: number }>;
  /** Creates the first entry of `entry`. */
  create(entry: ArrayBuffer): Promise<Outcome>;
  close(): void;
}

export interface NativeEventCounters {
  readonly received: number;
  readonly lostInKernel: number;
  readonly lostInQueue: number;
  readonly malformed: number;
  readonly foreign: number;
}

/** Reads events on a thread of its own from the moment it is made. native/addon/event_wrap.h */
export interface NativeEventReader {
  /** Set when it could not subscribe; then the reader is of no use. */
  readonly failure?: NativeFailure;
  readonly receiveBufferBytes: number;
  /**
   * The events that have come, as soon as there are some; `undefined` when close()
   * comes first. One at a time; the process lives on while it is pending.
   */
  next(): Promise<EventOutcome | undefined>;
  counters(): NativeEventCounters;
  /** Ends the thread and closes the socket. May be called repeatedly. */
  close(): void;
}

export interface EventOutcome extends Outcome {
  readonly slabs: readonly ArrayBuffer[];
}

export interface NativeAddon {
  readonly layout: Layout;
  /** `family`: 0 for both, else AF_INET or AF_INET6. `filter`: records, of which one must match. */
  readonly DumpReader: new (
    family: number,
    zeroCounters: boolean,
    filter: ArrayBuffer | undefined,
  ) => NativeDumpReader;
  /** `groups`: bit n - 1 stands for multicast group n. `filter` as above. */
  readonly EventReader: new (
    groups: number,
    receiveBufferBytes: number,
    queueBytes: number,
    reliableDestroy: boolean,
    allNamespaces: boolean,
    filter: ArrayBuffer | undefined,
  ) => NativeEventReader;
  readonly RequestSocket: new () => NativeRequestSocket;
}
