/**
 * A process of its own for one deletion, or for the reading that it is compared with:
 * `delete-trial.js one ADDRESS | many COUNT | stream` prints what it measured as JSON.
 */
import { setTimeout } from 'node:timers/promises';
import { countEntries, deleteEntries } from 'conntrack';
import { streamVisit } from './trials/stream-visit.js';

const [name, argument = ''] = process.argv.slice(2);
await countEntries(); // loads the addon
await setTimeout(100); // what is left of the start-up
const start = process.hrtime.bigint();
const entries = await work();
console.log(JSON.stringify({ entries, seconds: Number(process.hrtime.bigint() - start) / 1e9 }));

async function work(): Promise<number> {
  switch (name) {
    case 'one':
      return (await deleteEntries({ original: { source: argument } })).deleted;
    case 'many': {
      const addresses = Array.from({ length: Number(argument) }, (_, index) => ({
        address: `10.77.${index >> 8}.${index & 255}`,
      }));
      return (await deleteEntries(addresses)).deleted;
    }
    case 'stream':
      return streamVisit();
    default:
      throw new Error(`no trial "${name}"`);
  }
}
