/**
 * Runs a command line of conntrack(8) through the API of this package.
 */
import { type Conntrack, ConntrackError, type Entry, type Expectation } from 'conntrack';
import { expectationIn, expectationKeyIn } from './expectations.js';
import { filtersIn } from './filters.js';
import { outputIn, statsLine } from './output.js';
import type { CommandLine, Given } from './parse.js';
import { parseCommandLine } from './parse.js';
import { changesIn, keyIn, specIn } from './specs.js';
import { read } from './tuples.js';
import { UsageError } from './usage-error.js';
import { familyIn, labelsIn } from './values.js';

export interface Surroundings {
  readonly handle: Conntrack;
  /** The names of labels by bit. */
  readonly labels: ReadonlyMap<number, string>;
  /** What `-R -` reads. */
  readonly input?: readonly string[];
}

/** How a command has ended, as the tool shows it. */
export interface Ended {
  /** 0: it was done; 1: it was not; 2: the command line says nothing. */
  readonly code: 0 | 1 | 2;
  readonly lines: readonly string[];
  /** Why it failed. */
  readonly message: string;
}

/** Never throws for what a user can do wrong: the exit code tells. */
export async function runCommand(words: readonly string[], around: Surroundings): Promise<Ended> {
  try {
    const lines = await perform(parseCommandLine(words), around, false);
    if (lines !== undefined) return { code: 0, lines, message: '' };
    return { code: 1, lines: [], message: 'no entry was found' };
  } catch (error) {
    return endedBy(error);
  }
}

function endedBy(error: unknown): Ended {
  if (error instanceof UsageError) return { code: 2, lines: [], message: error.message };
  if (
    error instanceof ConntrackError ||
    error instanceof TypeError ||
    error instanceof RangeError
  ) {
    return { code: 1, lines: [], message: error.message };
  }
  throw error;
}

/** What is printed; `undefined`: nothing was there to be changed, deleted or shown. */
type Printed = readonly string[] | undefined;

async function perform(
  line: CommandLine,
  around: Surroundings,
  isBatch: boolean,
): Promise<Printed> {
  if (line.command === 'load') return loadLines(line, around, isBatch);
  if (line.table === 'expect') return performOnExpectations(line, around.handle);
  return performOnEntries(line, around);
}

async function performOnEntries(line: CommandLine, around: Surroundings): Promise<Printed> {
  const { handle, labels: names } = around;
  const { command, table, given } = line;
  const bits = new Map([...names].map(([bit, name]) => [name, bit]));
  const output = outputIn(given, command, names);
  const print = (entries: readonly Entry[]) => output.lines(entries);
  const printAny = (entries: readonly Entry[]) =>
    entries.length === 0 ? undefined : print(entries);
  switch (command) {
    case 'list': {
      if (table === 'unconfirmed') throw new UsageError('the API has no table unconfirmed');
      const options = {
        zeroCounters: given.zero !== undefined,
        ...(table === 'dying' ? { table } : {}),
      };
      return print(await handle.listEntries(filtersIn(given, bits), options));
    }
    case 'get': {
      const wanted = given.label === undefined ? 0n : labelsIn(given.label, bits);
      const entry = await handle.getEntry(keyIn(given));
      return entry && ((entry.labels ?? 0n) & wanted) === wanted ? print([entry]) : undefined;
    }
    case 'create':
    case 'add':
      return create(line, handle, bits);
    case 'delete':
      return printAny(await remove(handle, given, bits));
    case 'update': {
      const { changes, unchanged } = changesIn(given, bits);
      const filters = filtersIn(given, bits, true).map((one) => ({ ...one, not: unchanged }));
      const entries = await handle.listEntries(filters);
      return printAny(
        await Promise.all(entries.map((entry) => handle.updateEntry(entry, changes))),
      );
    }
    case 'flush': {
      const family = read(given, 'family', familyIn);
      await handle.flushEntries(family === undefined ? {} : { family });
      return [];
    }
    case 'count':
      return [String(await handle.countEntries())];
    case 'stats':
      return (await handle.readStats()).cpus.map(statsLine);
    default:
      throw new UsageError(`--${command} is nothing that ends with a result`);
  }
}

/** `-A` leaves an entry alone that is there already. */
async function create(
  { command, given }: CommandLine,
  handle: Conntrack,
  bits: ReadonlyMap<string, number>,
): Promise<Printed> {
  try {
    await handle.createEntry(specIn(given, bits));
  } catch (error) {
    const exists = error instanceof ConntrackError && error.code === 'EEXIST';
    if (command !== 'add' || !exists) throw error;
  }
  return [];
}

/** Of a whole family, or of both, `-D` is a flush to the API. */
async function remove(
  handle: Conntrack,
  given: Given,
  bits: ReadonlyMap<string, number>,
): Promise<readonly Entry[]> {
  const conditions = Object.keys(given).filter((name) => name !== 'family' && name !== 'output');
  const family = read(given, 'family', familyIn);
  const { entries } =
    conditions.length === 0
      ? await handle.flushEntries({ ...(family && { family }), entries: true })
      : await handle.deleteEntries(filtersIn(given, bits), { entries: true });
  return entries;
}

async function performOnExpectations(line: CommandLine, handle: Conntrack): Promise<Printed> {
  const { command, given } = line;
  switch (command) {
    case 'list': {
      const family = read(given, 'family', familyIn);
      const expectations = await handle.listExpectations({ family });
      return expectations.map((one) => lineOf(one, line));
    }
    case 'get': {
      const expectation = await handle.getExpectation(expectationKeyIn(given));
      return expectation && [lineOf(expectation, line)];
    }
    case 'create':
      await handle.createExpectation(expectationIn(given));
      return [];
    case 'delete':
      return (await handle.deleteExpectation(expectationKeyIn(given))) ? [] : undefined;
    case 'flush':
      await handle.flushExpectations();
      return [];
    case 'count':
      return [String(await handle.countExpectations())];
    default:
      throw new UsageError(`--${command} is nothing that ends with a result`);
  }
}

function lineOf(expectation: Expectation, { given }: CommandLine): string {
  const words = (given.output ?? []).flatMap((text) => text.split(','));
  if (words.some((word) => word === 'xml' || word === 'save' || word === 'labels')) {
    throw new UsageError(`--output ${words.join(',')}: expectations have lines only`);
  }
  return String(expectation);
}

/** Every line is a command; a delete that finds nothing is no failure. */
async function loadLines(
  { file }: CommandLine,
  around: Surroundings,
  isBatch: boolean,
): Promise<Printed> {
  if (isBatch) throw new UsageError('--load-file inside of --load-file');
  if (file !== '-') throw new UsageError('--load-file: only - is read');
  const printed: string[] = [];
  for (const text of around.input ?? []) {
    const words = text.split(/\s+/).filter((word) => word !== '');
    if (words.length === 0 || words[0]?.startsWith('#')) continue;
    printed.push(...((await perform(parseCommandLine(words), around, true)) ?? []));
  }
  return printed;
}
