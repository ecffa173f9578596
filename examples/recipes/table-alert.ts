/**
 * Raises an alert before the table is full, and ends it when there is room again. An alert is a line,
 * and with a URL a request with the same as JSON.
 *
 *   node table-alert.ts [percent] [URL]
 */
import '../support/end-of-pipe.js';
import { type PressureSample, watchPressure } from 'conntrack';

const percent = Number(process.argv[2] ?? 70);
const url = process.argv[3];
/** Seconds until the table is full, if it goes on growing like that. */
const SOON = 600;

/** Empty: all is well. */
function reasonsOf(sample: PressureSample): string[] {
  const { entries, maxEntries, utilization, level, secondsUntilFull, dropped } = sample;
  const reasons: string[] = [];
  if (level !== 'normal') {
    reasons.push(`${entries} of ${maxEntries} entries (${(100 * utilization).toFixed(1)} %)`);
  }
  if (secondsUntilFull !== undefined && secondsUntilFull < SOON) {
    reasons.push(`full in ${Math.round(secondsUntilFull)} s`);
  }
  if (dropped !== undefined && (dropped.delta ?? 0) > 0) {
    reasons.push(`${dropped.delta} packets dropped`);
  }
  return reasons;
}

async function send(alert: object): Promise<void> {
  if (url === undefined) return;
  const headers = { 'Content-Type': 'application/json' };
  const signal = AbortSignal.timeout(5000);
  try {
    await fetch(url, { method: 'POST', headers, body: JSON.stringify(alert), signal });
  } catch (error) {
    // The next alert tries again; a watcher that ends would be worse.
    console.error('the alert was not sent:', error);
  }
}

let isRaised = false;
const thresholds = { elevatedAt: percent / 100, criticalAt: Math.max(0.9, percent / 100) };
for await (const sample of watchPressure({ intervalMs: 1000, ...thresholds })) {
  const reasons = reasonsOf(sample);
  if (reasons.length > 0 === isRaised) continue;
  isRaised = !isRaised;
  const { entries, maxEntries, level } = sample;
  console.log(
    `${isRaised ? `ALERT ${level}:` : 'over:'} ${reasons.join(', ') || `${entries} entries`}`,
  );
  await send({ isRaised, reasons, level, entries, maxEntries });
}
