// Builds what the npm package ships and the repository has not: the addon for each processor and
// libc, and binding.gyp out of the root, where some package managers would build from it unasked.
//
//   npm run prebuilds
//
// The same sources, compiler and CMake give the same bytes in any folder. Run by npm before it
// packs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** By the name of the architecture in Node.js: Debian's compiler. The presets have these names. */
const COMPILERS = {
  x64: { program: 'x86_64-linux-gnu-g++', package: 'g++-x86-64-linux-gnu' },
  arm64: { program: 'aarch64-linux-gnu-g++', package: 'g++-aarch64-linux-gnu' },
};

/** By the name of the libc: the target of CMake. */
const ADDONS = { glibc: 'conntrack', musl: 'conntrack_musl' };

function run(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  console.error(`${command} ${args.join(' ')} failed:\n${error?.message ?? stdout + stderr}`);
  process.exit(1);
}

rmSync(`${root}/prebuilds`, { recursive: true, force: true });
const sums = [];
for (const [architecture, compiler] of Object.entries(COMPILERS)) {
  if (spawnSync(compiler.program, ['--version']).error) {
    console.error(`"${compiler.program}" is missing (apt-get install ${compiler.package})`);
    process.exit(1);
  }
  const preset = `prebuilds-${architecture}`;
  const targets = Object.values(ADDONS);
  const parallel = ['--parallel', String(availableParallelism())];
  run('cmake', '--preset', preset);
  run('cmake', '--build', `out/${preset}`, ...parallel, '--target', ...targets);
  mkdirSync(`${root}/prebuilds/linux-${architecture}`, { recursive: true });
  for (const [libc, target] of Object.entries(ADDONS)) {
    const file = `linux-${architecture}/conntrack.${libc}.node`;
    copyFileSync(`${root}/out/${preset}/${target}.node`, `${root}/prebuilds/${file}`);
    const bytes = readFileSync(`${root}/prebuilds/${file}`);
    sums.push(`${createHash('sha256').update(bytes).digest('hex')}  ${file}\n`);
    console.log(`prebuilds/${file}  ${(bytes.length / 1024).toFixed(0)} KiB`);
  }
}
writeFileSync(`${root}/prebuilds/SHA256SUMS`, sums.join(''));
copyFileSync(`${root}/binding.gyp`, `${root}/native/binding.gyp`);
