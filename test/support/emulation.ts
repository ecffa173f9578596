/**
 * Machines in emulation (tools/kernels): everything takes some ten times as long, and the default
 * maximum of the table is 65,536 entries.
 */
export const isEmulated = process.env.CONNTRACK_TEST_EMULATED === '1';

/** Where everything takes some ten times as long: in emulation, and under sanitizers. */
export const isSlow = isEmulated || process.env.CONNTRACK_TEST_SANITIZED === '1';

/** So many, and a tenth in emulation. */
export function many(count: number): number {
  return isEmulated ? Math.ceil(count / 10) : count;
}

/** The limit of a test that takes half a minute, in milliseconds. */
export const LONG = isSlow ? 900_000 : 300_000;
