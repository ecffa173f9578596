/**
 * Shows how full the table is, in one line that updates until Ctrl-C.
 *
 *   node out/examples/pressure.js [seconds]
 */
import './support/end-of-pipe.js';
import { ConntrackError, diagnose, type PressureSample, watchPressure } from 'conntrack';

const seconds = Number(process.argv[2] ?? 1);
const WIDTH = 30;

const number = (value: number) => Math.round(value).toLocaleString('en-US');

function bar(utilization: number): string {
  return '#'.repeat(Math.min(WIDTH, Math.round(utilization * WIDTH))).padEnd(WIDTH, '.');
}

/** The time until the table is full, in the largest fitting unit. */
function until(left: number | undefined): string {
  if (left === undefined) return '';
  if (left < 120) return `, full in ${number(left)} s`;
  if (left < 7200) return `, full in ${number(left / 60)} min`;
  return left < 172_800 ? `, full in ${number(left / 3600)} h` : '';
}

function lineOf(sample: PressureSample): string {
  const { entries, maxEntries, utilization, level, growthPerSecond = 0 } = sample;
  const share = `${(100 * utilization).toFixed(1)} %`.padStart(7);
  const growth = `${growthPerSecond < 0 ? '-' : '+'}${number(Math.abs(growthPerSecond))}/s`;
  const lost = [
    ['dropped', sample.dropped],
    ['evicted early', sample.earlyDropped],
  ] as const;
  const losses = lost
    .filter(([, rate]) => (rate?.total ?? 0) > 0)
    .map(([what, rate]) => `, ${number(rate?.total ?? 0)} ${what} (+${rate?.delta ?? 0})`);
  return (
    `[${bar(utilization)}]${share} ${level}: ${number(entries)} of ${number(maxEntries)} ${growth}` +
    `${until(sample.secondsUntilFull)}${losses.join('')}`
  );
}

/** On a terminal the line replaces the previous one. */
function show(line: string): void {
  const { isTTY, columns } = process.stdout;
  const width = (columns || 80) - 1; // 0 for a terminal of unknown width
  process.stdout.write(isTTY ? `\r${line.slice(0, width).padEnd(width)}` : `${line}\n`);
}

try {
  const controller = new AbortController();
  const { signal } = controller;
  process.on('SIGINT', () => {
    controller.abort(signal);
  });
  for (const { severity, message, setting, suggested } of await diagnose()) {
    if (severity === 'info') continue;
    console.log(`${severity.toUpperCase()} ${message}`);
    if (setting !== undefined) console.log(`  sysctl ${setting}=${suggested}`);
  }
  try {
    for await (const sample of watchPressure({ intervalMs: 1000 * seconds, signal })) {
      show(lineOf(sample));
    }
  } catch (error) {
    if (error !== signal) throw error;
    if (process.stdout.isTTY) console.log();
  }
} catch (error) {
  if (error instanceof ConntrackError) process.exitCode = 1;
  else if (error instanceof RangeError) process.exitCode = 2;
  else throw error;
  console.error(error.message);
}
