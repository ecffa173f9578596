// Puts the faults of test/faults/faults.mjs into a copy of this tree, one at a time, and prints
// which test notices each, and after how many seconds.
//
//   npm run test:faults [-- what stands in the names of faults...]
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { faults } from '../test/faults/faults.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const copy = join(root, 'out', 'faults');
const wanted = process.argv.slice(2);

const tracked = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .stdout.split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));

// What is the same keeps its time, and is not built again.
for (const folder of ['src', 'native', 'test']) {
  if (!existsSync(join(copy, folder))) continue;
  for (const name of readdirSync(join(copy, folder), { recursive: true })) {
    const path = join(folder, name);
    if (statSync(join(copy, path)).isFile() && !tracked.includes(path)) rmSync(join(copy, path));
  }
}
for (const file of tracked) {
  const [from, to] = [join(root, file), join(copy, file)];
  if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) continue;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  utimesSync(to, new Date(), new Date());
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

function test(project) {
  return node(['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--bail=1']);
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
      const run = test(project);
      const seconds = (performance.now() - start) / 1000;
      if (run.status === 0) return { name, by: 'NOBODY' };
      if (project === tests.at(-1)) return { name, by: `${project}: ${noticed(run)}`, seconds };
    }
  } finally {
    writeFileSync(path, whole);
  }
}

const chosen = faults.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const projects = [...new Set(chosen.flatMap(({ tests }) => tests))];
const built = build(projects);
if (built.status !== 0) {
  console.error(built.stdout + built.stderr);
  process.exit(1);
}
// Whatever is red without a fault notices nothing.
for (const project of projects) {
  const whole = test(project);
  if (whole.status === 0) continue;
  console.error(`${project} is red without a fault:\n${whole.stdout}${whole.stderr}`);
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
