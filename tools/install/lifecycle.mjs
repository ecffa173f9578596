// Runs the matrix of test/lifecycle/matrix on the runtimes that people have: each operation, at each
// step, with each way to end.
//
//   npm run test:lifecycle-runtimes               on all
//   npm run test:lifecycle-runtimes -- bun deno   on some
//   npm run test:lifecycle-runtimes -- --cells    each cell in a process of its own: hours
//   npm run test:lifecycle-runtimes -- --only 'closed$'   what has such a name
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { cellByCell, faultOf, processes, sizeOf } from '../../test/lifecycle/matrix/plan.mjs';
import { setUp } from '../../test/lifecycle/matrix/world.mjs';
import { excuseOf } from './lifecycle-excuses.mjs';
import { checkout, fetchNode, fetchTools, inPrivateNetwork, out } from './workshop.mjs';

/** A process that runs for longer hangs. */
const PATIENCE = 300_000; // milliseconds
const INSIDE = 'CONNTRACK_INSIDE_PRIVATE_NETWORK';
const NODES = [20, 22, 24, 26];
const DENO_OPTIONS = ['run', '--quiet', '--allow-all', '--v8-flags=--expose-gc'];

const RUNTIMES = {
  ...Object.fromEntries(
    NODES.map((major) => [`node${major}`, () => [fetchNode(major), '--expose-gc']]),
  ),
  bun: () => [`${fetchTools('@oven/bun-linux-x64')}/@oven/bun-linux-x64/bin/bun`],
  deno: () => [
    `${fetchTools('@deno/linux-x64-glibc')}/@deno/linux-x64-glibc/deno`,
    ...DENO_OPTIONS,
  ],
};

const { values, positionals } = parseArgs({
  options: { cells: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
  allowPositionals: true,
});
const only = new RegExp(values.only);
const wanted = positionals.length > 0 ? positionals : Object.keys(RUNTIMES);

/** Runs a process of the plan; returns what is wrong with how it ended. */
async function run(command, process_, paths) {
  const settings = JSON.stringify({ ...process_.settings, paths });
  const program = join(checkout, 'test/lifecycle/matrix/main.mjs');
  const child = spawn(command[0], [...command.slice(1), program, settings], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const [stdout, stderr, how] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return faultOf(process_, { ...how, stdout, stderr });
}

/** Runs the matrix on a runtime; returns how many processes ended otherwise than they should. */
async function runMatrix(runtime, paths) {
  const command = RUNTIMES[runtime]();
  const counts = { cells: 0, processes: 0, excused: 0, faults: 0 };
  const all = values.cells ? processes().flatMap((one) => [...cellByCell(one)]) : processes();
  for (const one of all.filter(({ name }) => only.test(name))) {
    const fault = await run(command, one, paths);
    const excuse = excuseOf(runtime, one.name);
    counts.processes++;
    counts.cells += sizeOf(one);
    if (excuse !== undefined) counts.excused++;
    if ((fault === undefined) === (excuse === undefined)) continue;
    counts.faults++;
    console.error(`${runtime}, ${one.name}: ${fault ?? `passes, and is excused: ${excuse}`}`);
  }
  const [program] = command;
  const version = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
  const { cells, processes: ran, excused, faults } = counts;
  console.log(
    `${runtime} (${version}): ${cells} cells in ${ran} processes, ${excused} excused, ${faults} faults`,
  );
  return faults;
}

/** Another copy of the package, with an addon of its own. */
function copyPackage() {
  const copy = mkdtempSync(join(tmpdir(), 'conntrack-'));
  for (const part of ['package.json', 'dist', 'build/Release/conntrack.node']) {
    cpSync(join(checkout, part), join(copy, part), { recursive: true });
  }
  return copy;
}

async function runAll(runtime) {
  await setUp(await import('conntrack'));
  const copy = copyPackage();
  const paths = [checkout, copy].map((root) => pathToFileURL(join(root, 'dist/index.js')).href);
  try {
    const faults = await runMatrix(runtime, paths);
    process.exitCode = faults === 0 ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

mkdirSync(out, { recursive: true });
const inside = process.env[INSIDE];
if (inside !== undefined) await runAll(inside);
else {
  // Downloads need the network that the matrix is cut off from.
  for (const runtime of wanted) RUNTIMES[runtime]();
  const self = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const [command, ...args] = [...inPrivateNetwork, ...self];
  // Each has a table of its own: the processes of all plans use the same addresses.
  for (const runtime of wanted) {
    const env = { ...process.env, [INSIDE]: runtime };
    const { status } = spawnSync(command, args, { stdio: 'inherit', env });
    if (status !== 0) process.exitCode = 1;
  }
}
