/**
 * Everything that happens inside the namespace: fills the table, lets the trials
 * take turns, and reports.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeMachine } from './machine.js';
import type { Options } from './options.js';
import { costPrograms, delayPrograms, findPeers, type Program, populate, run } from './programs.js';
import { renderReport } from './report.js';
import {
  costFigures,
  delayFigures,
  type Report,
  type TableResult,
  type TrialResult,
} from './results.js';
import { checkTargets } from './targets.js';

export interface ReadingOptions
  extends Pick<Options, 'entries' | 'rounds' | 'quick' | 'json' | 'markdown'> {
  /** Sizes that `net.netfilter.nf_conntrack_max` does not allow. */
  tooLarge: number[];
}

const options = JSON.parse(process.argv[2] ?? '') as ReadingOptions;
const { rounds, tooLarge } = options;
const peers = findPeers(options);

writeFileSync('/proc/sys/net/netfilter/nf_conntrack_acct', '1');
let filled = 0;
const tables = options.entries.map((entries) => {
  console.error(`${entries} entries`);
  populate(entries - filled, filled);
  filled = entries;
  return measureTable(entries);
});
const missing = peers.flatMap(({ name, missing: source }) => (source ? { name, source } : []));
const report: Report = { machine: describeMachine(), rounds, tables, missing, tooLarge };
const targets = checkTargets(report);

mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(
  options.json,
  `${JSON.stringify({ ...report, tables: tables.map(withFigures), targets }, undefined, 2)}\n`,
);
console.log(renderReport(report, targets, options.markdown));

function measureTable(entries: number): TableResult {
  const table: TableResult = { entries, messageBytes: 0, costs: [], delays: [] };
  for (let round = 0; round < rounds; round++) {
    console.error(`  round ${round + 1} of ${rounds}`);
    const present = peers.filter(
      ({ missing: source, onceUpTo }) =>
        source === undefined && (onceUpTo === undefined || (round === 0 && entries <= onceUpTo)),
    );
    for (const program of [...costPrograms, ...present]) {
      const { bytes } = addSample(table.costs, program, round, entries);
      if (bytes !== undefined) table.messageBytes = bytes / entries;
    }
    for (const program of delayPrograms) addSample(table.delays, program, round, entries);
  }
  return table;
}

function addSample(results: TrialResult[], program: Program, round: number, entries: number) {
  const { processSeconds, measured } = run(program);
  if (measured.entries !== undefined && measured.entries !== entries) {
    throw new Error(`${program.name}: ${measured.entries} of ${entries} entries seen`);
  }
  const { key, name } = program;
  let result = results.find((trial) => trial.key === key);
  if (result === undefined) {
    result = { key, name, samples: [] };
    results.push(result);
  }
  result.samples.push({ round, processSeconds, ...measured });
  return measured;
}

function withFigures({ costs, delays, ...table }: TableResult) {
  const result: TableResult = { ...table, costs, delays };
  return {
    ...table,
    costs: costs.map((trial) => ({ ...trial, figures: costFigures(result, trial.key) })),
    delays: delays.map((trial) => ({ ...trial, figures: delayFigures(result, trial.key) })),
  };
}
