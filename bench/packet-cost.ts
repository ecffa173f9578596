/**
 * `node out/bench/packet-cost.js [ROUNDS]`: what a packet of UDP costs with connection tracking, and
 * with what may take its place. Each trial has a network namespace of its own. docs/comparison.md
 */
import { spawnSync } from 'node:child_process';
import { describeMachine } from './machine.js';
import { unshareFlags } from './namespace.js';
import { native } from './native.js';
import { renderTable } from './table.js';

const HOOKS = ['prerouting', 'output'] as const;
const raw = (rule: string) =>
  HOOKS.map((hook) => `chain raw_${hook} { type filter hook ${hook} priority raw; ${rule}; }`);
const TRACKED = 'chain track { type filter hook output priority 0; ct state invalid drop; }';
const KEY = 'ip saddr . udp sport . ip daddr . udp dport';

/** Rules of nftables, all in one table. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  'no rules': [],
  'connection tracking': [TRACKED],
  'the same, `notrack` for the port': [TRACKED, ...raw('udp dport 9000 notrack')],
  'a dynamic set with counters': [
    'set flows { type ipv4_addr . inet_service . ipv4_addr . inet_service; size 262144; flags dynamic; counter; }',
    `chain count { type filter hook output priority 0; update @flows { ${KEY} }; }`,
  ],
};

/** Packets, and flows among them: old flows are found, new ones are created. */
const LOADS = [
  { name: 'packets of one flow', packets: 200_000, flows: 1 },
  { name: 'packets of a new flow each', packets: 100_000, flows: 100_000 },
] as const;

const rounds = Number(process.argv[2] ?? '7');
const lowest = new Map<string, number>();
for (let round = 0; round < rounds; round++) {
  for (const [name, rules] of Object.entries(CASES)) {
    for (const load of LOADS) {
      const key = `${name} ${load.name}`;
      lowest.set(key, Math.min(lowest.get(key) ?? Number.POSITIVE_INFINITY, cost(rules, load)));
    }
  }
}

const { kernel, cpus, cpu, date } = describeMachine();
console.log(`Linux ${kernel}, ${cpus} x ${cpu}, ${date}. The lowest of ${rounds} rounds.\n`);
const head = ['with', ...LOADS.map(({ name }) => `${name}, ns`)];
const rows = Object.keys(CASES).map((name) => [
  name,
  ...LOADS.map((load) => (lowest.get(`${name} ${load.name}`) ?? Number.NaN).toFixed(0)),
]);
console.log(renderTable(head, rows, true));

function cost(rules: readonly string[], { packets, flows }: (typeof LOADS)[number]): number {
  const program = [native('packet_cost'), String(packets), String(flows)];
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [...unshareFlags(), 'sh', '-c', 'ip link set lo up && nft -f - && exec "$@"', 'sh', ...program],
    { input: `table ip costs {\n${rules.join('\n')}\n}\n`, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`packet_cost failed: ${stderr.trim()}`);
  return (JSON.parse(stdout) as { nanoseconds: number }).nanoseconds;
}
