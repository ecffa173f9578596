/**
 * Prints events and entries.
 *
 *   npm start             real traffic in a private network namespace
 *   npm start -- --host   the table of this machine
 */
import './support/end-of-pipe.js';
import { release } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  ConntrackError,
  countEntries,
  type Entry,
  type EventStream,
  streamEntries,
  watchEvents,
} from 'conntrack';
import { fillTable } from './support/fill-table.js';
import { print, printTable, printTitle } from './support/print.js';
import { INSIDE, runInPrivateNetwork } from './support/private-network.js';

const SHOWN = 20;

async function firstEntries(): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of streamEntries()) {
    if (entries.push(entry) === SHOWN) break;
  }
  return entries;
}

async function showTable(): Promise<void> {
  const entries = await firstEntries();
  const example = entries.find((entry) => entry.protocol === 'tcp') ?? entries[0];
  if (example === undefined) {
    print('The table is empty. The kernel tracks connections only where a firewall rule needs');
    print('their state, or NAT is active.');
    return;
  }
  printTitle('for await (const entry of streamEntries())');
  printTable(entries);
  printTitle('await countEntries()');
  console.log(await countEntries());
  printTitle('console.log(entry)');
  console.log(example);
  printTitle('String(entry), the line that conntrack -L prints');
  print(String(example));
}

async function printEvents(stream: EventStream): Promise<void> {
  for await (const event of stream) {
    if ('entry' in event) print(`${event.type.padEnd(7)} ${String(event.entry)}`);
  }
}

/** Events arrive within 2 ms, and on a slow machine later. */
async function silence(stream: EventStream): Promise<void> {
  for (let seen = -1; seen !== stream.counters.received; ) {
    seen = stream.counters.received;
    await setTimeout(100);
  }
}

async function inPrivateNetwork(): Promise<void> {
  printTitle('for await (const event of watchEvents())');
  const stream = watchEvents();
  const printing = printEvents(stream);
  const { how, close } = await fillTable();
  try {
    await silence(stream);
    await stream.close();
    await printing;
    print(`\n${how}`);
    await showTable();
  } finally {
    close();
  }
}

async function onHost(): Promise<void> {
  print(`Linux ${release()}, the network namespace of this process.`);
  await showTable();
}

try {
  const { values } = parseArgs({
    options: { host: { type: 'boolean' }, [INSIDE]: { type: 'boolean' } },
  });
  if (values.host === true) await onHost();
  else if (values[INSIDE] === true) await inPrivateNetwork();
  else process.exitCode = runInPrivateNetwork();
} catch (error) {
  console.error(error instanceof ConntrackError ? error.message : error);
  process.exitCode = 1;
}
