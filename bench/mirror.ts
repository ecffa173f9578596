/**
 * A mirror of a large table: how long it takes to be in step beside one reading of the table, its
 * memory, its lookups, and how it follows a burst of new flows. docs/performance.md has the limits.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './machine.js';
import type { MirrorFigures } from './mirror-trial.js';
import { populate } from './programs.js';
import { type Cell, renderTable } from './table.js';

export interface MirrorBenchOptions {
  /** Flows in the table, and in the burst. */
  entries: number;
  burst: number;
  rounds: number;
  json: string;
  markdown: boolean;
}

const { entries, burst, rounds, json, markdown } = JSON.parse(
  process.argv[2] ?? '',
) as MirrorBenchOptions;

function trial(name: string, ...args: number[]): MirrorFigures {
  const script = fileURLToPath(new URL('mirror-trial.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', script, name, ...args.map(String)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name}: exit code ${status}\n${stderr}`);
  return JSON.parse(stdout) as MirrorFigures;
}

/** populate gives each source address 60,000 flows: those of the burst have addresses of their own. */
const first = 60_000 * Math.ceil(entries / 60_000);

console.error(`mirror of ${entries} flows`);
populate(entries, 0);
const samples = Array.from({ length: rounds }, (_, round) => {
  console.error(`  round ${round + 1} of ${rounds}`);
  return {
    stream: trial('stream'),
    open: trial('open'),
    delay: trial('delay'),
    follow: trial('follow', burst, first),
    events: trial('events', burst, first),
  };
});
mkdirSync(dirname(json), { recursive: true });
const report = { machine: describeMachine(), rounds, entries, burst, samples };
writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);

type Sample = (typeof samples)[number];
const median = (figure: (sample: Sample) => number | undefined) => {
  const sorted = samples.map((sample) => figure(sample) ?? Number.NaN).sort((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (low + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
};
const most = (figure: (sample: Sample) => number | undefined) =>
  Math.max(...samples.map((sample) => figure(sample) ?? Number.NaN));

const lines: readonly (readonly [what: string, limit: number, value: number, digits: number])[] = [
  [
    'in step, over one streamed reading',
    1.5,
    median(({ open, stream }) => (open.seconds ?? 0) / (stream.seconds ?? 1)),
    2,
  ],
  ['bytes a flow', 350, median(({ open }) => open.bytesAFlow), 0],
  ['find(), us', 1, median(({ open }) => (open.findNanoseconds ?? 0) / 1000), 2],
  [
    'find(), over a Map of texts',
    1,
    median(({ open }) => (open.findNanoseconds ?? 0) / (open.mapNanoseconds ?? 1)),
    2,
  ],
  ['flows of a burst that are missing', 0, most(({ follow }) => follow.missing), 0],
  ['flows that ended and are left', 0, most(({ follow }) => follow.left), 0],
  ['losses in a burst', 0, most(({ follow }) => follow.resyncs), 0],
  [
    'delay of the event loop while it opens, ms, at most',
    30,
    most(({ delay }) => delay.delayMs),
    1,
  ],
  ['the same in a burst', 30, most(({ follow }) => follow.delayMs), 1],
  ['the same of a loop that only reads the events', 30, most(({ events }) => events.delayMs), 1],
];
const rows = lines.map(([what, limit, value, digits]): Cell[] => [
  what,
  String(limit),
  value.toFixed(digits),
  value <= limit ? 'met' : 'missed',
]);
const count = (value: number) => value.toLocaleString('en-US');
const heading = `A mirror of ${count(entries)} flows`;
const rate = burst / median(({ follow }) => follow.burstSeconds);
console.log(
  [
    markdown ? `### ${heading}` : heading.toUpperCase(),
    renderTable(['target', 'at most', 'measured', 'result'], rows, markdown),
    `One streamed reading: ${median(({ stream }) => stream.seconds).toFixed(2)} s. A burst of ` +
      `${count(burst)} new flows, ${count(Math.round(rate))} a second, and in step ` +
      `${median(({ follow }) => follow.seconds).toFixed(2)} s after its beginning: ` +
      `${median(({ follow }) => follow.cpuNanoseconds).toFixed(0)} ns of CPU an event.`,
  ].join('\n\n'),
);
