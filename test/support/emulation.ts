/**
 * Machines in emulation (tools/kernels): everything takes some ten times as long, and the default
 * maximum of the table is 65,536 entries.
 */
export const isEmulated = process.env.CONNTRACK_TEST_EMULATED === '1';

/** So many, and a tenth in emulation. */
export function many(count: number): number {
  return isEmulated ? Math.ceil(count / 10) : count;
}

/** The limit of a test that takes half a minute, in milliseconds. */
export const LONG = isEmulated ? 900_000 : 300_000;
