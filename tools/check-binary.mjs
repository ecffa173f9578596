// Checks that a built addon is fit to be shipped: needing nothing but Node-API and one libc, which
// is musl, or a glibc that may be as old as below; and that a program of that libc and processor
// loads it.
//
//   node tools/check-binary.mjs [path...]      default: build/Release/conntrack.node
//
// An unresolved symbol in an addon is no link error: it shows where the addon is
// loaded first, and that may be a user's machine.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadIntoProgram } from './loader/load.mjs';

const NEWEST_GLIBC = [2, 17]; // the first for arm64
const ENTRY_POINTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const NODE_API = /^(napi|node_api)_/;

/** Functions that start a process, change files, serve a network or load code: SECURITY.md. */
const NEVER = [
  /^(v?fork|clone|exec.*|fexecve|posix_spawn.*|system|popen|daemon|kill|tgkill|ptrace)$/,
  /^(creat|openat|fopen|f?truncate|mk(dir|nod|fifo|d?temp|stemp|ostemp).*)(64|at)?$/,
  /^(rename|unlink|rmdir|remove|link|symlink|f?l?ch(own|mod)|utime.*|mount|umount2?)(at|at2)?$/,
  /^(listen|accept4?|socketpair|sendfile|getaddrinfo|gethostby.*|res_.*)$/,
  /^(dlopen|dlmopen|dlsym|set(re|res|fs)?[ug]id|setgroups|capset|unshare|chroot|pivot_root)$/,
];

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

/** By the name of its file: glibc, and musl's. */
const LIBCS = [
  { libc: 'glibc', name: /^libc\.so\.6$/ },
  { libc: 'musl', name: /^libc\.musl-\w+\.so\.1$/ },
];

/** By readelf's name. */
const ARCHITECTURES = [
  { architecture: 'x64', machine: /X86-64/ },
  { architecture: 'arm64', machine: /AArch64/ },
];

/** What readelf says of a shared object, as far as it matters here. */
function inspect(path) {
  const [, machine] = /^ *Machine: +(.*)$/m.exec(readelf(path, '--file-header')) ?? [];
  const dynamic = readelf(path, '--dynamic');
  const symbols = [...readelf(path, '--dyn-syms').matchAll(/^ *\d+: .*$/gm)]
    .map(([line]) => line.trim().split(/\s+/))
    .filter((columns) => columns[7] !== undefined && columns[3] !== 'SECTION')
    .map(([, , , , binding, , section, versioned]) => {
      const [name, version] = versioned.split(/@+/);
      return { name, version, weak: binding === 'WEAK', undefined: section === 'UND' };
    });
  const libraries = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
  return {
    architecture: ARCHITECTURES.find((one) => one.machine.test(machine))?.architecture ?? machine,
    libraries,
    libc: libraries.length === 1 && LIBCS.find(({ name }) => name.test(libraries[0]))?.libc,
    searches: [...dynamic.matchAll(/\((?:RPATH|RUNPATH)\).*\[(.*)\]/g)].map(([, path]) => path),
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
function faults(binary) {
  const { libraries, libc, searches, versions, imported, exported, segments } = binary;
  const { bindsNow, relocatesText } = binary;
  const tooNew = versions.filter(isTooNew).map((version) => {
    const users = imported.filter((symbol) => symbol.version === version);
    return users.length === 0
      ? version
      : `${version} (${users.map(({ name }) => name).join(', ')})`;
  });
  // musl has no versions. There the program that loads it finds out.
  const stray = imported.filter(
    ({ name, version, weak }) =>
      libc !== 'musl' && !weak && !NODE_API.test(name) && !version?.startsWith('GLIBC_'),
  );
  const forbidden = imported.filter(({ name }) => NEVER.some((names) => names.test(name)));
  const extra = exported.filter((name) => !ENTRY_POINTS.includes(name));
  const absent = ENTRY_POINTS.filter((name) => !exported.includes(name));
  const list = (names) => names.join(', ');
  return [
    !libc && `needs ${list(libraries) || 'no library'}, not glibc or musl alone`,
    searches.length > 0 && `searches for libraries in ${list(searches)}`,
    tooNew.length > 0 && `needs a glibc newer than ${NEWEST_GLIBC.join('.')}: ${list(tooNew)}`,
    stray.length > 0 &&
      `nothing defines ${list(stray.map(({ name, version }) => (version ? `${name}@${version}` : name)))}`,
    forbidden.length > 0 &&
      `calls what the addon never calls: ${list(forbidden.map(({ name }) => name))}`,
    extra.length > 0 && `exports more than its entry points: ${list(extra)}`,
    absent.length > 0 && `does not export ${list(absent)}`,
    !segments.has('GNU_RELRO') && 'has no GNU_RELRO segment (-z relro)',
    !bindsNow && 'is not bound at load (-z now)',
    segments.get('GNU_STACK')?.includes('E') !== false && 'asks for an executable stack',
    relocatesText && 'has text relocations',
  ].filter((fault) => fault !== false);
}

function loadFaults(path, { architecture, libc, imported }) {
  const stubs = imported.map(({ name }) => name).filter((name) => NODE_API.test(name));
  const { missing, failure } = loadIntoProgram(resolve(path), { architecture, libc, stubs });
  const what = `${libc}, ${architecture}`;
  if (failure !== undefined) return [`does not load (${what}): ${failure}`];
  if (missing === undefined) return [];
  if (process.env.CONNTRACK_TEST_STRICT === '1') return [missing];
  console.log(`  not loaded (${what}): ${missing}`);
  return [];
}

function check(path) {
  const binary = inspect(path);
  return [...faults(binary), ...(binary.libc ? loadFaults(path, binary) : [])];
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  paths.push(fileURLToPath(new URL('../build/Release/conntrack.node', import.meta.url)));
}
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
