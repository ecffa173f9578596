// What runs in an emulated machine: the programs of this machine and what this checkout has built,
// or, for another architecture, those of Debian, and what is built for it here.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ARCHITECTURES, OWN, Unavailable } from './architectures.mjs';
import { Suite } from './debian.mjs';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(checkout, 'node_modules');

/** Of Debian, those that have the programs of image.mjs. */
const PACKAGES = [
  ...[
    'dash',
    'bash',
    'bsdutils',
    'coreutils',
    'sed',
    'grep',
    'util-linux',
    'mount',
    'procps',
    'kmod',
    'perl-base',
  ],
  ...['conntrack', 'nfct', 'nftables', 'iptables', 'iproute2', 'iputils-ping', 'libcap2-bin'],
  ...['libc6', 'libc-bin', 'libstdc++6', 'usr-is-merged'],
];

/**
 * Where the parts are: `root` of the programs and their libraries, `node`, the `build` tree of C++,
 * and `packageFolder(name)` of the packages of npm.
 */
export function userlandOf(architecture, folder) {
  const { triplet } = ARCHITECTURES[architecture];
  if (architecture !== OWN) return foreignUserland(architecture, join(folder, architecture));
  return {
    triplet,
    root: '/',
    node: process.execPath,
    build: join(checkout, 'build'),
    packageFolder: (name) => join(modules, name),
  };
}

function foreignUserland(architecture, folder) {
  mkdirSync(folder, { recursive: true });
  const { triplet, npm, cross } = ARCHITECTURES[architecture];
  const own = ARCHITECTURES[OWN].npm;
  const major = process.versions.node.split('.')[0];
  const node = fetchPackage(`node-${npm}`, major, folder);
  return {
    triplet,
    root: new Suite(folder, architecture).fetchPrograms(PACKAGES),
    node: join(node, 'bin/node'),
    build: crossBuild(cross.program, triplet, join(folder, 'build')),
    packageFolder(name) {
      const installed = join(modules, name);
      if (!name.includes(own)) return installed;
      const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
      return fetchPackage(name.replace(own, npm), version, folder);
    },
  };
}

/** A package of npm that is for another architecture, so `npm install` would refuse it. */
function fetchPackage(name, version, folder) {
  const to = join(folder, 'npm', `${name.replace('/', '+')}@${version}`);
  if (existsSync(join(to, 'package.json'))) return to;
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const wanted = `${name}@${version}`;
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--json', wanted], {
    cwd: to,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Unavailable(`npm pack ${wanted}: ${stderr.trim()}`);
  const { filename } = JSON.parse(stdout).at(-1);
  execFileSync('tar', ['-xzf', filename, '--strip-components=1'], { cwd: to });
  rmSync(join(to, filename));
  return to;
}

/** The addon, and what the tests start, in a tree like build/. */
function crossBuild(compiler, triplet, tree) {
  const run = (...args) => execFileSync('cmake', args, { cwd: checkout, stdio: 'pipe' });
  run(
    ...['-S', '.', '-B', tree, `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(tree, 'Release')}`],
    ...['-DCMAKE_SYSTEM_NAME=Linux', `-DCMAKE_SYSTEM_PROCESSOR=${triplet.split('-')[0]}`],
    ...[`-DCMAKE_CXX_COMPILER=${compiler}`, `-DCMAKE_C_COMPILER=${compiler.replace('g++', 'gcc')}`],
  );
  run('--build', tree, '--parallel', '--target', 'conntrack', 'test_helpers');
  return tree;
}
