// Format and lint of the C and C++ code: clang-format for all of it, clang-tidy
// for what is shipped.
//
//   node tools/lint-native.mjs format          reports what is not formatted
//   node tools/lint-native.mjs format --fix    formats
//   node tools/lint-native.mjs tidy            reports what clang-tidy finds
//   node tools/lint-native.mjs tidy --deep     the same, in twice the time
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const shipped = join(root, 'native/');
const build = join(root, 'out/lint');
const folders = ['native', 'test', 'bench', 'tools'];

/** Resolves with the exit code and what the program printed. */
function run(command, ...args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8').on('data', (text) => {
        output[stream] += text;
      });
    }
    child.on('error', ({ message }) => {
      console.error(`${message} (apt-get install clang-format clang-tidy cmake)`);
      process.exit(1);
    });
    child.on('close', (code) => resolve({ ok: code === 0, ...output }));
  });
}

function fail(...texts) {
  for (const text of texts) process.stderr.write(text);
  process.exitCode = 1;
}

async function format(fix) {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((path) => /\.(c|cc|h)$/.test(path))
      .map((path) => join(folder, path)),
  );
  const mode = fix ? ['-i'] : ['--dry-run', '--Werror'];
  const { ok, stderr } = await run('clang-format', ...mode, ...files);
  if (!ok) fail(stderr);
}

/**
 * The steps after which the analyzer leaves a function. Its default, 225,000, takes 156 s of processor for
 * native/addon, and this 61 s (2026-11-27): a few functions reach it.
 */
const STEPS = 50_000;

/** What asks how a file is included, and what is another check by another name. */
const NOT_CHECKED = ['bugprone-suspicious-include', 'cert-dcl37-c', 'cert-dcl51-cpp'];

/**
 * A translation unit of all these sources: their headers cost more than they do. Where names of two
 * sources clash, it is one of each half.
 */
async function groupsOf({ sources, command }) {
  const folder = await mkdtemp(`${build}/group-`);
  const file = join(folder, 'group.cc');
  const lines = sources.map((source) => `#include "${relative(shipped, source)}"\n`);
  const group = { directory: build, file, command: command.replaceAll(sources[0], file) };
  await writeFile(file, lines.join(''));
  await writeFile(join(folder, 'compile_commands.json'), JSON.stringify([group]));
  const { ok } = await run('sh', '-c', `cd ${build} && ${group.command} -fsyntax-only`);
  if (ok || sources.length === 1) return [folder];
  const half = sources.length >> 1;
  const halves = [sources.slice(0, half), sources.slice(half)].map((part) =>
    groupsOf({ sources: part, command: command.replaceAll(sources[0], part[0]) }),
  );
  return (await Promise.all(halves)).flat();
}

/** The kernel's headers define macros of names that native/wire has as constants. */
const includesKernel = ({ file }) => /^#include <linux\//m.test(readFileSync(file, 'utf8'));

/** Those that are compiled alike, together: each source as it is compiled first. */
function byFlags(commands) {
  const first = new Map(commands.map((one) => [one.file, one]).reverse());
  const ordered = [...first.values()].sort((a, b) => includesKernel(a) - includesKernel(b));
  const found = new Map();
  for (const { file, command } of ordered) {
    const flags = command.replaceAll(file, '').replace(/ -o \S+/, '');
    const same = found.get(flags) ?? { sources: [], command };
    found.set(flags, { ...same, sources: [...same.sources, file] });
  }
  return [...found.values()];
}

const analyzer = (...values) =>
  values.flatMap((value) => ['--extra-arg=-Xclang', `--extra-arg=${value}`]);

async function tidy(isDeep) {
  await rm(build, { recursive: true, force: true });
  const configured = await run('cmake', '-S', '.', '-B', build);
  if (!configured.ok) return fail(configured.stdout, configured.stderr);

  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
  const ours = commands.filter(({ file }) => file.startsWith(shipped));
  const groups = (await Promise.all(byFlags(ours).map(groupsOf))).flat();
  const seen = new Set();
  const work = async () => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const { ok, stdout, stderr } = await run(
        'clang-tidy',
        '--quiet',
        `--config-file=${join(root, '.clang-tidy')}`,
        `--checks=${NOT_CHECKED.map((name) => `-${name}`)}`,
        // The analyzer looks at what the main file includes, too.
        ...analyzer('-analyzer-opt-analyze-headers'),
        ...(isDeep ? [] : analyzer('-analyzer-config', `max-nodes=${STEPS}`)),
        '-p',
        group,
        join(group, 'group.cc'),
      );
      if (ok) continue;
      // The rings see their headers through links, and headers come once a group.
      const found = stdout.replaceAll(/\S+\/rings\/\w+\//g, shipped);
      const reports = found.split(/^(?=\S+:\d+:\d+: (?:warning|error):)/m);
      fail(...(found === '' ? [stderr] : reports.filter((report) => !seen.has(report))));
      for (const report of reports) seen.add(report);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

const [what, option] = process.argv.slice(2);
if (what === 'format') await format(option === '--fix');
else await tidy(option === '--deep');
