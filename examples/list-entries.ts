import './support/end-of-pipe.js';
import { countEntries, getEntry, listEntries, streamEntries } from 'conntrack';

for (const entry of await listEntries({ family: 'ipv4' })) {
  const { protocol, original, reply, counters } = entry;
  console.log(protocol, original.source, '->', reply.source, counters?.reply.bytes);
  if (entry.protocol === 'tcp') console.log(entry.tcp?.state, entry.assured, String(entry));
}

let embryonic = 0; // a table of millions: bounded memory, arrays of entries
for await (const batch of streamEntries().batches())
  for (const entry of batch) if (!entry.status.seenReply) embryonic++;
console.log(embryonic, 'of', await countEntries(), 'flows wait for an answer');

const dns = { source: '10.0.0.5', sourcePort: 40000, destination: '9.9.9.9', destinationPort: 53 };
console.log((await getEntry({ protocol: 'udp', original: dns }))?.timeout);
