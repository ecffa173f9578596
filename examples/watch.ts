/**
 * Flows as they begin, change and end, until Ctrl-C.
 *
 *   node out/examples/watch.js [new] [update] [destroy]
 */
import { ConntrackError, ENTRY_EVENTS, type EventStream, watchEvents } from 'conntrack';

const named = ENTRY_EVENTS.filter((event) => process.argv.includes(event));

function tellCoverage({ coverage }: EventStream): void {
  if (coverage === 'since-listening') {
    console.log('Flows that are older than the first listener tell nothing of their end;');
    console.log('net.netfilter.nf_conntrack_events=1 would change that for new ones.');
  } else if (coverage === 'none') {
    console.log('net.netfilter.nf_conntrack_events is 0: new flows tell nothing.');
  }
}

try {
  const stream = watchEvents({ events: named.length > 0 ? named : ENTRY_EVENTS });
  process.once('SIGINT', () => void stream.close());
  tellCoverage(stream);
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
