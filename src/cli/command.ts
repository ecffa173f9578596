/**
 * The type of a command: it names the functions of the API that it needs, and runs with them.
 */
import { printableLines } from '../core/printable.js';
import type { Conntrack } from '../index.js';
import type { ExitCode } from './exit.js';
import type { CommandLine } from './line/parse.js';
import type { Writer } from './print/writer.js';
import type { World } from './world.js';

export type Api = Omit<Conntrack, 'close' | typeof Symbol.asyncDispose>;

export interface Call {
  readonly line: CommandLine;
  readonly world: World;
  readonly writer: Writer;
  /** Runs another command line, for `load`; returns its exit code, and throws what fails. */
  readonly run: (words: readonly string[]) => Promise<ExitCode>;
}

/** @param handle That of another network namespace. */
export type Command = (handle: Conntrack | undefined, call: Call) => Promise<ExitCode>;

/** A command that works with the functions, or with the same methods of a handle. */
export function command<Name extends keyof Api>(
  functions: Pick<Api, Name>,
  work: (api: Pick<Api, Name>, call: Call) => Promise<ExitCode>,
): Command {
  return async (handle, call) => work(handle ?? functions, call);
}

export const PROGRAM = 'conntrack-js';

/** A line for a person, beside the output. A script gets none. */
export function tell({ world: { err } }: Pick<Call, 'world'>, text: string): void {
  if (err.isTTY === true) err.write(`${text}\n`);
}

/** A line about a failure, which everybody gets. */
export function warn({ world: { err } }: Pick<Call, 'world'>, text: string): void {
  err.write(`${PROGRAM}: ${printableLines(text)}\n`);
}
