/** Counters while they are put together. */
import { COUNTER_LIST, type CounterName } from './counters.js';
import type { CpuStats, TableCounters } from './stats.js';

export type Counts = { -readonly [Name in CounterName]?: number } & {
  other: Record<string, number>;
};

/** `otherwise`: its name among the others, where it has none of its own. */
export function put(
  counts: Counts,
  name: CounterName | undefined,
  otherwise: string,
  value: number,
): void {
  if (name === undefined) counts.other[otherwise] = value;
  else counts[name] = value;
}

/** A counter that no processor has is absent. */
export function sumOf(cpus: readonly CpuStats[]): TableCounters {
  const total: Counts = { other: {} };
  for (const cpu of cpus) {
    for (const [name] of COUNTER_LIST) {
      const value = cpu[name];
      if (value !== undefined) total[name] = (total[name] ?? 0) + value;
    }
    for (const [name, value] of Object.entries(cpu.other)) {
      total.other[name] = (total.other[name] ?? 0) + value;
    }
  }
  return total;
}
