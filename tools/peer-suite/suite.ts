/**
 * Runs cases on both sides and compares, after each: the verdicts, what was printed, and the tables.
 */

import { differenceOfLines, differenceOfPolicies, differenceOfTables } from './compare.js';
import type { Aspect, KnownDifference } from './differences.js';
import { nfctWith } from './nfct.js';
import { type Case, edited, type Input, textOf, type Verdict } from './read-cases.js';
import type { ToolEnded, Twins } from './twin.js';

export type ToolName = 'conntrack' | 'nfct';

export interface Found {
  readonly case: Case;
  readonly aspect: Aspect;
  readonly detail: string;
  /** `undefined`: the list of known differences has none. */
  readonly reason: string | undefined;
}

export interface Report {
  readonly cases: number;
  readonly equal: number;
  readonly found: readonly Found[];
  /** Known differences that no case has shown. */
  readonly unused: readonly KnownDifference[];
}

/** Whether each difference has a reason, and each reason a difference. */
export const isClean = ({ found, unused }: Report): boolean =>
  unused.length === 0 && found.every(({ reason }) => reason !== undefined);

/** Whether the tables are compared after each case, or after the last: that takes the most time. */
export type Comparing = 'each' | 'last';

/** Runs cases that build on one another. */
export async function runSuite(
  twins: Twins,
  tool: ToolName,
  cases: readonly Case[],
  known: readonly KnownDifference[],
  comparing: Comparing = 'each',
): Promise<Report> {
  const found: Found[] = [];
  const used = new Set<KnownDifference>();
  let equal = 0;
  for (const [index, one] of cases.entries()) {
    const before = found.length;
    const isLast = index === cases.length - 1;
    const withTable = comparing === 'each' || isLast;
    for (const [aspect, detail] of await differencesOf(twins, tool, one, withTable)) {
      const match = known.find(
        ({ aspect: its, command, within }) =>
          its === aspect &&
          command.test(textOf(one)) &&
          (within === undefined || one.at.startsWith(`${within}:`)),
      );
      if (match !== undefined) used.add(match);
      found.push({ case: one, aspect, detail, reason: match?.reason });
    }
    if (found.length === before) equal++;
  }
  const unused = known.filter((one) => !used.has(one));
  return { cases: cases.length, equal, found, unused };
}

async function differencesOf(
  twins: Twins,
  tool: ToolName,
  one: Case,
  withTable: boolean,
): Promise<[Aspect, string][]> {
  const [ours, theirs] = await Promise.all([
    runOurs(twins, tool, one),
    runTheirs(twins, tool, one),
  ]);
  const differences: [Aspect, string][] = [];
  const [our, their] = [verdictOf(ours), verdictOf(theirs)];
  if (our !== their) {
    const why = [ours.message, theirs.message].filter((text) => text !== '').join(' | ');
    differences.push(['verdict', `ours ${our}, the tool's ${their}: ${why}`]);
  } else if (one.verdict !== 'SAME' && our !== one.verdict) {
    differences.push(['expected', `${one.verdict} is expected, both say ${our}: ${ours.message}`]);
  }
  const printed = our === their ? differenceOfLines(ours.lines, theirs.lines) : undefined;
  if (printed !== undefined) differences.push(['output', printed]);
  // What both refuse changes nothing, or the next case shows it: reading a table takes the longest.
  const mayDiffer = !READS.test(one.words[0] ?? '') && (our === 'OK' || their === 'OK');
  const isCompared = our !== their || (withTable && mayDiffer);
  const table = isCompared ? await differenceOfState(twins, tool) : undefined;
  if (table !== undefined) {
    if (our === their) differences.push(['table', table]);
    await makeEqual(twins, tool);
  }
  return differences;
}

/** Commands that change nothing. */
const READS = /^-[LGCS]|^(list|get|default-get)$/;

const verdictOf = ({ code }: { code: number }): Verdict => (code === 0 ? 'OK' : 'BAD');

async function runOurs(twins: Twins, tool: ToolName, one: Case): Promise<ToolEnded> {
  const own = async (words: readonly string[], input?: readonly string[]) =>
    twins.ours.runOwn(words, input);
  const run = tool === 'nfct' ? nfctWith(own) : own;
  const input = await inputOf(one.input, run);
  return run(one.words, input);
}

async function runTheirs(twins: Twins, tool: ToolName, one: Case): Promise<ToolEnded> {
  const run = async (words: readonly string[], input?: readonly string[]) =>
    twins.theirs.run(tool, words, input);
  const input = await inputOf(one.input, run);
  return run(one.words, input);
}

async function inputOf(
  input: Input | undefined,
  run: (words: readonly string[]) => Promise<{ readonly lines: readonly string[] }>,
): Promise<readonly string[] | undefined> {
  if (input === undefined) return undefined;
  if (input.kind === 'lines') return input.lines;
  return edited((await run(input.words)).lines, input.script);
}

async function differenceOfState(twins: Twins, tool: ToolName): Promise<string | undefined> {
  const [ours, theirs] = [twins.ours.handle, twins.theirs.handle];
  return tool === 'nfct' ? differenceOfPolicies(ours, theirs) : differenceOfTables(ours, theirs);
}

/** After a difference the next case begins with the tool's table on both sides. */
async function makeEqual({ ours, theirs }: Twins, tool: ToolName): Promise<void> {
  if (tool === 'nfct') {
    for (const { name } of await ours.handle.listTimeoutPolicies()) {
      await ours.handle.deleteTimeoutPolicy(name);
    }
    for (const policy of await theirs.handle.listTimeoutPolicies()) {
      await ours.handle.createTimeoutPolicy(policy);
    }
    return;
  }
  await ours.handle.flushEntries();
  const results = await ours.handle.createEntries(await theirs.handle.listEntries());
  for (const { error } of results) if (error !== undefined) throw error;
  for (const expectation of await theirs.handle.listExpectations()) {
    await ours.handle.createExpectation(expectation);
  }
}
