/**
 * Blocks sources that begin too many flows a second for a minute, with a set of nftables.
 *
 *   node rate-limit.ts <flows per second> [<address or network that is never blocked> ...]
 */
import '../support/end-of-pipe.js';
import { execFileSync } from 'node:child_process';
import { networkMatcher, watchEvents } from 'conntrack';

const [limit = Number.NaN, ...spared] = process.argv.slice(2);
const mostPerSecond = Number(limit);
if (!(mostPerSecond >= 1)) {
  console.error(
    'usage: rate-limit <flows per second> [<address or network that is never blocked> ...]',
  );
  process.exit(2);
}
const isSpared = networkMatcher(spared);
const BLOCKED_SECONDS = 60;

/** At this priority the packets of a blocked source come to no connection tracking. */
const RULES = `
  table inet rate_limit {
    set ipv4 { type ipv4_addr; flags timeout; }
    set ipv6 { type ipv6_addr; flags timeout; }
    chain prerouting {
      type filter hook prerouting priority raw;
      ip saddr @ipv4 drop
      ip6 saddr @ipv6 drop
    }
  }`;

/** There is no shell. The text has addresses alone: the kernel sends them as bytes. */
function nft(script: string): void {
  execFileSync('nft', ['-f', '-'], { input: script });
}

function block(family: 'ipv4' | 'ipv6', sources: readonly string[]): void {
  const elements = sources.map((source) => `${source} timeout ${BLOCKED_SECONDS}s`);
  nft(`add element inet rate_limit ${family} { ${elements.join(', ')} }`);
}

// Adding the table first makes the deletion of one that is not there no error.
nft(`add table inet rate_limit; delete table inet rate_limit; ${RULES}`);
const stream = watchEvents({ events: ['new'], maxDelay: 20 });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stream.close());
console.log(`at most ${mostPerSecond} new flows a second`);

/** Flows of this second by source. */
const flows = new Map<string, number>();
let second = 0;
for await (const events of stream.batches()) {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) flows.clear();
  second = now;
  const over = { ipv4: [] as string[], ipv6: [] as string[] };
  for (const event of events) {
    if (event.type === 'lost') console.error('lost', event.count, 'events: the counts are too low');
    if (event.type !== 'new') continue;
    const { family, original } = event.entry;
    const count = (flows.get(original.source) ?? 0) + 1;
    flows.set(original.source, count);
    // Once a second: of a source that is blocked already events may be on their way.
    if (count === mostPerSecond + 1 && !isSpared(original.source))
      over[family].push(original.source);
  }
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (over[family].length > 0) block(family, over[family]);
    for (const source of over[family]) console.log(`${source} is blocked for ${BLOCKED_SECONDS} s`);
  }
}
nft('delete table inet rate_limit');
