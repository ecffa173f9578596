// Runs the fuzzers of test/fuzz, as many at once as there are processors. What they learn is kept
// in out/fuzz/corpus, from where the next run goes on.
//
//   npm run fuzz                              all targets, for a minute together
//   npm run fuzz -- --seconds 36000           for ten hours
//   npm run fuzz -- --only filters            one target; the option may come again
//   npm run fuzz -- --coverage                prints what of native/wire the corpus runs
//   npm run fuzz -- --keep                    makes the corpus, without what adds nothing, the seeds
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, report } from './gcov.mjs';

const LEAST = { lines: 99, branches: 95 }; // percent of native/wire that the corpus runs
const LARGEST = 8192; // bytes of an input

const root = fileURLToPath(new URL('..', import.meta.url));
const seeds = (target) => join('test/fuzz/seeds', target);
const corpus = (target) => join('out/fuzz/corpus', target);
const program = (target) => join('out/fuzz/test/fuzz', `fuzz_${target}`);

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string', multiple: true },
    coverage: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

function fail(message) {
  console.error(message);
  process.exit(1);
}

const all = readdirSync(join(root, 'test/fuzz/seeds')).sort();
const unknown = (values.only ?? []).filter((name) => !all.includes(name));
if (unknown.length > 0) fail(`There is no target ${unknown.join(', ')}, but: ${all.join(', ')}`);
const targets = values.only ?? all;
const seconds = Number(values.seconds);
if (!(seconds > 0)) fail('--seconds needs a number above 0');

/** Resolves with the exit code, and the end of what it printed. */
function start(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      printed = (printed + text).slice(-20_000);
    });
    child.on('error', ({ message }) => fail(`${command}: ${message}`));
    child.on('close', (code) => resolve({ code, printed }));
  });
}

/** Calls `work` for each target, as many at once as there are processors. */
async function forEachTarget(work) {
  const left = [...targets];
  const worker = async () => {
    for (let target = left.shift(); target !== undefined; target = left.shift()) await work(target);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

/** The fixtures are messages of the kernel: mutants of a new one are worth a try. */
function addFixtures() {
  const fixtures = join(root, 'test/fixtures');
  mkdirSync(join(root, corpus('entries')), { recursive: true });
  for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.hex'))) {
    const digits = readFileSync(join(fixtures, name), 'utf8').replaceAll(/^#.*$|\s/gm, '');
    writeFileSync(join(root, corpus('entries'), name), Buffer.from(digits, 'hex'));
  }
}

/** True when it found nothing. */
async function fuzz(target, time) {
  const found = join('out/fuzz/found', target);
  for (const folder of [corpus(target), found]) mkdirSync(join(root, folder), { recursive: true });
  const { code, printed } = await start(program(target), [
    `-max_total_time=${time}`,
    `-max_len=${LARGEST}`,
    '-timeout=20',
    '-print_final_stats=1',
    `-artifact_prefix=${found}/`,
    corpus(target),
    seeds(target),
  ]);
  const runs = /number_of_executed_units: (\d+)/.exec(printed)?.[1] ?? '?';
  if (code === 0) {
    const kept = readdirSync(join(root, corpus(target))).length;
    console.log(`${target.padEnd(16)} ${runs.padStart(9)} inputs in ${time} s, ${kept} kept`);
    return true;
  }
  const input = /Test unit written to (\S+)/.exec(printed)?.[1];
  // Without what it prints of its progress.
  console.error(printed.replaceAll(/^(#|INFO:|\tNEW_FUNC|"|stat::).*\n/gm, ''));
  console.error(
    `${target} failed: see above. Run it again with\n  ${program(target)} ${input ?? ''}`,
  );
  return false;
}

async function keep(target) {
  const merged = join('out/fuzz/merged', target);
  rmSync(join(root, merged), { recursive: true, force: true });
  mkdirSync(join(root, merged), { recursive: true });
  const from = [corpus(target), seeds(target)].filter((folder) => existsSync(join(root, folder)));
  const { code, printed } = await start(program(target), [
    '-merge=1',
    '-use_counters=0',
    merged,
    ...from,
  ]);
  if (code !== 0) fail(printed);
  // Those with a name were made by hand: they stay.
  for (const name of readdirSync(join(root, seeds(target)))) {
    if (/^[0-9a-f]{40}$/.test(name)) continue;
    renameSync(join(root, seeds(target), name), join(root, merged, name));
  }
  rmSync(join(root, seeds(target)), { recursive: true });
  renameSync(join(root, merged), join(root, seeds(target)));
  console.log(`${target.padEnd(16)} ${readdirSync(join(root, seeds(target))).length} seeds`);
}

/** Of the seeds and the corpus. */
async function coverage() {
  build('fuzz_targets');
  await forEachTarget(async (target) => {
    const from = [seeds(target), corpus(target)].filter((folder) => existsSync(join(root, folder)));
    const counted = join('out/coverage/test/fuzz', `fuzz_${target}`);
    const { code, printed } = await start(counted, from);
    if (code !== 0) fail(printed);
  });
  report('native/wire/', values.only ? { lines: 0, branches: 0 } : LEAST);
}

if (values.keep) {
  await forEachTarget(keep);
} else if (values.coverage) {
  await coverage();
} else {
  const share = (seconds * Math.min(availableParallelism(), targets.length)) / targets.length;
  const time = Math.max(1, Math.floor(share));
  addFixtures();
  let failed = 0;
  await forEachTarget(async (target) => {
    if (!(await fuzz(target, time))) failed++;
  });
  if (failed > 0) process.exit(1);
}
