/**
 * A process of its own for one trial of ours: `trial.js NAME cost|delay` prints
 * what it measured as JSON.
 */
import { countEntries } from 'conntrack';
import { measureCost, measureDelay, type Reader } from './measure.js';
import { idle } from './trials/idle.js';
import { list } from './trials/list.js';
import { oneByOne } from './trials/one-by-one.js';
import { streamRead } from './trials/stream-read.js';
import { streamVisit } from './trials/stream-visit.js';

const READERS: Readonly<Record<string, Reader>> = {
  'stream-read': streamRead,
  'stream-visit': streamVisit,
  'stream-visit-again': streamVisit,
  'one-by-one': oneByOne,
  list,
  idle,
};

const [name = '', measured] = process.argv.slice(2);
const read = READERS[name];
if (read === undefined) throw new Error(`no trial "${name}"`);
// Loads the addon, because what is measured begins with the request.
await countEntries();
if (name === 'stream-visit-again') await read();
console.log(JSON.stringify(await (measured === 'delay' ? measureDelay(read) : measureCost(read))));
