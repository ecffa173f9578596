/**
 * Groups of cases of our own, each from an empty table.
 */
import type { Conntrack } from 'conntrack';
import type { KnownDifference } from './differences.js';
import { readCases } from './read-cases.js';
import { type Comparing, type Report, runSuite, type ToolName } from './suite.js';
import type { Twins } from './twin.js';

export interface Group {
  readonly name: string;
  /** In the format of the suite. */
  readonly text: string;
  /** Default: `last`. */
  readonly comparing?: Comparing;
  /** Whether the kernel has what the group is about. */
  readonly isFor?: (handle: Conntrack) => Promise<boolean>;
  /** Makes what a command line cannot, on each side. */
  readonly prepare?: (handle: Conntrack) => Promise<void>;
}

/** Returns a report without cases where the kernel lacks what the group is about. */
export async function runGroup(
  twins: Twins,
  tool: ToolName,
  group: Group,
  known: readonly KnownDifference[],
): Promise<Report> {
  const { name, text, comparing = 'last', isFor, prepare } = group;
  if ((await isFor?.(twins.ours.handle)) === false) return together([], known);
  await twins.both(async ({ handle }) => {
    await handle.flushEntries();
    await prepare?.(handle);
  });
  return runSuite(twins, tool, readCases(name, text), known, comparing);
}

/** The reports of parts of a whole; a known difference is unused that no part has shown. */
export function together(parts: readonly Report[], known: readonly KnownDifference[]): Report {
  return {
    cases: sum(parts.map(({ cases }) => cases)),
    equal: sum(parts.map(({ equal }) => equal)),
    found: parts.flatMap(({ found }) => found),
    unused: known.filter((one) => parts.every(({ unused }) => unused.includes(one))),
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
