/** Prints how full the table is. */
import {
  type CounterRate,
  type PressureSample,
  type PressureThresholds,
  readPressure,
  watchPressure,
} from '../../index.js';
import { type Call, command } from '../command.js';
import { EXIT, type ExitCode } from '../exit.js';
import { type Given, lastValue } from '../line/parse.js';
import { headOf, rowOf } from '../print/columns.js';
import { jsonLine } from '../print/json.js';
import { grouped, percent, shortSeconds } from '../print/numbers.js';
import { LEVEL_STYLES, linesOfPressure } from '../print/pressure.js';
import { type Paint, paintOf } from '../print/style.js';
import { present, read } from '../read/tuples.js';
import { number32 } from '../read/values.js';
import { UsageError } from '../usage-error.js';

export default command({ readPressure, watchPressure }, async (api, call) => {
  const { line, world, writer } = call;
  const { given } = line;
  const paint = paintOf(world, given.noColor !== undefined);
  const thresholds = thresholdsIn(given);
  if (given.watch !== undefined) {
    const ending = new AbortController();
    const ends = world.onInterrupt(() => {
      ending.abort();
    });
    const intervalMs = read(given, 'intervalMs', number32);
    const { signal } = ending;
    const samples = api.watchPressure(present({ ...thresholds, intervalMs, signal }));
    try {
      return await follow(call, samples, paint);
    } catch (error) {
      if (!signal.aborted) throw error;
      return EXIT.done;
    } finally {
      ends();
    }
  }
  const sample = await api.readPressure(thresholds);
  const { columns = 80 } = world.out;
  if (given.json !== undefined) await writer.line(jsonLine(sample));
  else await writer.lines(linesOfPressure(sample, Math.min(columns, 100), paint));
  await writer.flush();
  return given.check !== undefined && sample.level !== 'normal' ? EXIT.checked : EXIT.done;
});

function thresholdsIn(given: Given): PressureThresholds {
  const share = (name: 'elevatedAt' | 'criticalAt', option: string) => {
    const text = lastValue(given, name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && value <= 1) return value;
    throw new UsageError(`${option} must be a number above 0, and 1 at most, not "${text}"`);
  };
  return present({
    elevatedAt: share('elevatedAt', '--elevated-at'),
    criticalAt: share('criticalAt', '--critical-at'),
  });
}

const NUMBER = { isNumber: true } as const;

const GRID = {
  columns: [
    { head: 'TIME' },
    { head: 'ENTRIES', ...NUMBER },
    { head: 'USED', ...NUMBER },
    { head: 'LEVEL' },
    { head: 'GROWTH/s', ...NUMBER },
    { head: 'FULL IN', ...NUMBER },
    { head: 'DROP/s', ...NUMBER },
    { head: 'EVICT/s', ...NUMBER },
    { head: 'FAIL/s', ...NUMBER },
  ],
  widths: [8, 9, 5, 8, 8, 7, 6, 7, 6],
};

async function follow(
  { line, writer }: Call,
  samples: AsyncIterable<PressureSample>,
  paint: Paint,
): Promise<ExitCode> {
  const isJson = line.given.json !== undefined;
  let worst: PressureSample['level'] = 'normal';
  if (!isJson) await writer.line(headOf(GRID, paint));
  for await (const sample of samples) {
    if (sample.level !== 'normal') worst = sample.level;
    await writer.line(isJson ? jsonLine(sample) : rowOf(GRID, cellsOf(sample), paint));
    await writer.flush();
    if (line.given.check !== undefined && worst !== 'normal') return EXIT.checked;
  }
  return EXIT.done;
}

function cellsOf(sample: PressureSample) {
  const { time, entries, utilization, level, growthPerSecond, secondsUntilFull } = sample;
  const rate = (counter: CounterRate | undefined) =>
    counter?.perSecond === undefined
      ? { text: '' }
      : {
          text: counter.perSecond.toFixed(0),
          style: counter.perSecond > 0 ? ('red' as const) : undefined,
        };
  const growth = growthPerSecond === undefined ? '' : growthPerSecond.toFixed(0);
  const full = secondsUntilFull === undefined ? '' : shortSeconds(secondsUntilFull);
  return [
    { text: time.toTimeString().slice(0, 8), style: 'dim' as const },
    { text: grouped(entries) },
    { text: percent(utilization) },
    { text: level, style: LEVEL_STYLES[level] },
    { text: growth.startsWith('-') || growth === '' || growth === '0' ? growth : `+${growth}` },
    { text: full },
    rate(sample.dropped),
    rate(sample.earlyDropped),
    rate(sample.insertFailed),
  ];
}
