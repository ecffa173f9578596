/**
 * The kernel's names of its counters, as `conntrack -S` prints them.
 */
import type { TableCounters } from '../health/stats.js';

/** The counters that have a name in this version. */
export type CounterName = Exclude<keyof TableCounters, 'other'>;

export const KERNEL_NAMES: Readonly<Record<CounterName, string>> = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insertFailed: 'insert_failed',
  drop: 'drop',
  earlyDrop: 'early_drop',
  error: 'error',
  searchRestart: 'search_restart',
  clashResolve: 'clash_resolve',
  chainTooLong: 'chaintoolong',
  ignore: 'ignore',
  expectNew: 'expect_new',
  expectCreate: 'expect_create',
  expectDelete: 'expect_delete',
};

/** Each counter that the kernel sent, under its name; one without a name as `other` has it. */
export function namedCounters({ other, ...known }: TableCounters): [string, number][] {
  const names = Object.entries(known) as [CounterName, number][];
  return [
    ...names.map(([name, value]): [string, number] => [KERNEL_NAMES[name], value]),
    ...Object.entries(other),
  ];
}
