// Installs and builds what is missing, so that `npm start` and `npm test` work on
// a fresh clone. Plain Node.js: nothing is installed yet when it runs.
//
//   node tools/prepare.mjs                      the addon and dist/
//   node tools/prepare.mjs addon                the addon alone
//   node tools/prepare.mjs examples             the addon, dist/ and the examples
//   node tools/prepare.mjs bench                the addon, dist/ and the programs of the benchmark
//   node tools/prepare.mjs peer-suite           the addon, dist/ and tools/peer-suite
//   node tools/prepare.mjs soak                 the addon, dist/ and test/soak
//   node tools/prepare.mjs fuzz                 the fuzzers of test/fuzz
//   node tools/prepare.mjs sanitized            the addons under address and undefined sanitizers
//   node tools/prepare.mjs threads              the addons under the thread sanitizer
//   node tools/prepare.mjs simulation           the simulation of test/simulation
//   node tools/prepare.mjs mutate-native        the tests that tools/mutate-native.mjs runs
//   node tools/prepare.mjs mutate               the addons that the tests under mutation load
//   node tools/prepare.mjs tests [project...]   what these projects of tests load; by default all
//
// There are five trees of C++: build/ has everything as the addon ships, out/sanitized
// and out/threads have what runs under sanitizers, out/big-endian what runs on such a machine,
// where there is a compiler for it, and out/fuzz the fuzzers. Each compiles a file once.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Prints nothing when all is well: what follows is what was asked for. */
function run(what, command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: { ...process.env, npm_config_loglevel: 'error' },
  });
  if (status === 0) return;
  process.stdout.write(stdout ?? '');
  process.stderr.write(stderr ?? '');
  const reason = error?.code === 'ENOENT' ? `"${command}" is not installed` : 'see above';
  console.error(`\n${what} failed: ${reason}`);
  if (what !== 'npm ci') console.error('Building needs CMake >= 3.21 and a C++17 compiler.');
  process.exit(1);
}

function packagesOf(lockfile) {
  const path = join(root, lockfile);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : {};
}

/** Whether npm has installed what the lockfile names. npm writes down what it has installed. */
function installed() {
  const present = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json')).every(
    ([path, { version, optional }]) =>
      path === '' || (present[path] === undefined ? optional : present[path].version === version),
  );
}

const NOTHING = {
  plain: [],
  sanitized: [],
  threads: [],
  'big-endian': [],
  fuzz: [],
  typescript: [],
  bundles: [],
  site: [],
};

/** What is built for each target: of C++, and projects of TypeScript. */
const TARGETS = {
  package: { ...NOTHING, plain: ['conntrack'], typescript: ['.'] },
  addon: { ...NOTHING, plain: ['conntrack'] },
  examples: { ...NOTHING, plain: ['conntrack'], typescript: ['.', 'examples'] },
  bench: { ...NOTHING, plain: ['conntrack', 'bench_programs'], typescript: ['.', 'bench'] },
  fuzz: { ...NOTHING, fuzz: ['fuzz_targets'] },
  sanitized: { ...NOTHING, sanitized: ['conntrack', 'scripted'] },
  threads: { ...NOTHING, threads: ['conntrack', 'scripted'] },
  simulation: { ...NOTHING, plain: ['simulation'] },
  soak: { ...NOTHING, plain: ['conntrack', 'test_helpers'], typescript: ['.', 'test/soak'] },
  'mutate-native': {
    ...NOTHING,
    plain: ['scripted'],
    sanitized: ['wire_tests', 'os_tests', 'addon_tests', 'fuzz_targets'],
    threads: ['os_tests'],
    typescript: ['.'],
  },
  mutate: { ...NOTHING, plain: ['conntrack', 'scripted'] },
  'peer-suite': { ...NOTHING, plain: ['conntrack'], typescript: ['.', 'tools/peer-suite'] },
};

