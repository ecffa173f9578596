// Where the package is tried: tools from npm, an empty project for each cell, and programs that
// run in a network namespace of their own. All of it is under out/install/.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

export const checkout = fileURLToPath(new URL('../..', import.meta.url));
export const out = join(checkout, 'out/install');

/** Where a new user has no settings. */
const home = join(out, 'home');
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm|node|init_cwd|conntrack)/i.test(name)),
);

/** What a command is put behind to have a network namespace of its own. */
export const inPrivateNetwork =
  process.getuid() === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net'];

/** What a cell reports instead of a result. */
export class Failed extends Error {}

/** Runs a command. Returns what it prints; fails where it fails, or prints anything on stderr. */
export function run(command, { cwd, env = {}, mayPrint, mayFail = false } = {}) {
  const { error, status, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout: 300_000,
    env: { ...ENVIRONMENT, HOME: home, CI: 'true', NO_COLOR: '1', ...env },
  });
  const printed = { stdout: stripVTControlCharacters(stdout ?? ''), stderr: stderr?.trim() ?? '' };
  const loud = printed.stderr !== '' && mayPrint?.test(printed.stderr) !== true;
  if (!error && (mayFail || (status === 0 && !loud))) return { status, ...printed };
  const what = error?.message ?? `exit code ${status}`;
  throw new Failed(`${command.join(' ')}: ${what}\n${printed.stdout}${printed.stderr}`);
}

/** A folder with a package of npm and what it needs, downloaded once. `wanted`: `name@version`. */
export function fetchTools(...wanted) {
  const folder = join(out, 'tools', wanted.join('+').replaceAll('/', '_'));
  const stamp = join(folder, 'complete');
  if (existsSync(stamp)) return join(folder, 'node_modules');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  // Programs for musl, too, are wanted here.
  const options = ['--force', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = spawnSync('npm', ['install', ...options, ...wanted], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Failed(`npm install ${wanted.join(' ')}\n${stderr}`);
  writeFileSync(stamp, '');
  return join(folder, 'node_modules');
}

/** The command of a tool: its file in `bin` of its package.json, for Node.js. */
export function toolOf(folder, name, program = name) {
  const manifest = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'));
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[program];
  return join(folder, name, bin);
}

export function versionOf(folder, name) {
  return JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version;
}

/** Node.js of this major version. */
export function fetchNode(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return join(
    fetchTools(`node-linux-${process.arch}@${major}`),
    `node-linux-${process.arch}/bin/node`,
  );
}

/** An empty folder of a user. */
export class Project {
  constructor(name, files = {}) {
    this.folder = join(out, 'projects', name.replaceAll(/[^\w.]+/g, '-'));
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    this.write({ 'package.json': { private: true }, ...files });
  }

  path(name) {
    return join(this.folder, name);
  }

  write(files) {
    for (const [name, content] of Object.entries(files)) {
      const path = this.path(name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    }
  }

  /** Makes tools visible to the files of the project. */
  link(modules, names) {
    for (const name of names) {
      const to = this.path(join('node_modules', name));
      mkdirSync(dirname(to), { recursive: true });
      symlinkSync(join(modules, name), to);
    }
  }

  run(command, options) {
    return run(command, { cwd: this.folder, ...options });
  }

  /** Runs a program of program.mjs in a network namespace of its own; returns what it reports. */
  tryOut(command, { mayPrint, env } = {}) {
    const { stdout } = this.run([...inPrivateNetwork, ...command], { mayPrint, env });
    const report = stdout.trim();
    if (!/^(\d+) listed, \1 deleted, \d+ events, 0 lost$/.test(report)) throw new Failed(report);
    return report;
  }

  /** Runs it where the addon is missing; returns the message. */
  tryWithout(command) {
    const { status, stderr, stdout } = this.run([...inPrivateNetwork, ...command], {
      mayFail: true,
    });
    if (status !== 0 && stderr.includes('ERR_CONNTRACK_ADDON')) return stderr;
    throw new Failed(`fails otherwise than by the addon:\n${stdout}${stderr}`);
  }
}

/** The tarball, as `npm publish` would send it. */
export function pack() {
  const options = ['--silent', '--pack-destination', out];
  const { stdout } = run(['npm', 'pack', ...options], { cwd: checkout });
  return join(out, stdout.trim().split('\n').at(-1));
}

let installed;

/** The modules of a project with the package alone, as npm installs it. */
export function installedPackage(tarball) {
  installed ??= new Project('installed');
  if (!existsSync(installed.path('node_modules'))) {
    run(['npm', 'install', '--silent', tarball], { cwd: installed.folder });
  }
  return installed;
}
