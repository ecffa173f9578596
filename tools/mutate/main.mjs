// Mutation tests of src/. StrykerJS changes one place after the other; the tests notice, or the
// change is in survivors.mjs, with the reason why no test can.
//
//   npm run mutate:src                                   all of src/
//   npm run mutate:src -- --mutate 'src/filter/**'       a part; the option may come again
//   npm run mutate:src -- --sample 20 [--seed 7]         twenty places of the folders of HELD, or of
//                                                        each --folder
//   npm run mutate:src -- --concurrency 1                processes; as many as processors by default
//   npm run mutate:src -- --judge                        the table of the last run, which may have
//                                                        been stopped
//
// Each mutant that has ended is a line of out/mutation/mutants.jsonl.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { HELD, SURVIVORS } from './survivors.mjs';

/** Lines of one place of a sample. */
const WINDOW = 4;

const root = fileURLToPath(new URL('../..', import.meta.url));
const results = join(root, 'out/mutation/mutants.jsonl');
const { values } = parseArgs({
  options: {
    mutate: { type: 'string', multiple: true, default: [] },
    sample: { type: 'string' },
    folder: { type: 'string', multiple: true, default: HELD },
    judge: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    concurrency: { type: 'string', default: String(availableParallelism()) },
  },
});

const linesOf = (file) => readFileSync(join(root, file), 'utf8').split('\n');

/** `count` places of the folders: the same for the same seed. */
function sample(count, seed) {
  const files = values.folder
    .flatMap((folder) =>
      readdirSync(join(root, 'src', folder), { recursive: true })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `src/${folder}/${name}`),
    )
    .sort();
  const all = files.flatMap((file) =>
    Array.from({ length: Math.ceil(linesOf(file).length / WINDOW) }, (_, index) => {
      const first = index * WINDOW + 1;
      return `${file}:${first}-${first + WINDOW - 1}`;
    }),
  );
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return all[Math.floor((state / 2 ** 32) * all.length)];
  });
}

/** Runs StrykerJS. */
function mutate(patterns) {
  const folders = new Set(patterns.map((pattern) => /^src\/([\w-]+)\//.exec(pattern)?.[1]));
  const all = readdirSync(join(root, 'src'), { withFileTypes: true });
  const named = folders.has(undefined)
    ? all.filter((one) => one.isDirectory()).map(({ name }) => name)
    : [...folders];
  mkdirSync(join(root, 'out/mutation'), { recursive: true });
  rmSync(results, { force: true });
  const stryker = [
    ...['node_modules/@stryker-mutator/core/bin/stryker.js', 'run'],
    ...['tools/mutate/stryker.config.mjs', '--mutate', patterns.join(',')],
    ...['--concurrency', values.concurrency],
  ];
  const env = { ...process.env, CONNTRACK_MUTANTS: results, CONNTRACK_MUTATED: named.join(' ') };
  const { status } = spawnSync(process.execPath, stryker, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}

const flat = (text) => text.replaceAll(/\s+/g, ' ').trim();

/** A mutant as survivors.mjs names it: the text of its first line, what it changes, and into what. */
function nameOf({ fileName, location: { start, end }, replacement }) {
  const lines = linesOf(fileName).slice(start.line - 1, end.line);
  const line = flat(lines[0]);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return { file: fileName, line, from: flat(lines.join('\n')), to: flat(replacement) };
}

/**
 * Whether a place runs only when its module is loaded, when no mutant is active. Stryker leaves these
 * out, but for those that a test loads, too, with a command of the command line.
 */
function isOfLoading({ fileName, location: { start } }) {
  const text = readFileSync(fileName, 'utf8');
  const file = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true);
  const at = ts.getPositionOfLineAndCharacter(file, start.line - 1, start.column - 1);
  const runsLater = (node) =>
    ts.isFunctionLike(node) ||
    (ts.isPropertyDeclaration(node) &&
      !node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword));
  const walk = (node) => {
    if (at < node.pos || at >= node.end) return false;
    // What stands in the place of a whole function is taken when the module is loaded.
    if (runsLater(node)) return at > node.getStart(file);
    return ts.forEachChild(node, walk) ?? false;
  };
  return !walk(file);
}

const same = (one, other) =>
  one.file === other.file &&
  one.line === other.line &&
  one.from === other.from &&
  one.to === other.to;

function run() {
  const places = values.sample
    ? sample(Number(values.sample), Number(values.seed))
    : values.mutate.length > 0
      ? values.mutate
      : ['src/**/*.ts'];
  if (values.sample) console.log(`the sample of --seed ${values.seed}`);
  mutate(places);
}

if (!values.judge) run();
const mutants = existsSync(results)
  ? readFileSync(results, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map((mutant) => ({ ...mutant, fileName: relative(root, mutant.fileName) }))
  : [];
const table = new Map();
const unexplained = [];
const seen = new Set();
for (const mutant of mutants) {
  const folder = mutant.fileName.split('/')[1];
  if (!['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(mutant.status)) continue;
  if (isOfLoading(mutant)) continue;
  const row = table.get(folder) ?? { folder, mutants: 0, caught: 0, explained: 0, unexplained: 0 };
  table.set(folder, row);
  row.mutants++;
  if (mutant.status === 'Killed' || mutant.status === 'Timeout') {
    row.caught++;
    continue;
  }
  const name = nameOf(mutant);
  const known = SURVIVORS.find((one) => same(one, name));
  seen.add(known);
  if (known) row.explained++;
  else {
    row.unexplained++;
    unexplained.push({ ...name, at: `${name.file}:${mutant.location.start.line}` });
  }
}
for (const { at, from, to } of unexplained) console.log(`${at}\n  - ${from}\n  + ${to}`);
const behaving = (row) => row.mutants - row.explained;
console.table(
  [...table.values()].map((row) => ({
    ...row,
    score: `${((100 * row.caught) / Math.max(1, behaving(row))).toFixed(1)} %`,
  })),
);
// What a test notices needs no reason. Of a part of a file, other lines may have the survivor.
const isOfLines = values.mutate.some((pattern) => /:\d/.test(pattern));
const isWhole = !values.sample && !values.judge && !isOfLines;
const files = new Set(isWhole ? mutants.map(({ fileName }) => fileName) : []);
const needless = SURVIVORS.filter((known) => files.has(known.file) && !seen.has(known));
for (const { file, line } of needless) console.log(`${file} no longer has this survivor: ${line}`);
const isHeld = ({ file }) => HELD.includes(file.split('/')[1]);
const low = [...table.values()].some((row) => row.caught < 0.95 * behaving(row));
const fails = unexplained.some(isHeld) || needless.length > 0 || (low && !values.sample);
process.exit(fails ? 1 : 0);
