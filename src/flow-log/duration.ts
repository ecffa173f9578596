/**
 * Times in options.
 */
import type { Check } from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';

/** A time: milliseconds, or a number with a unit, such as `'60s'` or `'5m'`. */
export type Interval = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds, whole ones. */
export function duration(least: number, most: number = LIMITS.longestIntervalMs): Check<number> {
  return (value, path) => {
    const text = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null;
    if (typeof value !== 'number' && text === null) {
      throw typeError(
        path,
        "must be milliseconds, or a number with ms, s, m, h or d, such as '60s'",
      );
    }
    const [, count, unit] = text ?? [];
    const milliseconds = text ? Number(count) * UNITS[unit as keyof typeof UNITS] : Number(value);
    if (!(milliseconds >= least && milliseconds <= most)) {
      throw rangeError(path, `must be from ${least} ms to ${most} ms`);
    }
    return Math.round(milliseconds);
  };
}
