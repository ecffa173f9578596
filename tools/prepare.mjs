// Installs and builds what is missing, so that `npm start` and `npm test` work on
// a fresh clone. Plain Node.js: nothing is installed yet when it runs.
//
//   node tools/prepare.mjs            the addon and dist/
//   node tools/prepare.mjs addon      the addon alone
//   node tools/prepare.mjs examples   the same and the examples
//   node tools/prepare.mjs tests      the same and what the tests need
//   node tools/prepare.mjs bench      the same and the programs of the benchmark
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const installedStamp = join(root, 'node_modules', '.conntrack-lock.json');
const lockfile = join(root, 'package-lock.json');

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

function installed() {
  return existsSync(installedStamp) && readFileSync(installedStamp).equals(readFileSync(lockfile));
}

function cmake(preset) {
  run(`cmake --preset ${preset}`, 'cmake', ['--preset', preset]);
  run(`cmake --build --preset ${preset}`, 'cmake', ['--build', '--preset', preset, '--parallel']);
}

function typescript(project) {
  run(`tsc -p ${project}`, process.execPath, ['node_modules/typescript/bin/tsc', '-p', project]);
}

const [target = 'package'] = process.argv.slice(2);
if (!installed()) {
  console.log('Installing dependencies ...');
  run('npm ci', 'npm', ['ci', '--ignore-scripts']);
  cpSync(lockfile, installedStamp);
}
if (!existsSync(join(root, 'build/Release/conntrack.node'))) console.log('Building the addon ...');
run('cmake-js', process.execPath, ['node_modules/cmake-js/bin/cmake-js', 'compile']);
if (target !== 'addon') typescript('.');
if (target === 'examples') typescript('examples');
if (target === 'tests') {
  console.log('Building the tests ...');
  typescript('examples');
  cmake('tests');
  cmake('test-addons');
  cmake('sanitized-addon');
}
if (target === 'bench') {
  typescript('bench');
  cmake('bench');
}
