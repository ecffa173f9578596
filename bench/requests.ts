/**
 * Requests about single entries beside the same requests of a C loop and beside conntrack(8),
 * small tables, many filters, and a trickle of events. docs/performance.md has the limits.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './machine.js';
import { native } from './native.js';
import { populate, run } from './programs.js';
import { type Cell, renderTable } from './table.js';
import { measureTrickles, type TrickleOptions } from './trickle.js';

export interface RequestOptions extends TrickleOptions {
  rounds: number;
  json: string;
  markdown: boolean;
}

type Figures = Record<string, number>;

const FLOWS = 16_000;
const options = JSON.parse(process.argv[2] ?? '') as RequestOptions;
const { rounds, json, markdown } = options;

/** One round: microseconds for each, or for a whole table. */
function measureRound(): Figures {
  const figures: Figures = {};
  for (const work of ['restore', 'delete', 'create', 'get', 'update', 'delete']) {
    figures[`C ${work}`] = floor(work, 64);
  }
  populate(FLOWS, 0);
  figures['C get, one in a send'] = floor('get', 1);
  Object.assign(figures, tool());
  spawnSync('conntrack', ['-F']);
  Object.assign(figures, ours('requests'), ours('tables'));
  spawnSync('conntrack', ['-F']);
  Object.assign(figures, ours('filters'));
  spawnSync('conntrack', ['-F']);
  return figures;
}

function floor(work: string, batch: number): number {
  const args = [work, String(FLOWS), String(batch)];
  const { measured } = run({ command: native('request_floor'), args, measures: true });
  if (measured.entries !== FLOWS) throw new Error(`${work}: ${measured.entries} of ${FLOWS}`);
  return ((measured.seconds ?? Number.NaN) * 1e6) / FLOWS;
}

