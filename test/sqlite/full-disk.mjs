// On a disk of 40 MiB: fills it through writeFlows(), makes room when a write fails, and goes on.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, disk, engine] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(dist, name)).href);
const { openFlowDatabase } = await load('flow-log/sqlite/sqlite.js');
const { writeFlows } = await load('flow-log/flow-log.js');

const ballast = join(disk, 'ballast');
writeFileSync(ballast, Buffer.alloc(38 << 20));
const database = await openFlowDatabase({ path: join(disk, 'flows.db'), engine });
const tuple = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 };
const fields = {
  ...{ type: 'flow', part: 1, outcome: 'expired', family: 'ipv4', protocol: 'tcp' },
  ...{ protocolNumber: 6, zone: 0, id: 1, original: tuple, reply: tuple, replied: true },
  ...{ to: new Date(1), estimated: false },
};
async function* records() {
  for (let number = 0; number < 10_000; number++) {
    yield { ...fields, flow: `run-${number}` };
    // As records come: some at a time.
    if (number % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const failures = [];
const written = await writeFlows(records(), database, {
  retry(error) {
    failures.push({ name: error.name, reason: error.reason, message: error.message });
    // The second failure finds room.
    if (failures.length === 2) rmSync(ballast);
    return failures.length < 10 ? 1 : undefined;
  },
});
const flows = new Set([...database.flows()].map(({ flow }) => flow)).size;
console.log(JSON.stringify({ written, flows, failures }));
await database.close();
