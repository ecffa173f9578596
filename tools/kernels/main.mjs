// Runs the kernel tests on other kernels, in emulated machines: npm run test:kernels
//
//   npm run test:kernels                            Debian's kernels, two at a time
//   npm run test:kernels -- --only 6.1,6.12-arm64   some of them
//   npm run test:kernels -- --smoke                 an old one and a new one, a few tests
//   npm run test:kernels -- --shipped               with the binaries of npm run prebuilds
//   npm run test:kernels -- --kernel vmlinuz --modules /lib/modules/VERSION
//   npm run test:kernels -- filter writing          these files of test/kernel alone
//
// Exit code 1 when a test has failed, or a machine gave no results; 3 when all went well but for a
// program or a kernel that could not be had.
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ARCHITECTURES, OWN, Unavailable } from './architectures.mjs';
import { boot } from './boot.mjs';
import { Suite } from './debian.mjs';
import { buildBase, buildModules, whereIs } from './image.mjs';
import { printTable, summaryOf } from './report.mjs';
import { userlandOf } from './userland.mjs';

/** Suites of Debian, and the kernels that they had when this was written. */
const SUITES = [
  { suite: 'bullseye', series: '5.10' },
  { suite: 'bookworm', series: '6.1' },
  { suite: 'trixie', series: '6.12' },
  { suite: 'sid', series: '7.2' },
  { suite: 'trixie-backports', series: '7.3' },
  { suite: 'trixie', series: '6.12', architecture: 'arm64' },
];

/** What a change is shown on before it lands: an old kernel and a new one. */
const SMOKE = { kernels: ['5.10', '7.2'], files: ['get-entry', 'safety'], limitSeconds: 240 };

/** Machines that run at a time. */
const AT_A_TIME = 2;
const LIMIT_SECONDS = 3000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    shipped: { type: 'boolean', default: false },
    kernel: { type: 'string' },
    modules: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
});
/** What it starts, and the packages of Debian that have it. */
const PROGRAMS = {
  cpio: 'cpio',
  depmod: 'kmod',
  readelf: 'binutils',
  'dpkg-deb': 'dpkg',
  'apt-get': 'apt',
};
const missing = missingOf(Object.entries(PROGRAMS));
if (missing.length > 0) {
  for (const line of missing) console.error(line);
  process.exit(3);
}
const out = fileURLToPath(new URL('../../out/kernels', import.meta.url));
mkdirSync(out, { recursive: true });
const files = positionals.length > 0 || !values.smoke ? positionals : SMOKE.files;
const limitSeconds = values.smoke ? SMOKE.limitSeconds : LIMIT_SECONDS;

const wanted = values.kernel === undefined ? suitesFor(values) : [ownKernel(values)];
if (wanted.length === 0) {
  const known = SUITES.map(nameOf).join(', ');
  console.error(`--only ${values.only}: no such kernel; there are ${known}`);
  process.exit(2);
}
const bases = new Map();
const rows = [];
const queue = [...wanted];
await Promise.all(Array.from({ length: AT_A_TIME }, work));
printTable(
  rows.toSorted((a, b) => a.place - b.place),
  values.markdown,
);
if (rows.some(({ isGood }) => !isGood)) process.exitCode = 1;
else if (rows.some(({ problem }) => problem !== undefined)) process.exitCode = 3;

async function work() {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const place = wanted.indexOf(next);
    rows.push({ place, ...(await runOn(next)) });
  }
}

async function runOn({ name, architecture, fetch, folder }) {
  const { qemu, cross } = ARCHITECTURES[architecture];
  let kernel;
  let base;
  try {
    const needed = architecture === OWN ? [qemu] : [qemu, cross];
    const missing = missingOf(needed.map((one) => [one.program, one.package]));
    if (missing.length > 0) throw new Unavailable(missing.join('; '));
    base = baseOf(architecture);
    kernel = fetch();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { name, isGood: true, problem: `could not be had: ${error.message}` };
  }
  console.error(`${kernel.version}: boots`);
  const initrds = [base, buildModules(folder, kernel)];
  const { image } = kernel;
  const run = await boot(folder, { architecture, image, initrds, files, limitSeconds });
  console.error(`${kernel.version}: ended after ${run.seconds.toFixed(0)} s`);
  return { name: kernel.version, ...summaryOf(run, join(folder, 'console.log')) };
}

function baseOf(architecture) {
  if (!bases.has(architecture)) {
    const folder = join(out, architecture);
    mkdirSync(folder, { recursive: true });
    const addon = values.shipped ? shippedAddon(architecture) : undefined;
    bases.set(architecture, buildBase(folder, userlandOf(architecture, out), addon));
  }
  return bases.get(architecture);
}

function shippedAddon(architecture) {
  const path = `../../prebuilds/${ARCHITECTURES[architecture].npm}/conntrack.glibc.node`;
  const addon = fileURLToPath(new URL(path, import.meta.url));
  if (!existsSync(addon)) throw new Unavailable(`${addon}: run npm run prebuilds`);
  return addon;
}

/** A line for each of these programs that is not there. */
function missingOf(programs) {
  return programs
    .filter(([name]) => whereIs(name) === undefined)
    .map(([name, from]) => `"${name}" is missing (apt-get install ${from})`);
}

function suitesFor({ only, smoke }) {
  return SUITES.filter((one) =>
    only === undefined
      ? !smoke || SMOKE.kernels.includes(nameOf(one))
      : only.split(',').includes(nameOf(one)),
  ).map((one) => {
    const { suite, architecture = OWN } = one;
    const source = new Suite(out, architecture, suite);
    const fetch = () => source.fetchKernel();
    return { name: nameOf(one), architecture, folder: source.folder, fetch };
  });
}

function nameOf({ series, architecture }) {
  return architecture === undefined ? series : `${series}-${architecture}`;
}

/** A kernel by its path. Modules are those of `--modules`, a folder of /lib/modules. */
function ownKernel({ kernel, modules = '' }) {
  const folder = join(out, 'own');
  mkdirSync(folder, { recursive: true });
  const version = basename(resolve(modules));
  const root = resolve(modules, '../../..');
  const fetch = () => ({ version, image: resolve(kernel), root });
  return { name: kernel, architecture: OWN, folder, fetch };
}
