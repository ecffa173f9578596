import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../support/namespace.js';
import { describeWithTools } from '../support/requirements.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const GOOD_FLAGS = ['-Wl,-z,relro,-z,now', '-Wl,--as-needed'];
const ENTRY_POINTS = `
  __attribute__((visibility("default"))) void napi_register_module_v1(void) {}
  __attribute__((visibility("default"))) int node_api_module_get_api_version_v1(void) { return 8; }
`;

let folder: string;

/** Builds a shared object of C code beside the entry points of an addon. */
function build(
  code: string,
  flags: string[] = [],
  entryPoints = ENTRY_POINTS,
  compiler = 'cc',
): string {
  const source = join(folder, 'variant.c');
  const binary = join(folder, 'variant.node');
  writeFileSync(source, `${entryPoints}\n${code}\n`);
  const hidden = ['-shared', '-fPIC', '-fvisibility=hidden', '-nostartfiles'];
  run(compiler, ...hidden, '-o', binary, source, ...GOOD_FLAGS, ...flags);
  return binary;
}

function check(path: string, env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'tools/check-binary.mjs'), path],
    { encoding: 'utf8', env: { ...process.env, ...env } },
  );
  expect(stderr).toBe('');
  return { status, lines: stdout.trimEnd().split('\n').slice(1) };
}

