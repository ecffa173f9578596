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

export interface ReadOutcome extends Outcome {
  /** How many of the slabs were filled. Fewer than given, and neither done nor failed: ask again. */
  readonly slabs: number;
  readonly done: boolean;
}

/** Reads the table once, from beginning to end. native/addon/dump_wrap.h */
export interface NativeDumpReader {
  /** Set when the socket could not be opened; then the reader is of no use. */
  readonly failure?: NativeFailure;
  /**
   * Fills 1 to 16 slabs in turn. A second read may wait while one runs; it starts
   * before the promise of the first settles. The array and the slabs must be left
   * alone until then.
   */
  read(slabs: readonly ArrayBuffer[]): Promise<ReadOutcome>;
  /** Lets a running `read` end soon. */
  cancel(): void;
  /** Closes the socket; throws while `read` runs. */
  close(): void;
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

export interface NativeAddon {
  readonly layout: Layout;
  /** `family`: 0 for both, else AF_INET or AF_INET6. */
  readonly DumpReader: new (
    family: number,
    zeroCounters: boolean,
  ) => NativeDumpReader;
  readonly RequestSocket: new () => NativeRequestSocket;
}
