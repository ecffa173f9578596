/**
 * Prints flows as they begin, change and end, until Ctrl-C.
 *
 *   node out/examples/watch.js [new] [update] [destroy]
 */
import './support/end-of-pipe.js';
import { ConntrackError, ENTRY_EVENTS, type EventStream, watchEvents } from 'conntrack';

const named = ENTRY_EVENTS.filter((event) => process.argv.includes(event));

function printCoverage({ coverage }: EventStream): void {
  if (coverage === 'since-listening') {
    console.log('Flows that began before the first listener end without an event. For events of');
    console.log('every new flow, set net.netfilter.nf_conntrack_events to 1.');
  } else if (coverage === 'none') {
    console.log('net.netfilter.nf_conntrack_events is 0: new flows send no events.');
  }
}

try {
  const stream = watchEvents({ events: named.length > 0 ? named : ENTRY_EVENTS });
  process.on('SIGINT', () => void stream.close());
  printCoverage(stream);
  for await (const event of stream) {
    if (event.type === 'lost') {
      console.log(`LOST     ${event.count} events (${event.cause})`);
    } else if ('entry' in event) {
      console.log(event.type.toUpperCase().padEnd(8), String(event.entry));
    }
  }
  const { received, lostInKernel, lostInQueue } = stream.counters;
  console.log(`${received} events, and ${lostInKernel + lostInQueue} lost`);
} catch (error) {
  if (!(error instanceof ConntrackError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
