/**
 * Blocks sources that begin too many flows a second for a minute, with a set of nftables.
 *
 *   node rate-limit.ts <flows per second> [<address or network that is never blocked> ...]
 */
import '../support/end-of-pipe.js';
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { type EventStream, networkMatcher, watchEvents } from 'conntrack';

const USAGE =
  'usage: rate-limit <flows per second> [<address or network that is never blocked> ...]';
const BLOCKED_SECONDS = 60;

/**
 * At the priority raw, the packets of a blocked source come to no connection tracking. A rule with
 * `ct state` makes the kernel track connections, even in a chain to which no packet comes.
 */
const RULES = `
  create table inet rate_limit
  table inet rate_limit {
    set ipv4 { type ipv4_addr; flags timeout; }
    set ipv6 { type ipv6_addr; flags timeout; }
    chain prerouting {
      type filter hook prerouting priority raw;
      iifname != "lo" ip saddr @ipv4 drop
      iifname != "lo" ip6 saddr @ipv6 drop
    }
    chain tracking { ct state new; }
  }`;

function fail(code: number, ...lines: string[]): never {
  console.error(lines.join('\n'));
  process.exit(code);
}

function checkedArguments() {
  try {
    const [limit, ...spared] = parseArgs({ allowPositionals: true }).positionals;
    const mostPerSecond = Number(limit);
    if (!(Number.isSafeInteger(mostPerSecond) && mostPerSecond > 0))
      throw new RangeError(`flows per second: ${limit} is no integer of at least 1`);
    return { mostPerSecond, isSpared: networkMatcher([...spared, '127.0.0.0/8', '::1']) };
  } catch (error) {
    return fail(2, (error as Error).message, USAGE);
  }
}

function watch(): EventStream {
  try {
    return watchEvents({ events: ['new'], maxDelay: 20 });
  } catch (error) {
    return fail(1, (error as Error).message);
  }
}

/** Returns whether the machine itself has the address now. */
function isOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some((of) =>
    of?.some((own) => own.address === address),
  );
}

/** There is no shell. The text has addresses alone: the kernel sends them as bytes. */
function nft(script: string, help: string): void {
  const { error, status, stderr } = spawnSync('nft', ['-f', '-'], {
    input: script,
    encoding: 'utf8',
  });
  if (error !== undefined) fail(1, `nft does not start (${error.message}): install nftables`);
  if (status !== 0) fail(1, `nft: ${/Error: (.*)/.exec(stderr)?.[1] ?? stderr}`, help);
}

const REMOVED = 'Something else has removed the table "inet rate_limit". Start again.';

function block(family: 'ipv4' | 'ipv6', sources: readonly string[]): void {
  const elements = sources.map((source) => `${source} timeout ${BLOCKED_SECONDS}s`);
  nft(`add element inet rate_limit ${family} { ${elements.join(', ')} }`, REMOVED);
}

const { mostPerSecond, isSpared } = checkedArguments();
const stream = watch();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stream.close());
nft(
  RULES,
  'A second rate-limit cannot run. One that was killed leaves its table: remove it with\n' +
    '  nft delete table inet rate_limit',
);
process.once('exit', () => {
  // Without a table, `delete` fails; `add` makes sure that there is one.
  nft('add table inet rate_limit; delete table inet rate_limit', 'The table may be left.');
});
// Without the table the kernel may track nothing any more: no event would tell.
setInterval(() => {
  nft('list set inet rate_limit ipv4', REMOVED);
}, 5000).unref();
console.log(`watching: a source may begin ${mostPerSecond} flows in a second`);

/** Flows of this second by source. */
const flows = new Map<string, number>();
let second = 0;
let blocks = 0;
for await (const events of stream.batches()) {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) flows.clear();
  second = now;
  const over = { ipv4: [] as string[], ipv6: [] as string[] };
  for (const event of events) {
    if (event.type === 'lost') console.error(`events lost: ${event.count}, counts are too low`);
    if (event.type !== 'new') continue;
    const { family, original } = event.entry;
    const { source } = original;
    const count = (flows.get(source) ?? 0) + 1;
    flows.set(source, count);
    // Once a second: of a source that is blocked already events may be on their way.
    if (count !== mostPerSecond + 1) continue;
    if (!isSpared(source) && !isOwn(source)) over[family].push(source);
  }
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (over[family].length > 0) block(family, over[family]);
    for (const source of over[family]) console.log(`${source} is blocked for ${BLOCKED_SECONDS} s`);
    blocks += over[family].length;
  }
}
console.log(`blocks: ${blocks}`);
