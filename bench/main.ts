/**
 * `npm run bench`: how fast the table is read and events are taken, beside the
 * limits that the kernel sets and beside other programs. docs/performance.md
 */
import { fileURLToPath } from 'node:url';
import { benchEvents } from './events.js';
import { runInNamespace } from './namespace.js';
import { parseOptions } from './options.js';
import type { ReadingOptions } from './reading.js';
import { raiseTableLimit } from './table-limit.js';

const { entries, bursts, eventsJson, only, ...options } = parseOptions(process.argv.slice(2));
const limit = raiseTableLimit(
  Math.max(...(only === 'events' ? [] : entries), ...(only === 'reading' ? [] : bursts)),
);
if (only !== 'events') process.exitCode = await benchReading();
if (only !== 'reading' && process.exitCode !== 1) {
  const { rounds, markdown } = options;
  const possible = bursts.filter((size) => size <= limit);
  benchEvents({ bursts: possible, rounds, json: eventsJson, markdown });
}

async function benchReading(): Promise<number> {
  const reading: ReadingOptions = {
    ...options,
    entries: entries.filter((size) => size <= limit),
    tooLarge: entries.filter((size) => size > limit),
  };
  if (reading.entries.length === 0) {
    throw new Error(
      `net.netfilter.nf_conntrack_max is ${limit}, and only root in the initial network ` +
        'namespace can raise it',
    );
  }
  return runInNamespace(
    fileURLToPath(new URL('reading.js', import.meta.url)),
    JSON.stringify(reading),
  );
}