describeWithTools('readelf')('tools/check-binary.mjs', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'conntrack-binary-'));
    // A C library of the future, and one that is just old enough.
    writeFileSync(
      join(folder, 'libc.c'),
      'int future(void) { return 1; } int old(void) { return 1; }',
    );
    writeFileSync(
      join(folder, 'libc.map'),
      'GLIBC_2.17 { global: old; }; GLIBC_2.18 { global: future; } GLIBC_2.17;',
    );
    run(
      ...(['cc', '-shared', '-fPIC', '-nostdlib', '-Wl,-soname,libc.so.6'] as const),
      ...['-o', join(folder, 'libfuture.so'), join(folder, 'libc.c')],
      `-Wl,--version-script=${join(folder, 'libc.map')}`,
    );
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('has nothing against the smallest addon', () => {
    const { status, lines } = check(
      build('extern int abs(int); int use(int x) { return abs(x); }', [
        '-Wl,--no-as-needed',
        '-lc',
      ]),
    );
    expect({ status, lines }).toEqual({ status: 0, lines: ['  ok'] });
  });

  const FUTURE = (name: string) =>
    `extern int ${name}(void); __attribute__((used)) static int (*use)(void) = ${name};`;

  it.each<[string, () => string, string | RegExp]>([
    [
      'another library',
      () => build('', ['-Wl,--no-as-needed', '-lstdc++']),
      /WRONG: needs (.*, )?libstdc\+\+\.so\.6.*, not glibc or musl alone$/,
    ],
    [
      'no library',
      () => build('', ['-nostdlib']),
      '  WRONG: needs no library, not glibc or musl alone',
    ],
    [
      'a newer glibc',
      () => build(FUTURE('future'), ['-nostdlib', `-L${folder}`, '-lfuture']),
      '  WRONG: needs a glibc newer than 2.17: GLIBC_2.18 (future)',
    ],
    [
      'a symbol that nothing defines',
      () => build('extern void nobody(void); __attribute__((used)) void use(void) { nobody(); }'),
      '  WRONG: nothing defines nobody',
    ],
    [
      'what starts a program',
      () => build(FUTURE('execv'), ['-Wl,--no-as-needed', '-lc']),
      '  WRONG: calls what the addon never calls: execv',
    ],
    [
      'an export too many',
      () => build('__attribute__((visibility("default"))) int extra;'),
      '  WRONG: exports more than its entry points: extra',
    ],
    [
      'an entry point too few',
      () => build('', [], ENTRY_POINTS.replace('node_api_module_get_api_version_v1', 'other')),
      '  WRONG: does not export node_api_module_get_api_version_v1',
    ],
    [
      'a search path',
      () => build('', ['-Wl,--no-as-needed', '-lc', '-Wl,-rpath,/of/the/builder']),
      '  WRONG: searches for libraries in /of/the/builder',
    ],
    ['no RELRO', () => build('', ['-Wl,-z,norelro']), /WRONG: has no GNU_RELRO/],
    ['lazy binding', () => build('', ['-Wl,-z,lazy']), '  WRONG: is not bound at load (-z now)'],
    [
      'an executable stack',
      () => build('', ['-Wl,-z,execstack']),
      /WRONG: asks for an executable stack/,
    ],
    [
      'text relocations',
      () =>
        build('__asm__(".text\\n.balign 8\\n.quad napi_register_module_v1");', ['-Wl,-z,notext']),
      '  WRONG: has text relocations',
    ],
    ['a file that is no binary', () => join(folder, 'libc.c'), /WRONG: .*Not an ELF file/],
    ['no file', () => join(folder, 'nothing.node'), /WRONG: .*No such file/],
  ])('finds %s', (_what, variant, fault) => {
    const { status, lines } = check(variant());
    expect(lines).toContainEqual(typeof fault === 'string' ? fault : expect.stringMatching(fault));
    expect(lines).not.toContain('  ok');
    expect(status).toBe(1);
  });

  it('takes glibc 2.17 as old enough', () => {
    const { lines } = check(build(FUTURE('old'), ['-nostdlib', `-L${folder}`, '-lfuture']));
    expect(lines.join()).not.toContain('glibc newer');
  });

  it('says what it did not load, and fails where nothing may be skipped', () => {
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    symlinkSync(run('sh', '-c', 'command -v readelf').trim(), join(tools, 'readelf'));
    const binary = build('', ['-Wl,--no-as-needed', '-lc']);
    const missing = /"\S+-linux-gnu-gcc" is missing \(apt-get install gcc-\S+-linux-gnu\)$/;
    expect(check(binary, { PATH: tools, CONNTRACK_TEST_STRICT: '' })).toEqual({
      status: 0,
      lines: [expect.stringMatching(missing), '  ok'],
    });
    expect(check(binary, { PATH: tools, CONNTRACK_TEST_STRICT: '1' })).toEqual({
      status: 1,
      lines: [expect.stringMatching(missing)],
    });
  });

  describeWithTools('musl-gcc')('of an addon for musl', () => {
    /** The name that musl's libc has in Alpine. */
    function buildForMusl(code: string): string {
      const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
      const name = `libc.musl-${machine}.so.1`;
      const libc = join(folder, name);
      run('cc', '-shared', '-nostdlib', `-Wl,-soname,${name}`, '-o', libc, '-xc', '/dev/null');
      return build(code, ['-nostdlib', '-Wl,--no-as-needed', libc]);
    }

    it('finds what glibc has and musl has not', () => {
      const binary = buildForMusl(
        'extern int gnu_get_libc_version(void); __attribute__((used)) int use(void) { return gnu_get_libc_version(); }',
      );
      expect(check(binary).lines).toEqual([
        expect.stringMatching(/WRONG: does not load \(musl, \w+\): .*gnu_get_libc_version/),
      ]);
    });

    it('stands in for Node-API', () => {
      const binary = buildForMusl(
        'extern void napi_throw(void); __attribute__((used)) void use(void) { napi_throw(); }',
      );
      expect(check(binary).lines).toEqual(['  ok']);
    });
  });

  describeWithTools('aarch64-linux-gnu-gcc', 'qemu-aarch64-static')('of another processor', () => {
    it('loads it under emulation', () => {
      const built = (code: string) => {
        const flags = ['-Wl,--no-as-needed', '-lc'];
        return build(code, flags, ENTRY_POINTS, 'aarch64-linux-gnu-gcc');
      };
      const use = (name: string) =>
        `extern int ${name}(int); __attribute__((used)) int use(int x) { return ${name}(x); }`;
      expect(check(built(use('abs'))).lines).toEqual(['  ok']);
      expect(check(built(use('nobody'))).lines).toContainEqual(
        expect.stringMatching(/WRONG: does not load \(glibc, arm64\): .*nobody/),
      );
    });
  });
});
