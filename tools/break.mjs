// Puts the faults of test/faults/faults.mjs into a copy of this tree, one at a time, and prints
// which test notices each, and after how many seconds.
//
//   npm run test:faults [-- what is in a fault's name]
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { faults } from '../test/faults/faults.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const copy = join(root, 'out', 'faults');
const wanted = process.argv[2] ?? '';

const tracked = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
}).stdout.split('\0');
// What was built for the copy is good the next time.
for (const name of ['src', 'native', 'test'])
  rmSync(join(copy, name), { recursive: true, force: true });
mkdirSync(copy, { recursive: true });
for (const file of tracked) {
  if (file !== '') cpSync(join(root, file), join(copy, file), { preserveTimestamps: true });
}
rmSync(join(copy, 'node_modules'), { force: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

function node(args) {
  return spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout: 180_000,
  });
}

function build(projects) {
  return node(['tools/prepare.mjs', 'tests', ...projects]);
}

/** The first sign of a failure that a run prints. */
function noticed({ stdout, stderr }) {
  const text = stripVTControlCharacters(`${stdout}\n${stderr}`);
  const patterns = [
    /in the test\n\s+(.+)/, // of the watchdog
    /^(?:FAILED|DOES NOT END|ABORTED): (.+)$/m,
    /^ FAIL\s+(.+)$/m,
    /^(SUMMARY: .+)$/m,
    /^(.*error TS.+)$/m,
  ];
  const marks = patterns.map((pattern) => pattern.exec(text)?.[1]).filter(Boolean);
  return marks[0] ?? 'red, without a name';
}

function check({ name, file, from, to, tests }) {
  const path = join(copy, file);
  const whole = readFileSync(path, 'utf8');
  if (whole.split(from).length !== 2) return { name, by: 'THE FAULT DOES NOT FIT ANY MORE' };
  writeFileSync(
    path,
    whole.replace(from, () => to),
  );
  try {
    const built = build(tests);
    if (built.status !== 0) return { name, by: 'THE COMPILER, WHICH IS NO TEST' };
    for (const project of tests) {
      const start = performance.now();
      const run = node(['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--bail=1']);
      const seconds = (performance.now() - start) / 1000;
      if (run.status === 0) return { name, by: 'NOBODY' };
      if (project === tests.at(-1)) return { name, by: `${project}: ${noticed(run)}`, seconds };
    }
  } finally {
    writeFileSync(path, whole);
  }
}

const chosen = faults.filter(({ name }) => name.includes(wanted));
const projects = [...new Set(chosen.flatMap(({ tests }) => tests))];
const built = build(projects);
if (built.status !== 0) {
  console.error(built.stdout + built.stderr);
  process.exit(1);
}
let unnoticed = 0;
for (const fault of chosen) {
  const { name, by, seconds } = check(fault);
  if (seconds === undefined) unnoticed++;
  console.log(`${name}\n    ${by}${seconds === undefined ? '' : `, ${seconds.toFixed(1)} s`}`);
}
console.log(`${chosen.length} faults, ${unnoticed} not noticed`);
process.exit(unnoticed === 0 ? 0 : 1);
