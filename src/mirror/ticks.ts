/**
 * A clock of 32 bits that goes on for 13 years.
 */
export const TICKS_PER_SECOND = 10;

/** Tenths of a second since the process began. */
export function ticksNow(): number {
  return Math.floor(performance.now() / (1000 / TICKS_PER_SECOND));
}
