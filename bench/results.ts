/**
 * What the trials gave, and the figures that follow from it.
 */
import type { Machine } from './machine.js';

export interface Sample {
  round: number;
  /** From the start of the process to its end. */
  processSeconds: number;
  /** What programs measure of themselves: see measure.ts. Absent where they do not. */
  seconds?: number;
  mainThreadNanoseconds?: number;
  residentGrowthBytes?: number;
  delayP99?: number;
  delayMax?: number;
}

export interface TrialResult {
  key: string;
  name: string;
  samples: Sample[];
}

export interface TableResult {
  entries: number;
  /** Of the kernel's messages, an entry. */
  messageBytes: number;
  costs: TrialResult[];
  delays: TrialResult[];
}

export interface Report {
  machine: Machine;
  rounds: number;
  tables: TableResult[];
  /** Peers that are not there, and what would bring them. */
  missing: { name: string; source: string }[];
  /** Sizes that `net.netfilter.nf_conntrack_max` did not allow. */
  tooLarge: number[];
}

/** Medians over the rounds. */
export interface CostFigures {
  rounds: number;
  seconds: number | undefined;
  processSeconds: number;
  /** Over the reading of the floor in the same round. */
  readRatio: number | undefined;
  processRatio: number | undefined;
  nanosecondsAnEntry: number | undefined;
  mainThreadNanosecondsAnEntry: number | undefined;
  residentGrowthMiB: number | undefined;
}

export interface DelayFigures {
  rounds: number;
  /** Milliseconds. */
  delayP99: number | undefined;
  delayMax: number | undefined;
}

export function costFigures(table: TableResult, key: string): CostFigures | undefined {
  const samples = table.costs.find((trial) => trial.key === key)?.samples;
  if (samples === undefined) return undefined;
  const anEntry = (value: number | undefined) => value && value / table.entries;
  const seconds = medianOf(samples, (sample) => sample.seconds);
  const growth = medianOf(samples, (sample) => sample.residentGrowthBytes);
  return {
    rounds: samples.length,
    seconds,
    processSeconds: medianOf(samples, (sample) => sample.processSeconds) ?? Number.NaN,
    readRatio: ratio(table, [key, 'seconds'], ['floor', 'seconds']),
    processRatio: ratio(table, [key, 'processSeconds'], ['floor', 'seconds']),
    nanosecondsAnEntry: anEntry(seconds && seconds * 1e9),
    mainThreadNanosecondsAnEntry: anEntry(
      medianOf(samples, (sample) => sample.mainThreadNanoseconds),
    ),
    residentGrowthMiB: growth && growth / 2 ** 20,
  };
}

export function delayFigures(table: TableResult, key: string): DelayFigures | undefined {
  const samples = table.delays.find((trial) => trial.key === key)?.samples;
  if (samples === undefined) return undefined;
  return {
    rounds: samples.length,
    delayP99: medianOf(samples, (sample) => sample.delayP99),
    delayMax: medianOf(samples, (sample) => sample.delayMax),
  };
}

type Time = readonly [key: string, field: 'seconds' | 'processSeconds'];

/** The median of the ratios of each round: rounds minutes apart are not compared. */
export function ratio(table: TableResult, dividend: Time, divisor: Time): number | undefined {
  const [ofDividend, ofDivisor] = [dividend, divisor].map(([key, field]) => {
    const samples = table.costs.find((trial) => trial.key === key)?.samples ?? [];
    return new Map(samples.map((sample) => [sample.round, sample[field]]));
  }) as [Map<number, number | undefined>, Map<number, number | undefined>];
  return medianOf([...ofDividend], ([round, value]) => {
    const other = ofDivisor.get(round);
    return value === undefined || other === undefined ? undefined : value / other;
  });
}

function medianOf<T>(items: T[], pick: (item: T) => number | undefined): number | undefined {
  const values = items.map(pick).filter((value) => value !== undefined);
  values.sort((a, b) => a - b);
  const low = values[(values.length - 1) >> 1];
  const high = values[values.length >> 1];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
