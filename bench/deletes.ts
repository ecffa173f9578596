/**
 * Deleting from a large table: all flows of one address beside `conntrack -D`, and those
 * of 800 addresses beside one reading of the table.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countEntries, createEntries, type EntrySpec } from 'conntrack';
import { describeMachine } from './machine.js';
import { populate, type Run, run } from './programs.js';
import { type Cell, renderTable } from './table.js';

export interface DeleteOptions {
  entries: number;
  rounds: number;
  json: string;
  markdown: boolean;
}

/** bench/native/populate.c gives each source address so many entries. */
const AN_ADDRESS = 60_000;
const ADDRESSES = 800;
const FLOWS_OF_EACH = 10;

const options = JSON.parse(process.argv[2] ?? '') as DeleteOptions;
const { entries, rounds, json, markdown } = options;
const address = Math.floor((entries - 1) / AN_ADDRESS / 2);
const first = address * AN_ADDRESS;
const ofAddress = Math.min(AN_ADDRESS, entries - first);
const source = `10.0.${address >> 8}.${address & 255}`;
const scattered = Array.from(
  { length: ADDRESSES * FLOWS_OF_EACH },
  (_, index): EntrySpec => ({
    protocol: 'udp',
    original: {
      source: `10.77.${Math.floor(index / FLOWS_OF_EACH) >> 8}.${Math.floor(index / FLOWS_OF_EACH) & 255}`,
      destination: '93.184.216.34',
      sourcePort: 1024 + (index % FLOWS_OF_EACH),
      destinationPort: 53,
    },
    timeout: 86_400,
  }),
);

interface Trial {
  readonly name: string;
  readonly deletes: number;
  readonly restore: () => void | Promise<void>;
  readonly run: () => Run;
}

const one: Pick<Trial, 'deletes' | 'restore'> = {
  deletes: ofAddress,
  restore: () => {
    populate(ofAddress, first);
  },
};
const many: Pick<Trial, 'deletes' | 'restore'> = {
  deletes: scattered.length,
  restore: async () => {
    for (const { error } of await createEntries(scattered)) if (error) throw error;
  },
};
const trials = {
  deleteOne: {
    name: `deleteEntries(), one source of ${ofAddress} entries`,
    ...one,
    run: () => ours('one', source),
  },
  toolOne: { name: 'conntrack -D -s, the same', ...one, run: () => tool('-D', '-s', source) },
  stream: {
    name: 'streamEntries(), the whole table',
    deletes: 0,
    restore: () => undefined,
    run: () => ours('stream'),
  },
  deleteMany: {
    name: `deleteEntries(), ${ADDRESSES} addresses at once`,
    ...many,
    run: () => ours('many', String(ADDRESSES)),
  },
} satisfies Record<string, Trial>;
type Name = keyof typeof trials;
const names = Object.keys(trials) as Name[];

console.error(`deletes from ${entries} entries`);
populate(entries, 0);
await many.restore();
const total = await countEntries();
const samples = Object.fromEntries(names.map((name) => [name, [] as Run[]])) as Record<Name, Run[]>;
for (let round = 0; round < rounds; round++) {
  console.error(`  round ${round + 1} of ${rounds}`);
  for (const name of names) {
    const trial: Trial = trials[name];
    samples[name].push(trial.run());
    const left = await countEntries();
    if (left !== total - trial.deletes) {
      throw new Error(`${trial.name}: ${left} entries are left of ${total}`);
    }
    if (trial.deletes > 0) await trial.restore();
  }
}

const ratios = {
  tool: median(
    samples.toolOne.map((sample, i) => sample.processSeconds / seconds(at(samples.deleteOne, i))),
  ),
  dump: median(
    samples.deleteMany.map((sample, i) => seconds(sample) / seconds(at(samples.stream, i))),
  ),
};
mkdirSync(dirname(json), { recursive: true });
writeFileSync(
  json,
  `${JSON.stringify({ machine: describeMachine(), rounds, entries, samples, ratios }, undefined, 2)}\n`,
);
const heading = `Deletes from ${total.toLocaleString('en-US')} entries`;
const rows = names.map((name): Cell[] => [
  trials[name].name,
  String(samples[name].length),
  median(samples[name].map(({ measured }) => measured.seconds ?? Number.NaN))
    .toFixed(3)
    .replace('NaN', ''),
  median(samples[name].map(({ processSeconds }) => processSeconds)).toFixed(3),
]);
console.log(
  [
    markdown ? `### ${heading}` : heading.toUpperCase(),
    renderTable(['work', 'rounds', 'in it, s', 'process, s'], rows, markdown),
    `Targets: at least 5 times faster than conntrack -D -s, ${ratios.tool >= 5 ? 'met' : 'missed'}: ` +
      `${ratios.tool.toFixed(1)}; ${ADDRESSES} addresses in at most 1.5 of one streamed dump, ` +
      `${ratios.dump <= 1.5 ? 'met' : 'missed'}: ${ratios.dump.toFixed(2)}.`,
  ].join('\n\n'),
);

function ours(...args: string[]): Run {
  const script = fileURLToPath(new URL('delete-trial.js', import.meta.url));
  return run({ command: process.execPath, args: [script, ...args], measures: true });
}

function tool(...args: string[]): Run {
  if (spawnSync('conntrack', ['--version']).status !== 0) {
    throw new Error('conntrack is not there (Debian package conntrack)');
  }
  return run({ command: 'conntrack', args, measures: false });
}

function seconds({ measured }: Run): number {
  return measured.seconds ?? Number.NaN;
}

function at(runs: Run[], index: number): Run {
  const sample = runs[index];
  if (sample === undefined) throw new RangeError(`no round ${index}`);
  return sample;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (low + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}
