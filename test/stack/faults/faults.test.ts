/**
 * Every system call and allocation of the addon fails, at the first to the last, with every error of
 * its man page, for every public function: a result as usual or an error that names the call, nothing
 * left open, and the next call works. The cases are generated from the public names and from the calls
 * that each function makes. By default each allocation and a sample of the others run; `CONNTRACK_FAULTS=all` runs all.
 * `CONNTRACK_SEED=N` takes another sample.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as conntrack from 'conntrack';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../../src/core/limits.js';
import { answerWith, callsOf, held, pretendNamespaces } from '../../support/fault-kernel.js';
import { failNext } from '../../support/scripted-kernel.js';
import { answers } from './answers.js';
import { left, leftBehind, type Outcome, outcomeOf, struckBy, wrongWith } from './attempt.js';
import { type Api, type Call, calls, opening } from './calls.js';
import { type Case, casesOf, sample } from './cases.js';
import { LABELS, useFiles } from './files.js';

// The processes of the machine come and go.
vi.mock(import('../../../src/core/proc-folders.js'), async (original) => ({
  ...(await original()),
  processIds: () => Promise.resolve([process.pid]),
}));

const ALL = process.env.CONNTRACK_FAULTS === 'all';
const SEED = Number(process.env.CONNTRACK_SEED ?? 1);
/** One in so many of the cases of a function, besides each allocation. */
const PART = 80;
const MOST_PROBLEMS = 20;
const counted = { struck: 0 };

/** Those that ask no kernel: they must make no call that can fail. */
const WITHOUT_CALLS = [
  'entryKey',
  'formatEntry',
  'networkMatcher',
  'parseEntries',
  'readLabelNames',
];

interface Way {
  readonly way: string;
  /** Runs the call on what it opens. */
  readonly use: (work: (api: Api) => Promise<void>) => Promise<void>;
}

const WAYS: readonly Way[] = [
  {
    way: 'a function',
    use: (work) => work(conntrack),
  },
  {
    way: 'a method',
    use: async (work) => {
      await using handle = await conntrack.Conntrack.open();
      await work(handle);
    },
  },
  {
    way: 'a method in another namespace',
    use: async (work) => {
      await using handle = await conntrack.Conntrack.open({ netns: '/proc/self/ns/net' });
      await work(handle);
    },
  },
];

/** The function opens its sockets anew, as where its thread has entered another namespace. */
const afresh = (call: Call, api: Api) => () => {
  if (api === conntrack) failNext('readlinkat', 'ENOENT');
  return call.run(api);
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Blocks that are left when all that JavaScript dropped is gone. */
async function blocksLeft(before: number): Promise<number> {
  for (let turns = 0; held().blocks > before && turns < 50; turns++) {
    collectGarbage();
    await sleep(1);
  }
  return held().blocks - before;
}

/** How the call ends when nothing fails, and the calls of the addon that it makes. */
async function usualOf(call: Call, { use }: Way) {
  let outcome: Outcome | undefined;
  let counts: ReadonlyMap<string, number> = new Map();
  await use(async (api) => {
    counts = await callsOf(async () => {
      outcome = await outcomeOf(afresh(call, api));
    });
  });
  if (outcome === undefined) throw new Error('no call was made');
  if (outcome.error !== undefined) throw new Error('it fails', { cause: outcome.error });
  return { usual: outcome, counts };
}

/** One case: what is wrong with it. */
async function problemsOf(call: Call, { use }: Way, fault: Case, usual: Outcome) {
  const problems: string[] = [];
  await use(async (api) => {
    const outcome = await struckBy(fault, afresh(call, api));
    if (outcome.struck === 0) return;
    counted.struck++;
    const problem = wrongWith(call, fault, usual, outcome);
    if (problem !== undefined) problems.push(problem);
    const next = await outcomeOf(() => call.run(api));
    if (next.result !== usual.result) {
      problems.push(`the next call gave ${next.result ?? inspect(next.error)}`);
    }
  });
  return problems;
}

async function attack(call: Call, way: Way): Promise<void> {
  answerWith(call.rules ?? answers());
  const first = await usualOf(call, way);
  const { usual, counts } = await usualOf(call, way);
  expect(usual.result).toBe(first.usual.result);
  const cases = casesOf(counts);
  collectGarbage();
  let before = left();
  const { blocks: blocksBefore } = before;
  const problems: string[] = [];
  for (const one of ALL ? cases : sample(cases, PART, SEED)) {
    const found = await problemsOf(call, way, one, usual).catch((error: unknown) => [
      String(error),
    ]);
    const behind = await leftBehind(before);
    if (behind !== '') {
      found.push(behind);
      before = left();
    }
    problems.push(...found.map((problem) => `${one.title}: ${problem}`));
    if (problems.length > MOST_PROBLEMS) break;
  }
  const blocks = await blocksLeft(blocksBefore);
  if (blocks > 0) problems.push(`${blocks} blocks of memory left`);
  expect(problems).toEqual([]);
}

beforeAll(() => {
  Object.assign(LIMITS, { shortestLookMs: 1 });
  useFiles();
  pretendNamespaces();
});

/** The functions of the module and the methods of a handle. */
function publicNames(): string[] {
  const functions = Object.entries(conntrack)
    .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
    .map(([name]) => name);
  const methods = Object.getOwnPropertyNames(conntrack.Conntrack.prototype);
  return [...new Set([...functions, ...methods])].sort();
}

test('each public function has a call, or makes none', () => {
  const called = calls.map(({ name }) => name.split(',')[0] as string);
  // Each case ends with close().
  const all = new Set([...called, ...WITHOUT_CALLS, 'close', 'constructor']);
  expect([...all].sort()).toEqual(publicNames());
});

test('those that ask no kernel make no call', async () => {
  answerWith(answers());
  const entries = await conntrack.listEntries();
  const counts = await callsOf(async () => {
    const text = entries.map((entry) => conntrack.formatEntry(entry)).join('\n');
    conntrack.parseEntries(text);
    const isKnown = conntrack.networkMatcher(entries.map(({ original }) => original.source));
    for (const entry of entries) isKnown(conntrack.entryKey(entry) && entry.original.source);
    await conntrack.readLabelNames(LABELS);
  });
  expect([...counts]).toEqual([]);
});

test('Conntrack.open', () => attack(opening, WAYS[1] as Way), 600_000);

describe.each(WAYS)('as $way', (way) => {
  test.each(calls)('$name', (call) => attack(call, way), 600_000);
});

afterAll(() => {
  if (ALL) console.log(`${counted.struck} faults have struck`);
});
