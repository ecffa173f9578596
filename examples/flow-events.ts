import './support/end-of-pipe.js';
import { watchEvents } from 'conntrack';

for await (const event of watchEvents({ events: ['new', 'destroy'] })) {
  if (event.type === 'lost') console.warn('missed', event.count, 'events');
  else if ('entry' in event) console.log(event.type, String(event.entry));
}
