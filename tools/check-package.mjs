// The package as a consumer gets it: packed, checked by publint and
// are-the-types-wrong, installed into an empty project, loaded there, and built
// from source there. Its documents link only to what it ships.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsOf } from './package-content.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'conntrack-consumer-'));

/** Quiet, unless it fails. */
function run(cwd, command, ...args) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    console.error(`${command} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    throw new Error(`${command} failed`);
  }
}

// No optional peer is there: those who need none must not miss it.
const LOAD = `import { Conntrack } from 'conntrack';
  import 'conntrack/opentelemetry';
  await (await Conntrack.open()).close();`;
const load = () => run(project, process.execPath, '--input-type=module', '--eval', LOAD);

/** The links of the documents in a folder, to files that it does not have. */
function deadLinks(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .filter(([, target]) => !existsSync(join(folder, dirname(file), target)))
        .map(([, target]) => `${file} links to ${target}, which is not shipped`),
    );
}

try {
  const tarball = run(root, 'npm', 'pack', '--silent', '--pack-destination', project).trim();
  const path = join(project, tarball.split('\n').at(-1));
  run(root, process.execPath, 'node_modules/publint/src/cli.js', path, '--strict');
  run(root, 'npx', '--no', '--', 'attw', path, '--profile', 'esm-only');

  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  run(project, 'npm', 'install', '--silent', path);
  load();
  run(project, join(project, 'node_modules/.bin/conntrack-js'), 'doctor');
  console.log('installs, loads and runs, without an install script');

  const installed = join(project, 'node_modules', 'conntrack');
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => relative(installed, join(file.parentPath, file.name)));
  const faults = faultsOf(files, { isPrebuilt: true });
  if (faults.length > 0) throw new Error(`${faults.join('\n')}\nsee tools/package-content.mjs`);
  console.log(`has the ${files.length} files of tools/package-content.mjs`);
  const dead = deadLinks(installed);
  if (dead.length > 0) throw new Error(dead.join('\n'));
  const binaries = readdirSync(join(installed, 'prebuilds'), { recursive: true })
    .filter((name) => name.endsWith('.node'))
    .map((name) => join(installed, 'prebuilds', name));
  console.log(run(root, process.execPath, 'tools/check-binary.mjs', ...binaries).trim());
  rmSync(join(installed, 'prebuilds'), { recursive: true });
  run(installed, 'npm', 'run', 'build:gyp');
  load();
  if (existsSync(join(installed, 'binding.gyp'))) throw new Error('binding.gyp is left behind');
  const binary = join(installed, 'build/Release/conntrack.node');
  console.log(run(root, process.execPath, 'tools/check-binary.mjs', binary).trim());
  console.log('builds from source where it is installed');
} finally {
  rmSync(project, { recursive: true, force: true });
}
