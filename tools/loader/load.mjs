// Loads an addon into a small program of its own libc and processor.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('loader.c', import.meta.url));

/** musl for arm64, which no package of Debian puts onto a machine of another kind. */
export const MUSL_ARM64 = fileURLToPath(new URL('../../out/musl-arm64/root', import.meta.url));

/** A program for musl, by a compiler that knows another libc. */
function muslFlags(sysroot, machine) {
  const triplet = `${machine}-linux-musl`;
  const libraries = join(sysroot, 'usr/lib', triplet);
  return {
    before: [
      ...['-nostdinc', '-nostdlib', '-no-pie', '-isystem', join(sysroot, 'usr/include', triplet)],
      ...[`-Wl,-dynamic-linker,/lib/ld-musl-${machine}.so.1`, join(libraries, 'crt1.o')],
      join(libraries, 'crti.o'),
    ],
    after: [join(sysroot, 'lib', triplet, 'libc.so'), join(libraries, 'crtn.o')],
  };
}

/** By architecture and libc: what compiles the program, and what runs it elsewhere. */
const KINDS = {
  'x64-glibc': { compiler: 'x86_64-linux-gnu-gcc', package: 'gcc-x86-64-linux-gnu' },
  'x64-musl': { compiler: 'musl-gcc', package: 'musl-tools' },
  'arm64-glibc': {
    compiler: 'aarch64-linux-gnu-gcc',
    package: 'gcc-aarch64-linux-gnu',
    sysroot: '/usr/aarch64-linux-gnu',
  },
  'arm64-musl': {
    compiler: 'aarch64-linux-gnu-gcc',
    package: 'gcc-aarch64-linux-gnu',
    sysroot: MUSL_ARM64,
    flags: muslFlags(MUSL_ARM64, 'aarch64'),
  },
};
const EMULATORS = { x64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' };

function run(command, ...args) {
  const { error, status, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return { missing: error?.code === 'ENOENT', ok: status === 0, stderr: stderr?.trim() };
}

const isMissing = (program, name) => ({
  missing: `"${program}" is missing (apt-get install ${name})`,
});

/**
 * `stubs`: names of functions that the program exports, beside those of its libc. Returns the
 * `failure`, or what is `missing` to try.
 */
export function loadIntoProgram(addon, { architecture, libc, stubs }) {
  const kind = KINDS[`${architecture}-${libc}`];
  if (kind === undefined) return { missing: 'no program for it is known here' };
  const { compiler, sysroot = '/', flags = { before: [], after: [] } } = kind;
  if (!existsSync(sysroot)) {
    if (sysroot !== MUSL_ARM64) return isMissing(compiler, kind.package);
    return { missing: 'musl for arm64 is missing (node tools/loader/fetch-musl.mjs)' };
  }
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-loader-'));
  try {
    const stubSource = join(folder, 'stubs.c');
    const program = join(folder, 'loader');
    writeFileSync(stubSource, stubs.map((name) => `void ${name}(void) {}\n`).join(''));
    const options = ['-rdynamic', '-o', program, ...flags.before, source, stubSource];
    const build = run(compiler, ...options, ...flags.after);
    if (build.missing) return isMissing(compiler, kind.package);
    if (!build.ok) return { failure: `the program for it does not build: ${build.stderr}` };
    const emulator = architecture === process.arch ? [] : [EMULATORS[architecture], '-L', sysroot];
    const [command, ...args] = [...emulator, program, addon];
    const load = run(command, ...args);
    if (load.missing) return isMissing(command, 'qemu-user-static');
    return load.ok ? {} : { failure: load.stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
