// node transfer.mjs write|save|restore FILE: what it did, how long it took, and the most memory that
// the process has had.
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { formatEntry, restoreEntries, streamEntries, writeEntries } from 'conntrack';

async function* saveLines() {
  for await (const batch of streamEntries().batches()) {
    yield batch.map((entry) => `${formatEntry(entry, { format: 'save' })}\n`).join('');
  }
}

const WORK = {
  async write(file) {
    const writable = createWriteStream(file);
    const { entries } = await writeEntries(writable);
    writable.end();
    await finished(writable);
    return { entries };
  },

  async save(file) {
    await pipeline(Readable.from(saveLines()), createWriteStream(file));
    return {};
  },

  restore: (file) => restoreEntries(createReadStream(file)),
};

const [work, file] = process.argv.slice(2);
const begun = performance.now();
const result = await WORK[work](file);
const seconds = Math.round((performance.now() - begun) / 100) / 10;
// Not resourceUsage().maxRSS, which counts the parent, too.
const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(JSON.stringify({ ...result, seconds, peakMib: Math.round(peak / 1024) }));
