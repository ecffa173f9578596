// Format and lint of the C and C++ code: clang-format for all of it, clang-tidy
// for what is shipped.
//
//   node tools/lint-native.mjs format          reports what is not formatted
//   node tools/lint-native.mjs format --fix    formats
//   node tools/lint-native.mjs tidy            reports what clang-tidy finds
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
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

async function tidy() {
  const configured = await run('cmake', '-S', '.', '-B', build);
  if (!configured.ok) return fail(configured.stdout, configured.stderr);

  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
  const shipped = join(root, 'native/');
  const sources = commands.map(({ file }) => file).filter((file) => file.startsWith(shipped));
  const seen = new Set();
  const work = async () => {
    for (let source = sources.pop(); source !== undefined; source = sources.pop()) {
      const { ok, stdout, stderr } = await run('clang-tidy', '--quiet', '-p', build, source);
      if (ok) continue;
      // The rings see their headers through links, and headers come once a source.
      const found = stdout.replaceAll(/\S+\/rings\/\w+\//g, join(root, 'native/'));
      const reports = found.split(/^(?=\S+:\d+:\d+: (?:warning|error):)/m);
      fail(...(found === '' ? [stderr] : reports.filter((report) => !seen.has(report))));
      for (const report of reports) seen.add(report);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

const [what, option] = process.argv.slice(2);
if (what === 'format') await format(option === '--fix');
else await tidy();
