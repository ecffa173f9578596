/**
 * Raises an alert before the table is full, reports when it gets worse, and ends it when there is room
 * again. An alert is a line, and with a URL a request with the same as JSON.
 *
 *   node table-alert.ts [--interval <seconds>] [<percent> [<URL>]]
 */
import '../support/end-of-pipe.js';
import { parseArgs } from 'node:util';
import { type PressureSample, watchPressure } from 'conntrack';

function usage(problem: string): never {
  console.error(
    `${problem}\nusage: table-alert [--interval <seconds>] [<percent, above 0, 100 at most> [<URL>]]`,
  );
  process.exit(2);
}

function argumentsOf() {
  try {
    return parseArgs({ options: { interval: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    return usage((error as Error).message);
  }
}

const { values, positionals } = argumentsOf();
const [share = '70', url, ...others] = positionals;
const percent = Number(share);
const seconds = Number(values.interval ?? 10);
if (!(percent > 0 && percent <= 100)) usage(`"${share}" is no percentage`);
// A timer takes no more than that.
if (!(seconds >= 0.1 && seconds <= 2_147_483)) usage('the interval is from 0.1 to 2147483 seconds');
if (url !== undefined && !(URL.canParse(url) && /^https?:/.test(url)))
  usage(`"${url}" is no URL of http`);
if (url !== undefined && /^[^/]*\/\/[^/]*@/.test(new URL(url).href))
  usage('a request takes no URL with a name or a password');
if (others.length > 0) usage('there are too many arguments');

/** Seconds until the table is full, if it goes on growing like that. */
const SOON = 600;
/** Alerts that wait for their receiver. */
const MOST_UNSENT = 100;

/** From good to bad. An alert is reported again when it gets worse. */
const LEVELS = ['normal', 'growing', 'elevated', 'critical', 'dropping'] as const;

function judge(sample: PressureSample) {
  const { entries, maxEntries, utilization, secondsUntilFull, dropped } = sample;
  const isSoon = secondsUntilFull !== undefined && secondsUntilFull < SOON;
  const drops = dropped?.delta ?? 0;
  const filled = `${entries} of ${maxEntries} entries (${(100 * utilization).toFixed(1)} %)`;
  const reasons = [filled];
  if (isSoon) reasons.push(`full in ${Math.round(secondsUntilFull)} s`);
  if (drops > 0) reasons.push(`packets dropped: ${drops}`);
  const level = sample.level === 'normal' && isSoon ? 'growing' : sample.level;
  return { level: drops > 0 ? 'dropping' : level, reasons, entries, maxEntries } as const;
}

/** Returns whether the receiver has accepted it. */
async function send(alert: object, to: string): Promise<boolean> {
  const headers = { 'Content-Type': 'application/json' };
  const signal = AbortSignal.timeout(5000);
  try {
    const body = JSON.stringify(alert);
    // A request that is redirected by 301 or 302 would lose its body.
    const redirect = 'manual';
    const response = await fetch(to, { method: 'POST', headers, body, signal, redirect });
    await response.body?.cancel();
    if (response.ok) return true;
    console.error(`the alert is sent again: the answer was ${response.status}`);
  } catch (error) {
    console.error(`the alert is sent again: ${String((error as Error).cause ?? error)}`);
  }
  return false;
}

let raised = 0;
const unsent: object[] = [];
const thresholds = { elevatedAt: percent / 100, criticalAt: Math.max(0.9, percent / 100) };
console.log(`watching: an alert from ${percent} % on`);
for await (const sample of watchPressure({ intervalMs: 1000 * seconds, ...thresholds })) {
  const alert = judge(sample);
  const severity = LEVELS.indexOf(alert.level);
  const isOver = severity === 0 && raised > 0;
  if (severity > raised || isOver) {
    raised = severity;
    console.log(`${isOver ? 'over' : `ALERT ${alert.level}`}: ${alert.reasons.join(', ')}`);
    if (url !== undefined) unsent.push({ isRaised: !isOver, ...alert });
  }
  // In their order. In a long outage the oldest go.
  if (unsent.length > MOST_UNSENT) unsent.shift();
  while (url !== undefined && unsent[0] !== undefined && (await send(unsent[0], url))) {
    unsent.shift();
  }
}
