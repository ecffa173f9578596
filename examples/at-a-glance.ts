import { deleteEntries, listEntries, watchEvents } from 'conntrack';

for (const { original, tcp } of await listEntries({ protocol: 'tcp' }))
  console.log(original.source, original.destination, tcp?.state);

const { deleted } = await deleteEntries({ address: '192.0.2.5' });
console.log(deleted, 'flows deleted');

for await (const event of watchEvents({ events: ['new', 'destroy'] })) {
  if (event.type === 'lost') console.warn('lost', event.count, 'events');
  else if ('entry' in event) console.log(event.type, String(event.entry));
}
