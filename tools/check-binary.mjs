// Checks that a built addon is fit to be shipped: one binary for every glibc from
// 2.28 on and for musl, needing nothing but the C library and Node-API.
//
//   node tools/check-binary.mjs [path...]      default: build/Release/conntrack.node
//
// An unresolved symbol in an addon is no link error: it shows where the addon is
// loaded first, and that may be a user's machine.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEWEST_GLIBC = [2, 28]; // what official Node.js 20 itself asks for
const ENTRY_POINTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const NODE_API = /^(napi|node_api)_/;

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));

function run(command, ...args) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return { missing: error?.code === 'ENOENT', ok: status === 0, stdout, stderr };
}

function readelf(path, option) {
  const { missing, ok, stdout, stderr } = run('readelf', '--wide', option, path);
  if (missing) throw new Error('"readelf" is missing (apt-get install binutils)');
  if (!ok || stderr !== '') throw new Error(stderr.trim() || `readelf cannot read ${path}`);
  return stdout;
}

/** What readelf says of a shared object, as far as it matters here. */
function inspect(path) {
  const dynamic = readelf(path, '--dynamic');
  const symbols = [...readelf(path, '--dyn-syms').matchAll(/^ *\d+: .*$/gm)]
    .map(([line]) => line.trim().split(/\s+/))
    .filter((columns) => columns[7] !== undefined)
    .map(([, , , , binding, , section, versioned]) => {
      const [name, version] = versioned.split(/@+/);
      return { name, version, weak: binding === 'WEAK', undefined: section === 'UND' };
    });
  return {
    libraries: [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name),
    versions: [...readelf(path, '--version-info').matchAll(/Name: (\S+) +Flags/g)].map(
      ([, name]) => name,
    ),
    imported: symbols.filter((symbol) => symbol.undefined),
    exported: symbols.filter((symbol) => !symbol.undefined).map(({ name }) => name),
    segments: new Map(
      [...readelf(path, '--segments').matchAll(/^ +(\w+) +(?:0x\w+ +){5}([RWE ]{3}) /gm)].map(
        ([, type, flags]) => [type, flags],
      ),
    ),
    bindsNow: /\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b/.test(dynamic),
    relocatesText: /\(TEXTREL\)|\(FLAGS\).*TEXTREL/.test(dynamic),
  };
}

function isTooNew(version) {
  if (!version.startsWith('GLIBC_')) return false;
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return true; // GLIBC_PRIVATE, GLIBC_ABI_DT_RELR (2.36)
  const [newestMajor, newestMinor] = NEWEST_GLIBC;
  return (
    Number(major) > newestMajor || (Number(major) === newestMajor && Number(minor) > newestMinor)
  );
}

/** What is wrong with a binary, one sentence each. */
function faults({ libraries, versions, imported, exported, segments, bindsNow, relocatesText }) {
  const tooNew = versions.filter(isTooNew).map((version) => {
    const users = imported.filter((symbol) => symbol.version === version);
    return users.length === 0
      ? version
      : `${version} (${users.map(({ name }) => name).join(', ')})`;
  });
  const stray = imported.filter(
    ({ name, version, weak }) => !weak && !NODE_API.test(name) && !version?.startsWith('GLIBC_'),
  );
  const extra = exported.filter((name) => !ENTRY_POINTS.includes(name));
  const absent = ENTRY_POINTS.filter((name) => !exported.includes(name));
  const list = (names) => names.join(', ');
  return [
    list(libraries) !== 'libc.so.6' &&
      `needs ${list(libraries) || 'no library'}, not libc.so.6 alone`,
    tooNew.length > 0 && `needs a glibc newer than ${NEWEST_GLIBC.join('.')}: ${list(tooNew)}`,
    stray.length > 0 &&
      `nothing defines ${list(stray.map(({ name, version }) => (version ? `${name}@${version}` : name)))}`,
    extra.length > 0 && `exports more than its entry points: ${list(extra)}`,
    absent.length > 0 && `does not export ${list(absent)}`,
    !segments.has('GNU_RELRO') && 'has no GNU_RELRO segment (-z relro)',
    !bindsNow && 'is not bound at load (-z now)',
    segments.get('GNU_STACK')?.includes('E') !== false && 'asks for an executable stack',
    relocatesText && 'has text relocations',
  ].filter((fault) => fault !== false);
}

/** Loads the binary into a musl program that has a stub for each Node-API function. */
function muslFaults(path, { imported }) {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-musl-'));
  try {
    const stubs = join(folder, 'stubs.c');
    const loader = join(folder, 'loader');
    const names = imported.map(({ name }) => name).filter((name) => NODE_API.test(name));
    writeFileSync(stubs, names.map((name) => `void ${name}(void) {}\n`).join(''));
    const source = fromHere('musl-loader/loader.c');
    const build = run('musl-gcc', '-rdynamic', '-o', loader, source, stubs);
    if (build.missing) {
      const missing = '"musl-gcc" is missing (apt-get install musl-tools)';
      if (process.env.CONNTRACK_TEST_STRICT === '1') return [missing];
      console.log(`  not tried on musl: ${missing}`);
      return [];
    }
    if (!build.ok) return [`the musl loader does not build: ${build.stderr.trim()}`];
    const load = run(loader, resolve(path));
    return load.ok ? [] : [`does not load on musl: ${load.stderr.trim()}`];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function check(path) {
  const binary = inspect(path);
  return [...faults(binary), ...muslFaults(path, binary)];
}

const paths = process.argv.slice(2);
if (paths.length === 0) paths.push(fromHere('../build/Release/conntrack.node'));
for (const path of paths) {
  console.log(path);
  let found;
  try {
    found = check(path);
  } catch (error) {
    found = [error.message];
  }
  for (const fault of found) console.log(`  WRONG: ${fault}`);
  if (found.length === 0) console.log('  ok');
  else process.exitCode = 1;
}
