/**
 * `npm run bench`: how fast the table is read, beside the limit that the kernel
 * sets and beside other readers. docs/performance.md
 */
import { fileURLToPath } from 'node:url';
import { runInNamespace } from './namespace.js';
import { parseOptions } from './options.js';
import type { ReadingOptions } from './reading.js';
import { raiseTableLimit } from './table-limit.js';

const { entries, ...options } = parseOptions(process.argv.slice(2));
const limit = raiseTableLimit(Math.max(...entries));
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
process.exitCode = await runInNamespace(
  fileURLToPath(new URL('reading.js', import.meta.url)),
  JSON.stringify(reading),
);
