/**
 * Pressure: how full the table is, and how fast that changes.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { followSignal, orAborted, throwIfAborted, unfollowSignal } from '../core/abort.js';
import { number, object, optional, record, signal, word } from '../core/check.js';
import { closedError, rangeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { Context } from '../request/context.js';
import type { CounterName } from './counters.js';
import type { TableLoad } from './read-load.js';
import { utilizationOf } from './utilization.js';

/** The level of utilization: `elevated` from 0.70, `critical` from 0.85. */
export type PressureLevel = 'normal' | 'elevated' | 'critical';

const LEVELS = ['normal', 'elevated', 'critical'] as const satisfies PressureLevel[];

/** The thresholds of the levels. */
export interface PressureThresholds {
  /** `elevated` from this utilization on. Default: 0.7. */
  readonly elevatedAt?: number | undefined;
  /** `critical` from this utilization on. Default: 0.85. */
  readonly criticalAt?: number | undefined;
}

/** Options of {@link readPressure}. */
export interface PressureOptions extends PressureThresholds {
  /** An earlier sample. Adds rates since then, and hysteresis of the level. */
  readonly previous?: PressureSample | undefined;
}

/** Options of {@link watchPressure}. */
export interface WatchPressureOptions extends PressureThresholds {
  /** Milliseconds between samples. Default: 1,000. */
  readonly intervalMs?: number | undefined;
  /** Ends the samples; a pending read rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A counter, and its growth since the previous sample. */
export interface CounterRate {
  /** Since the network namespace began, over all processors. */
  readonly total: number;
  /** Since the previous sample; absent without one. */
  readonly delta?: number;
  readonly perSecond?: number;
}

/**
 * The table of a network namespace at one moment. `entries` counts this namespace. `maxEntries`
 * is one limit that applies to each namespace separately: the kernel drops packets in a
 * namespace that has reached it.
 */
export interface PressureSample {
  readonly time: Date;
  /** The same moment on CLOCK_MONOTONIC, in seconds; the base of rates. */
  readonly monotonicSeconds: number;
  readonly entries: number;
  /** `nf_conntrack_max`; 0: no limit. */
  readonly maxEntries: number;
  /** `nf_conntrack_buckets`; absent when /proc/sys does not show it. */
  readonly buckets?: number;
  /** `entries / maxEntries`; 0 without a limit. */
  readonly utilization: number;
  /** Leaves a level only below its threshold minus 0.05, or below half of a threshold under 0.1. */
  readonly level: PressureLevel;
  /** Seconds since the previous sample; absent when there is none. */
  readonly intervalSeconds?: number;
  /** Growth of `entries` per second; negative when the table shrinks. */
  readonly growthPerSecond?: number;
  /** Seconds until the table is full at this growth; absent unless it grows. */
  readonly secondsUntilFull?: number;
  /** Packets dropped because no entry could be created (`drop`). */
  readonly dropped?: CounterRate;
  /** Entries removed to make room (`early_drop`). */
  readonly earlyDropped?: CounterRate;
  /** Entries that could not be inserted (`insert_failed`). */
  readonly insertFailed?: CounterRate;
  /** Entries refused because their hash chain was too long (`chaintoolong`, Linux 5.15). */
  readonly chainTooLong?: CounterRate;
  /** Packets that belong to no flow and cannot begin one (`invalid`). */
  readonly invalid?: CounterRate;
}

/** What samples are made of. */
interface Source {
  readLoad(): Promise<TableLoad>;
}

interface Thresholds {
  readonly elevatedAt: number;
  readonly criticalAt: number;
}

/** @internal */
export const DEFAULT_THRESHOLDS: Thresholds = { elevatedAt: 0.7, criticalAt: 0.85 };

const HYSTERESIS = 0.05;

/** A level with a small threshold ends, too. */
const endOf = (threshold: number) => Math.max(threshold - HYSTERESIS, threshold / 2);

/**
 * The fields of a sample that are counters, and what they count.
 *
 * @internal
 */
export const RATES = {
  dropped: 'drop',
  earlyDropped: 'earlyDrop',
  insertFailed: 'insertFailed',
  chainTooLong: 'chainTooLong',
  invalid: 'invalid',
} as const satisfies Partial<Record<keyof PressureSample, CounterName>>;

const RATE_LIST = Object.entries(RATES) as [keyof typeof RATES, CounterName][];

/** @internal */
export async function samplePressure(
  source: Source,
  options?: PressureOptions,
): Promise<PressureSample> {
  const checked = pressureOptionsOf(options);
  const load = await source.readLoad();
  const now = { time: new Date(), monotonicSeconds: Number(process.hrtime.bigint()) / 1e9 };
  return makeSample(load, now, checked, checked.previous);
}

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

/** @internal */
export function makeSample(
  { entries, maxEntries, buckets, total }: TableLoad,
  { time, monotonicSeconds }: Pick<PressureSample, 'time' | 'monotonicSeconds'>,
  thresholds: Thresholds,
  previous: PreviousSample | undefined,
): PressureSample {
  const utilization = utilizationOf({ entries, maxEntries });
  const elapsed = previous && monotonicSeconds - previous.monotonicSeconds;
  // Two samples of one moment have no rates, nor has a previous sample from before a reboot.
  const seconds = elapsed !== undefined && elapsed > 0 ? elapsed : undefined;
  const level = levelOf(utilization, thresholds, previous?.level);
  const sample: Mutable<PressureSample> = {
    time,
    monotonicSeconds,
    entries,
    maxEntries,
    utilization,
    level,
  };
  if (buckets !== undefined) sample.buckets = buckets;
  if (previous !== undefined && seconds !== undefined) {
    const growth = (entries - previous.entries) / seconds;
    sample.intervalSeconds = seconds;
    sample.growthPerSecond = growth;
    if (growth > 0 && maxEntries > 0) {
      sample.secondsUntilFull = Math.max(0, maxEntries - entries) / growth;
    }
  }
  for (const [field, counter] of RATE_LIST) {
    const count = total[counter];
    const before = previous?.[field]?.total;
    if (count !== undefined) sample[field] = rateOf(count, before, seconds);
  }
  return sample;
}

function rateOf(
  total: number,
  before: number | undefined,
  seconds: number | undefined,
): CounterRate {
  if (before === undefined || seconds === undefined) return { total };
  const delta = deltaOf(total, before);
  return { total, delta, perSecond: delta / seconds };
}

/**
 * The kernel's counters are 32 bits wide for each processor. A counter that has decreased has
 * wrapped; if that means more than half of its range, it was reset.
 */
function deltaOf(now: number, before: number): number {
  const range = 2 ** 32;
  const delta = (((now - before) % range) + range) % range;
  return now < before && delta > range / 2 ? now : delta;
}

function levelOf(
  utilization: number,
  { elevatedAt, criticalAt }: Thresholds,
  previous: PressureLevel = 'normal',
): PressureLevel {
  const reaches = (threshold: number, held: boolean) =>
    utilization >= (held ? endOf(threshold) : threshold);
  if (reaches(criticalAt, previous === 'critical')) return 'critical';
  return reaches(elevatedAt, previous !== 'normal') ? 'elevated' : 'normal';
}

/** @internal */
export function watchPressureOf(
  context: Context,
  source: Source,
  options: WatchPressureOptions = {},
): AsyncGenerator<PressureSample, undefined, undefined> {
  const { intervalMs, signal: own, ...thresholds } = watchPressureOptionsOf(options);
  return samples(context, source, thresholds, intervalMs, own);
}

async function* samples(
  context: Context,
  source: Source,
  thresholds: Thresholds,
  intervalMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<PressureSample, undefined, undefined> {
  const ending = new AbortController();
  const follower = {
    abort(reason: unknown) {
      ending.abort(reason);
    },
    close() {
      ending.abort(closedError('watchPressure', 'handle'));
    },
  };
  try {
    context.refuseIfClosed('watchPressure');
    context.follow(follower);
    if (signal !== undefined) {
      throwIfAborted(signal);
      followSignal(signal, follower);
    }
    let previous: PressureSample | undefined;
    for (let due = performance.now(); ; due = Math.max(due + intervalMs, performance.now())) {
      await sleep(Math.max(0, due - performance.now()), undefined, { signal: ending.signal });
      const sample = samplePressure(source, { ...thresholds, previous });
      previous = await orAborted(ending.signal, sample);
      yield previous;
    }
  } catch (error) {
    // Rejects with the signal's reason, not with the timer's AbortError.
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    if (signal !== undefined) unfollowSignal(signal, follower);
    context.unfollow(follower);
    context.endCall();
  }
}

/** What of an earlier sample counts. */
type PreviousSample = Pick<PressureSample, 'entries' | 'monotonicSeconds'> &
  Partial<Pick<PressureSample, 'level' | keyof typeof RATES>>;

const amount = number('a number from 0 on', (value) => value >= 0 && Number.isFinite(value));
const counterRate = optional(
  object<CounterRate>({ total: amount, delta: optional(amount), perSecond: optional(amount) }),
);
const SAMPLE_FIELDS = Object.keys({
  time: true,
  monotonicSeconds: true,
  entries: true,
  maxEntries: true,
  buckets: true,
  utilization: true,
  level: true,
  intervalSeconds: true,
  growthPerSecond: true,
  secondsUntilFull: true,
  dropped: true,
  earlyDropped: true,
  insertFailed: true,
  chainTooLong: true,
  invalid: true,
} satisfies Record<keyof PressureSample, true>);

const previousSample = record<PreviousSample>(
  {
    entries: amount,
    monotonicSeconds: amount,
    level: optional(word(LEVELS)),
    dropped: counterRate,
    earlyDropped: counterRate,
    insertFailed: counterRate,
    chainTooLong: counterRate,
    invalid: counterRate,
  },
  { expected: 'an earlier sample', others: SAMPLE_FIELDS },
);

const share = optional(
  number('a number above 0, and 1 at most', (value) => value > 0 && value <= 1),
);
const THRESHOLDS = { elevatedAt: share, criticalAt: share };

const pressureOptions = object<Omit<PressureOptions, 'previous'> & { previous?: PreviousSample }>({
  ...THRESHOLDS,
  previous: optional(previousSample),
});

interface CheckedOptions extends Thresholds {
  readonly previous: PreviousSample | undefined;
}

const NO_OPTIONS: CheckedOptions = { ...DEFAULT_THRESHOLDS, previous: undefined };

/** @internal */
export function pressureOptionsOf(value: PressureOptions | undefined): CheckedOptions {
  if (value === undefined) return NO_OPTIONS;
  const given = pressureOptions(value, 'options');
  const { elevatedAt, criticalAt } = thresholdsOf(given);
  return { elevatedAt, criticalAt, previous: given.previous };
}

const watchPressureOptions = object<WatchPressureOptions>({
  ...THRESHOLDS,
  intervalMs: optional(
    number(
      `from 1 to ${LIMITS.longestIntervalMs}`,
      (value) => value >= 1 && value <= LIMITS.longestIntervalMs,
    ),
  ),
  signal: optional(signal),
});

/** @internal */
export function watchPressureOptionsOf(value: WatchPressureOptions = {}): Thresholds & {
  readonly intervalMs: number;
  readonly signal: AbortSignal | undefined;
} {
  const {
    intervalMs = LIMITS.pressureIntervalMs,
    signal: given,
    ...rest
  } = watchPressureOptions(value, 'options');
  return { ...thresholdsOf(rest), intervalMs, signal: given };
}

function thresholdsOf(given: PressureThresholds): Thresholds {
  const { elevatedAt = DEFAULT_THRESHOLDS.elevatedAt, criticalAt = DEFAULT_THRESHOLDS.criticalAt } =
    given;
  if (elevatedAt > criticalAt) {
    throw rangeError('options.elevatedAt', `must not exceed options.criticalAt (${criticalAt})`);
  }
  return { elevatedAt, criticalAt };
}
