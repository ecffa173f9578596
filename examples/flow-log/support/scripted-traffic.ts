/**
 * Flows without packets, at a rate, until its input ends: entries that are created and deleted. Prints
 * how many, each second.
 *
 *   node out/examples/flow-log/support/scripted-traffic.js flows-a-second
 */
import { setTimeout } from 'node:timers/promises';
import { createEntries, type EntrySpec, flushEntries } from 'conntrack';

const STEP_MS = 50;
/** What it could not do in time it makes up for, so many steps at once. */
const MOST_STEPS = 3;
const PORTS = 60_000;

const rate = Number(process.argv[2]);
let created = 0;

function next(): EntrySpec {
  const number = created++;
  const source = `10.${(number >>> 16) % 250}.${(number >>> 8) % 250}.${1 + (number % 250)}`;
  const sourcePort = 1024 + (number % PORTS);
  return {
    protocol: 'udp',
    original: { source, destination: '192.0.2.7', sourcePort, destinationPort: 443 },
    timeout: 60,
  };
}

let isEnding = false;
process.stdin.resume().once('end', () => {
  isEnding = true;
});
/** A method of its own: the compiler would take the variable for one that does not change. */
const goesOn = () => !isEnding;

console.log(created);
const reports = setInterval(() => {
  console.log(created);
}, 1000);
const began = performance.now();
while (goesOn()) {
  const due = (rate * (performance.now() - began)) / 1000;
  const count = Math.min(Math.ceil(due - created), MOST_STEPS * rate * (STEP_MS / 1000));
  if (count > 0) {
    const outcomes = await createEntries(Array.from({ length: count }, next));
    for (const { error } of outcomes) if (error !== undefined) throw error;
    await flushEntries();
  }
  await setTimeout(STEP_MS);
}
clearInterval(reports);
console.log(created);
