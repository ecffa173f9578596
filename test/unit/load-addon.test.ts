import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LAYOUT_HASH } from '../../src/core/layout-hash.js';
import { libcsOfProcess } from '../../src/core/libc.js';
import { loadAddon } from '../../src/core/load-addon.js';
import { runNode } from '../support/child.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built = process.env.CONNTRACK_ADDON || join(root, 'build/Release/conntrack.node');
const FROM_SOURCE = 'build/Release/conntrack.node';
const [LIBC] = libcsOfProcess();
const FOLDER = `prebuilds/${process.platform}-${process.arch}`;
const SHIPPED = `${FOLDER}/conntrack.${LIBC}.node`;

interface Outcome {
  opened: boolean;
  code?: string;
  operation?: string;
  message?: string;
  hint?: string;
  cause?: string;
  /** What could be imported before anything was opened. */
  names: string[];
  /** The addons that the process has loaded. */
  addons: string[];
}

/** The package as it is installed: dist/ in a folder of its own, and no addon as yet. */
let installed: string;

beforeEach(() => {
  installed = mkdtempSync(join(tmpdir(), 'conntrack-installed-'));
  cpSync(join(root, 'dist'), join(installed, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
});

afterEach(() => {
  rmSync(installed, { recursive: true });
});

function place(path: string, content?: string): string {
  const file = join(installed, path);
  mkdirSync(join(file, '..'), { recursive: true });
  if (content === undefined) cpSync(built, file);
  else writeFileSync(file, content);
  return file;
}

/** Opens a handle in a child process. */
async function open(environment: { addon?: string; platform?: string } = {}): Promise<Outcome> {
  const { addon = '', platform = process.platform } = environment;
  const program = `
    Object.defineProperty(process, 'platform', { value: ${JSON.stringify(platform)} });
    const conntrack = await import(${JSON.stringify(pathToFileURL(join(installed, 'dist/index.js')))});
    const outcome = { opened: true, names: Object.keys(conntrack) };
    try {
      await (await conntrack.Conntrack.open()).close();
    } catch ({ code, operation, message, hint, cause }) {
      Object.assign(outcome, { opened: false, code, operation, message, hint, cause: cause?.message });
    }
    const maps = (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8');
    outcome.addons = [...new Set(maps.match(/\\S+\\.node$/gm))];
    console.log(JSON.stringify(outcome));`;
  const { code, stdout, stderr } = await runNode(['--input-type=module', '--eval', program], {
    CONNTRACK_ADDON: addon,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Outcome;
}

describe('the addon', () => {
  it('is what was built from source', async () => {
    const path = place(FROM_SOURCE);
    expect(await open()).toMatchObject({ opened: true, addons: [path] });
  });

  it('is the shipped one where nothing was built', async () => {
    const path = place(SHIPPED);
    expect(await open()).toMatchObject({ opened: true, addons: [path] });
  });

  it('is what was built, not what was shipped', async () => {
    place(SHIPPED);
    const path = place(FROM_SOURCE);
    expect(await open()).toMatchObject({ opened: true, addons: [path] });
  });

  it('is not the one for another libc', async () => {
    place(SHIPPED.replace(String(LIBC), LIBC === 'musl' ? 'glibc' : 'musl'));
    expect(await open()).toMatchObject({ opened: false, addons: [] });
  });

  it('is the shipped one where the built one does not load', async () => {
    place(FROM_SOURCE, 'not a shared object');
    const path = place(SHIPPED);
    expect(await open()).toMatchObject({ opened: true, addons: [path] });
  });

  it('is what CONNTRACK_ADDON names, and nothing else', async () => {
    place(FROM_SOURCE);
    const addon = place('elsewhere/conntrack.node');
    expect(await open({ addon })).toMatchObject({ opened: true, addons: [addon] });

    const missing = join(installed, 'nowhere.node');
    const outcome = await open({ addon: missing });
    expect(outcome).toMatchObject({ opened: false, code: 'ERR_CONNTRACK_ADDON', addons: [] });
    expect(outcome.message).toContain(missing);
    expect(outcome.message).not.toContain(FROM_SOURCE);
  });

  it('is loaded once', () => {
    expect(loadAddon()).toBe(loadAddon());
  });
});

describe('in a bundle', () => {
  /** Gives the file that loads the addon another name, as a bundler does. */
  beforeEach(() => {
    const dist = join(installed, 'dist');
    for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
      const file = join(dist, name);
      if (!name.endsWith('.js')) continue;
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/load-addon.js', '/app.js'));
    }
    renameSync(join(dist, 'core/load-addon.js'), join(dist, 'core/app.js'));
  });

  it('the addon is the file beside the bundle', async () => {
    const path = place(`dist/core/conntrack.${LIBC}.node`);
    expect(await open()).toMatchObject({ opened: true, addons: [path] });
  });

  it('nothing in another folder is the addon, whoever has put it there', async () => {
    place(FROM_SOURCE);
    place(SHIPPED);
    const { hint, ...outcome } = await open();
    expect(outcome).toMatchObject({ opened: false, code: 'ERR_CONNTRACK_ADDON', addons: [] });
    expect(hint).toContain(`${join(installed, 'dist/core/app.js')} is a bundle`);
  });
});

describe('without an addon', () => {
  it('every path that was tried is named with its reason', async () => {
    const broken = place(FROM_SOURCE, 'not a shared object');
    const { opened, code, operation, message, hint, cause } = await open();
    expect({ opened, code, operation }).toEqual({
      opened: false,
      code: 'ERR_CONNTRACK_ADDON',
      operation: 'load',
    });
    const missing = join(installed, SHIPPED);
    const lines = message?.split('\n') ?? [];
    expect(lines[lines.indexOf(`  ${broken}`) + 1]).toMatch(/^ {4}.*(file too short|invalid ELF)/);
    expect(lines).toContain(`  ${missing}: does not exist`);
    expect(hint).toContain('install the package again');
    expect(cause).toContain(broken);
  });

  it('a file whose end is missing does not end the process', async () => {
    const whole = readFileSync(built);
    for (const size of [64, 1000, whole.length - 1]) {
      const path = place(SHIPPED);
      writeFileSync(path, whole.subarray(0, size));
      const { opened, message, hint } = await open();
      expect(opened).toBe(false);
      expect(message).toContain(`  ${path}\n    the end of the file is missing\n`);
      expect(hint).toContain('install the package again');
    }
  });

  it('where no file exists, each path is said once', async () => {
    const { message, cause } = await open();
    for (const path of [FROM_SOURCE, SHIPPED].map((file) => join(installed, file))) {
      expect(message?.split(path)).toHaveLength(2);
    }
    expect(cause).toBeUndefined();
  });

  it('the package can be imported', async () => {
    expect((await open()).names).toContain('listEntries');
  });
});

describe('an addon of another version', () => {
  it.each([
    ['another layout', '0123456789abcdef'],
    ['no hash of its layout', undefined],
  ])('that has %s is refused, and both hashes are named', async (_what, layoutHash) => {
    const real = place(FROM_SOURCE);
    const addon = place(
      'changed.cjs',
      `module.exports = { ...require(${JSON.stringify(real)}), layoutHash: ${JSON.stringify(layoutHash)} };`,
    );
    const outcome = await open({ addon });
    expect(outcome).toMatchObject({
      opened: false,
      code: 'ERR_CONNTRACK_LAYOUT',
      operation: 'load',
    });
    expect(outcome.message).toContain(addon);
    expect(outcome.message).toContain(String(layoutHash));
    expect(outcome.message).toContain(LAYOUT_HASH);
    expect(outcome.hint).toContain('CONNTRACK_ADDON');
  });
});

describe.each(['darwin', 'win32', 'freebsd'])('on %s', (platform) => {
  it('importing works, opening rejects', async () => {
    place(FROM_SOURCE);
    const outcome = await open({ platform });
    expect(outcome.names).toContain('listEntries');
    expect(outcome).toMatchObject({
      opened: false,
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      operation: 'load',
      addons: [],
    });
    expect(outcome.message).toContain(platform);
  });
});
