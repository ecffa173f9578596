import './support/end-of-pipe.js';
import { createEntry, deleteEntries, updateEntries } from 'conntrack';

const original = {
  source: '10.0.0.5',
  sourcePort: 4000,
  destination: '9.9.9.9',
  destinationPort: 53,
};
const entry = await createEntry({ protocol: 'udp', original, timeout: 60, mark: 1 });
console.log(String(entry));

const { updated } = await updateEntries({ mark: 1 }, { mark: { value: 0x10, mask: 0xf0 } });
console.log(updated, 'marked');

// A pod has ended: delete its flows, IPv4 and IPv6, before and after NAT, in one pass.
const { deleted } = await deleteEntries([{ address: '10.0.0.5' }, { address: 'fd00::5' }]);
console.log(deleted, 'deleted');
