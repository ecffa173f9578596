/**
 * What has to hold at the end.
 */
import { growthOf } from './growth.js';
import { differenceOfStates, type ProcessState } from './process-state.js';
import type { Tallies } from './tallies.js';

const MIB = 2 ** 20;

/**
 * Bytes that memory may grow by in the second half of a run. What JavaScript holds is measured after a
 * collection. The resident size has what malloc and V8 keep for later, too.
 */
export const TOLERANCE = { held: 2 * MIB, resident: 24 * MIB };

/** What was found while nothing changed the table. */
export interface Rest {
  readonly second: number;
  /** Bytes of the heap and outside of it, after a collection. */
  readonly held: number;
  readonly resident: number;
  readonly state: ProcessState;
  readonly problems: readonly string[];
}

export interface Judgement {
  readonly what: string;
  readonly found: string;
  readonly holds: boolean;
}

export interface Course {
  readonly rests: readonly Rest[];
  readonly tallies: Tallies;
  /** Before anything was opened, and after all was closed. */
  readonly before: ProcessState;
  readonly after: ProcessState;
}

export function judge({ rests, tallies, before, after }: Course): Judgement[] {
  const wrong = rests.flatMap(({ problems }) => problems);
  const [first] = rests;
  const moved = rests.find(
    ({ state }) => first !== undefined && differenceOfStates(first.state, state) !== undefined,
  );
  const left = differenceOfStates(before, after);
  return [
    {
      what: 'every turn of every activity saw what it had to see',
      found: `${tallies.failed} failures`,
      holds: tallies.failed === 0,
    },
    {
      what: 'at each rest: events received + lost = sent, tables and mirrors are equal',
      found: `${wrong.length} differences in ${rests.length} rests`,
      holds: wrong.length === 0 && rests.length > 0,
    },
    {
      what: 'at each rest: the same descriptors and threads',
      found:
        first === undefined || moved === undefined
          ? `${first?.state.descriptors.length} and ${first?.state.threads.length}`
          : `${differenceOfStates(first.state, moved.state)} after ${moved.second.toFixed(0)} s`,
      holds: moved === undefined,
    },
    {
      what: 'at the end: the descriptors and threads of the beginning',
      found: left ?? `${after.descriptors.length} and ${after.threads.length}`,
      holds: left === undefined,
    },
    flat('what JavaScript holds, after a collection, is flat', rests, 'held'),
    flat('the resident size is flat', rests, 'resident'),
  ];
}

function flat(what: string, rests: readonly Rest[], kind: keyof typeof TOLERANCE): Judgement {
  const growth = growthOf(rests.map((rest) => ({ second: rest.second, value: rest[kind] })));
  const limit = TOLERANCE[kind];
  return {
    what,
    found: `${mib(growth)} MiB in the second half, of at most ${mib(limit)}`,
    holds: growth <= limit,
  };
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