/** `conntrack -G` in a loop, and `conntrack -R` of a file, which is empty before and after. */
function tool(): Figures {
  if (spawnSync('conntrack', ['--version']).status !== 0) return {};
  const gets = 50;
  const start = performance.now();
  for (let number = 0; number < gets; number++) {
    const ends = ['-s', '10.0.0.0', '-d', '93.184.216.34'];
    const ports = ['--sport', String(1024 + 4 * number), '--dport', '443'];
    const { status } = spawnSync('conntrack', ['-G', '-p', 'tcp', ...ends, ...ports]);
    if (status !== 0) throw new Error('conntrack -G did not find the entry');
  }
  const get = ((performance.now() - start) * 1000) / gets;
  spawnSync('conntrack', ['-F']);
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-bench-'));
  try {
    const file = join(folder, 'entries');
    const lines = Array.from(
      { length: FLOWS },
      (_, number) =>
        `-A -p tcp -s 10.0.0.0 -d 93.184.216.34 --sport ${1024 + number} --dport 443 ` +
        '--state ESTABLISHED -u ASSURED,SEEN_REPLY -t 86400',
    );
    writeFileSync(file, `${lines.join('\n')}\n`);
    const began = performance.now();
    const { status, stderr } = spawnSync('conntrack', ['-R', file]);
    if (status !== 0) throw new Error(`conntrack -R: ${String(stderr)}`);
    return {
      'conntrack -G': get,
      'conntrack -R': ((performance.now() - began) * 1000) / FLOWS,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ours(work: string): Figures {
  const script = fileURLToPath(new URL('request-trial.js', import.meta.url));
  const { measured } = run({
    command: process.execPath,
    args: [script, work, String(Math.min(rounds, 3))],
    measures: true,
  });
  const times = measured as unknown as Record<string, { each: number; mainThread: number }>;
  return Object.fromEntries(
    Object.entries(times).flatMap(([name, { each, mainThread }]) => [
      [name, each],
      [`${name}: main thread`, mainThread],
    ]),
  );
}

const samples: Figures[] = [];
for (let round = 0; round < rounds; round++) {
  console.error(`requests, round ${round + 1} of ${rounds}`);
  samples.push(measureRound());
}
const of = (name: string) => median(samples.map((one) => one[name] ?? Number.NaN));
/** The median of the ratios of each round. */
const over = (name: string, divisor: string) =>
  median(samples.map((one) => (one[name] ?? Number.NaN) / (one[divisor] ?? Number.NaN)));

interface Limit {
  readonly what: string;
  readonly value: number;
  readonly most: number;
}
const limits: Limit[] = [
  ['getEntry(), one at a time, over fs.promises.access("/")', over('getOne', 'access'), 1.5],
  ['getEntry(), 16,000 at once, over the C loop', over('get', 'C get'), 3],
  ['the same: main thread, µs each', of('get: main thread'), 4],
  ['getEntries() of 16,000, over the C loop', over('getEntries', 'C get'), 3],
  ['the same: main thread, µs each', of('getEntries: main thread'), 4],
  [
    'createEntry(), at once, over the C loop, which reads nothing back',
    over('create', 'C create'),
    1.5,
  ],
  ['the same over the C loop’s create and get', sumOver('create', ['C create', 'C get']), 1.5],
  [
    'updateEntry(), at once, over the C loop, which reads nothing back',
    over('update', 'C update'),
    1.5,
  ],
  [
    'the same over the C loop’s get, update and get',
    sumOver('update', ['C get', 'C update', 'C get']),
    1.5,
  ],
  ['deleteEntry(), at once, over the C loop', over('delete', 'C delete'), 1.5],
  [
    'createEntries() over the C loop that creates and reads back',
    over('createEntries', 'C restore'),
    1.5,
  ],
  [
    'createEntries(), its first call, over conntrack -R',
    over('createEntries', 'conntrack -R'),
    0.5,
  ],
  ['createEntries(), warm, over conntrack -R', over('createEntriesWarm', 'conntrack -R'), 0.5],
  ['countEntries() of the module over that of a handle', over('countOfModule', 'countOne'), 1.2],
  ['readPressure() over countEntries()', over('pressure', 'countOne'), 2],
  ...[1000, 10_000, 100_000].flatMap((entries): [string, number, number][] =>
    ['list', 'stream'].map((work) => [
      `${work} of ${entries.toLocaleString('en-US')} entries, warm, over the floor`,
      over(`${work} ${entries}`, `floor ${entries}`),
      entries > 10_000 ? 1.3 : 1.5,
    ]),
  ),
  [
    'list by 10,000 filters over a stream',
    over('list by filters', 'stream of filters'),
    1.5,
  ] as const,
  [
    'delete by 10,000 filters over a stream',
    over('delete by filters', 'stream of filters'),
    1.5,
  ] as const,
].map(([what, value, most]) => ({ what: String(what), value: Number(value), most: Number(most) }));

function sumOver(name: string, divisors: readonly string[]): number {
  return median(
    samples.map(
      (one) =>
        (one[name] ?? Number.NaN) /
        divisors.reduce((sum, divisor) => sum + (one[divisor] ?? Number.NaN), 0),
    ),
  );
}

const trickles = await measureTrickles(options);
for (const { rate, listener, timer, watch, latency } of trickles) {
  const events = `${rate.toLocaleString('en-US')} events a second`;
  const ratio = watch / (listener + timer);
  limits.push({ what: `${events}: CPU over C listener and timer`, value: ratio, most: 1.5 });
  const { median, p99 } = latency ?? {};
  if (median !== undefined) {
    limits.push({ what: `${events}: median latency, ms`, value: median, most: 0.2 });
  }
  if (p99 !== undefined) limits.push({ what: `${events}: p99 latency, ms`, value: p99, most: 2 });
}
const gathered = trickles.find(({ delayed }) => delayed !== undefined);
if (gathered?.delayed !== undefined) {
  const what = `maxDelay: 50 at ${gathered.rate} a second: CPU over the C listener`;
  limits.push({ what, value: gathered.delayed / gathered.listener, most: 1 });
}

mkdirSync(dirname(json), { recursive: true });
const machine = describeMachine();
writeFileSync(
  json,
  `${JSON.stringify({ machine, rounds, samples, trickles, limits }, undefined, 2)}\n`,
);
const heading = (text: string) => (markdown ? `### ${text}` : text.toUpperCase());
const names = [
  'C get, one in a send',
  'C get',
  'C create',
  'C restore',
  'C update',
  'C delete',
  'conntrack -G',
  'conntrack -R',
  'access',
  'getOne',
  'countOne',
  'countOfModule',
  'pressure',
  'get',
  'getEntries',
  'create',
  'createEntries',
  'createEntriesWarm',
  'update',
  'delete',
];
const rows = names.map((name): Cell[] => {
  const main = of(`${name}: main thread`);
  return [name, of(name).toFixed(1), Number.isNaN(main) ? '' : main.toFixed(1)];
});
const events = trickles.map(({ rate, listener, timer, watch, delayed }): Cell[] => [
  rate.toLocaleString('en-US'),
  ...[listener, timer, watch].map((one) => one.toFixed(1)),
  delayed?.toFixed(1) ?? '',
]);
console.log(
  [
    heading(`Requests, ${FLOWS.toLocaleString('en-US')} entries`),
    renderTable(['work', 'µs each', 'main thread, µs'], rows, markdown),
    heading('A trickle of events, µs of CPU each'),
    renderTable(
      ['a second', 'C listener', 'timer', 'watchEvents()', 'maxDelay: 50'],
      events,
      markdown,
    ),
    heading('Limits'),
    renderTable(
      ['what', 'limit', 'is', ''],
      limits.map(({ what, value, most }): Cell[] => [
        what,
        String(most),
        value.toFixed(2),
        value <= most ? 'met' : 'missed',
      ]),
      markdown,
    ),
  ].join('\n\n'),
);

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (low + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}
