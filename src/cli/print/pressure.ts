/**
 * A sample of the pressure.
 */
import type { PressureLevel, PressureSample } from '../../index.js';
import { counted, grouped, percent } from './numbers.js';
import type { Paint, Style } from './style.js';

export const LEVEL_STYLES: Readonly<Record<PressureLevel, Style>> = {
  normal: 'green',
  elevated: 'yellow',
  critical: 'red',
};

const COUNTERS = [
  ['dropped', 'packets dropped, because no entry could be created'],
  ['earlyDropped', 'entries evicted to make room'],
  ['insertFailed', 'entries that could not be inserted'],
  ['chainTooLong', 'entries refused, because their hash chain was too long'],
  ['invalid', 'packets that belong to no flow and cannot begin one'],
] as const satisfies (readonly [keyof PressureSample, string])[];

export function linesOfPressure(sample: PressureSample, columns: number, paint: Paint): string[] {
  const { entries, maxEntries, utilization, level, buckets } = sample;
  const style = LEVEL_STYLES[level];
  const limit = maxEntries === 0 ? 'without a limit' : `of at most ${grouped(maxEntries)}`;
  const counts = COUNTERS.flatMap(([name, text]) => {
    const total = sample[name]?.total;
    return total === undefined ? [] : [{ total, text }];
  });
  const width = Math.max(...counts.map(({ total }) => grouped(total).length), 1);
  return [
    `${paint('bold', counted(entries, 'entry', 'entries'))} ${limit}, ${paint(style, `${percent(utilization)}: ${level}`)}`,
    ...(maxEntries === 0 ? [] : [bar(utilization, columns, (text) => paint(style, text))]),
    ...(buckets === undefined ? [] : [`${grouped(buckets)} buckets in the hash table`]),
    ...(counts.length === 0 ? [] : ['', 'Since the network namespace began:']),
    ...counts.map(({ total, text }) => {
      const number = grouped(total).padStart(width);
      const isBad = total > 0 && !text.includes('cannot begin');
      return `  ${isBad ? paint('yellow', number) : number} ${text}`;
    }),
  ];
}

function bar(share: number, columns: number, painted: (text: string) => string): string {
  const room = Math.min(60, columns) - 2;
  const filled = Math.min(room, Math.ceil(share * room));
  return `[${painted('#'.repeat(filled))}${'.'.repeat(room - filled)}]`;
}
