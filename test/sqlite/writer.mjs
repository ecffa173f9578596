// Writes batches of a thousand records, and prints the number of each when it is kept.
import { pathToFileURL } from 'node:url';

const [module, path, engine, most = '1e9'] = process.argv.slice(2);
const { openFlowDatabase } = await import(pathToFileURL(module).href);
const database = await openFlowDatabase({ path, engine });
const tuple = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 };
const traffic = { original: { packets: 1, bytes: 2 }, reply: { packets: 3, bytes: 4 } };

export const batch = (number) =>
  Array.from({ length: 1000 }, (_, index) => ({
    type: 'flow',
    flow: `batch${number}-${index}`,
    part: 1,
    outcome: 'expired',
    family: 'ipv4',
    protocol: 'tcp',
    protocolNumber: 6,
    zone: 0,
    id: number,
    original: tuple,
    reply: { ...tuple, source: '10.0.0.2', destination: '10.0.0.1' },
    replied: true,
    to: new Date(number),
    traffic,
    total: traffic,
    estimated: false,
  }));

for (let number = 0; number < Number(most); number++) {
  await database.write(batch(number));
  process.stdout.write(`${number}\n`);
}
await database.close();
