import './support/end-of-pipe.js';
import { Conntrack, diagnose, readPressure } from 'conntrack';

const { level, entries, maxEntries } = await readPressure(); // needs no privileges
console.log(`${entries} of ${maxEntries}: ${level}`);

for (const { severity, message, setting, suggested } of await diagnose())
  console.log(severity, message, setting, suggested);

const container = await Conntrack.open({ netns: { pid: Number(process.argv[2] ?? process.pid) } });
console.log(await container.countEntries());
await container.close();
