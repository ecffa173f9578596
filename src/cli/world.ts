/**
 * What a command line works with beside the kernel: the streams and the environment of its process.
 * Tests have others.
 */
import type { Readable } from 'node:stream';

/** A stream to read from: what process.stdin has. */
export type Input = Readable & {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
};

/** A stream to write to: what process.stdout has. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string, done?: (error?: Error | null) => void): unknown;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

export interface World {
  readonly out: Sink;
  readonly err: Sink;
  /** `process.stdin`, which opens when it is looked at. */
  readonly in: () => Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back at SIGINT and SIGTERM, until the returned function is called. */
  readonly onInterrupt: (stop: () => void) => () => void;
}