/** The same for each project of tests: vitest.config.ts. */
const TESTS = {
  unit: { ...NOTHING, plain: ['conntrack'], typescript: ['.'] },
  mocked: { ...NOTHING, plain: ['conntrack'], typescript: ['.'] },
  wire: { ...NOTHING, sanitized: ['wire_tests'], 'big-endian': ['wire_tests'] },
  os: { ...NOTHING, sanitized: ['os_tests'], threads: ['os_tests'] },
  addon: { ...NOTHING, sanitized: ['addon_tests'] },
  fuzz: { ...NOTHING, sanitized: ['fuzz_targets'] },
  simulation: { ...NOTHING, plain: ['simulation'], sanitized: ['simulation'] },
  stack: { ...NOTHING, plain: ['scripted'], typescript: ['.'] },
  kernel: {
    ...NOTHING,
    plain: ['conntrack', 'test_helpers'],
    typescript: ['.', 'examples'],
  },
  lifecycle: {
    ...NOTHING,
    plain: ['conntrack', 'test_helpers'],
    sanitized: ['conntrack'],
    threads: ['conntrack'],
    typescript: ['.'],
    bundles: ['lifecycle'],
  },
  quiet: {
    ...NOTHING,
    plain: ['conntrack', 'test_helpers'],
    typescript: ['.'],
    bundles: ['lifecycle'],
  },
  machine: { ...NOTHING, plain: ['conntrack', 'test_helpers'], typescript: ['.'] },
  site: { ...NOTHING, site: ['out/site/index.html'] },
  sqlite: { ...NOTHING, plain: ['conntrack', 'test_helpers'], typescript: ['.', 'examples'] },
};

/** tsc leaves it out. */
const PAGE = 'examples/dashboard/page.html';

const timeOf = (path) => statSync(join(root, path)).mtimeMs;

/** What the site is made of. */
const SITE = ['docs', 'examples', 'site', 'src', 'typedoc.json', 'package-lock.json'];

/** Whether one of its files has changed since this one was written. */
function isOlderThanSources(page) {
  if (!existsSync(join(root, page))) return true;
  const texts = readdirSync(root).filter((name) => name.endsWith('.md'));
  const inside = SITE.filter((name) => statSync(join(root, name)).isDirectory()).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${name}`),
  );
  return [...SITE, ...texts, ...inside]
    .filter((path) => !path.startsWith('docs/api') && statSync(join(root, path)).isFile())
    .some((path) => timeOf(path) > timeOf(page));
}

/** What is needed for a target and the projects behind it. */
function needsOf(target, projects) {
  if (target !== 'tests') return TARGETS[target];
  // vitest takes patterns, too: what is no name may be any of them.
  const isNamed = projects.length > 0 && projects.every((name) => name in TESTS);
  const needs = (isNamed ? projects : Object.keys(TESTS)).map((name) => TESTS[name]);
  const all = (kind) => [...new Set(needs.flatMap((one) => one[kind]))];
  return Object.fromEntries(Object.keys(NOTHING).map((kind) => [kind, all(kind)]));
}

function cmakeBuild(tree, targets) {
  // make does not know a target that came after it was configured.
  if (timeOf('CMakeLists.txt') > timeOf(join(tree, 'CMakeCache.txt'))) {
    run(`cmake ${tree}`, 'cmake', [tree]);
    utimesSync(join(root, tree, 'CMakeCache.txt'), new Date(), new Date());
  }
  const args = ['--build', tree, '--parallel', String(availableParallelism())];
  args.push('--target', ...targets);
  run(`cmake ${args.join(' ')}`, 'cmake', args);
}

const [target = 'package', ...projects] = process.argv.slice(2);
const needs = needsOf(target, projects);
if (!installed()) {
  console.log('Installing dependencies ...');
  run('npm ci', 'npm', ['ci', '--ignore-scripts']);
}
if (needs.plain.length > 0) {
  // CMake sees what has changed from then on. node-gyp leaves a tree of its own there.
  if (!existsSync(join(root, 'build/CMakeCache.txt'))) {
    console.log('Building the addon ...');
    run('cmake-js', process.execPath, ['node_modules/cmake-js/bin/cmake-js', 'configure']);
  }
  cmakeBuild('build', needs.plain);
}
for (const preset of ['sanitized', 'threads', 'big-endian', 'fuzz']) {
  if (needs[preset].length === 0) continue;
  // The tests name what is missing.
  if (preset === 'big-endian' && spawnSync('s390x-linux-gnu-g++', ['--version']).error) continue;
  if (!existsSync(join(root, 'out', preset, 'CMakeCache.txt'))) {
    console.log(`Building what tests C++: ${preset} ...`);
    run(`cmake --preset ${preset}`, 'cmake', ['--preset', preset]);
  }
  cmakeBuild(`out/${preset}`, needs[preset]);
}
for (const project of needs.typescript) {
  run(`tsc -p ${project}`, process.execPath, ['node_modules/typescript/bin/tsc', '-p', project]);
  if (project === '.') run('the executable', process.execPath, ['tools/bundle-cli.mjs']);
  if (project === 'examples') copyFileSync(join(root, PAGE), join(root, 'out', PAGE));
}
for (const name of needs.bundles)
  run(`the bundle of ${name}`, process.execPath, [`tools/bundle-${name}.mjs`]);
for (const page of needs.site)
  if (isOlderThanSources(page)) run('the site', 'npm', ['run', '--silent', 'docs']);
