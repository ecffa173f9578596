// Builds the addon where it is installed, for platforms without a shipped binary:
//
//   npm explore conntrack -- npm run build:gyp
//
// Needs a C++17 compiler, make and Python; node-gyp comes with npm. The two
// packages of headers are no dependencies of the installed package, so they are
// fetched when they are not there.
//
// node-gyp reads binding.gyp in the root of the package. There yarn and pnpm would take it
// as an order to build at each installation, so the package has it elsewhere.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const { resolve } = createRequire(import.meta.url);

function isInstalled(name) {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

const headers = `${root}/out/headers`;

function run(command, ...args) {
  const env = { ...process.env, NODE_PATH: `${headers}/node_modules` };
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(1);
}

const missing = ['node-addon-api', 'node-api-headers'].filter((name) => !isInstalled(name));
if (missing.length > 0) {
  const packages = missing.map((name) => `${name}@${devDependencies[name]}`);
  // Beside the package: inside it npm leaves out what its devDependencies name.
  run('npm', 'install', '--prefix', headers, '--no-save', '--no-package-lock', ...packages);
}
const sources = `${root}/binding.gyp`;
if (!existsSync(sources)) {
  copyFileSync(`${root}/native/binding.gyp`, sources);
  process.on('exit', () => rmSync(sources));
}
run('node-gyp', 'rebuild', '--jobs', 'max', '--nodedir=native/gyp');
