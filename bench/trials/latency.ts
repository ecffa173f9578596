/**
 * A process that reads each new entry as it comes, and compares the time at which it has it with
 * that at which the kernel made the event (`nf_conntrack_timestamp`, Linux 6.14). Says "ready"
 * when it listens, and the milliseconds when its stdin ends.
 */
import { watchEvents } from 'conntrack';

const latencies: number[] = [];
const stream = watchEvents({ events: ['new'] });
process.stdin.once('end', () => void stream.close());
process.stdin.resume();
console.log('ready');
for await (const event of stream) {
  if (event.type !== 'new' || event.eventTimeNs === undefined) continue;
  latencies.push(performance.timeOrigin + performance.now() - Number(event.eventTimeNs) / 1e6);
}
latencies.sort((a, b) => a - b);
const quantile = (share: number) => latencies[Math.floor(share * (latencies.length - 1))];
console.log(JSON.stringify({ median: quantile(0.5), p99: quantile(0.99) }));
