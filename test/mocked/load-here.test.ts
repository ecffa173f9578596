/** Which addon a process of its own does not need a folder for: load-addon.test.ts has the others. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { LAYOUT_HASH } from '../../src/core/layout-hash.js';
import { linked } from '../support/error-link.js';

const rights = vi.hoisted(() => ({ areMore: false }));
vi.mock('../../src/core/secure-execution.js', () => ({
  isSecureExecution: () => rights.areMore,
}));
// Not a bundle, whatever a runner of tests adds to the address of a module.
vi.mock('../../src/core/own-file.js', () => ({ isOwnFile: () => true }));

let folder: string;
const built = fileURLToPath(new URL('../../build/Release/conntrack.node', import.meta.url));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conntrack-load-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rights.areMore = false;
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileOf(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Loads the addon as a process does that has the variable. */
async function load(path: string): Promise<unknown> {
  vi.stubEnv('CONNTRACK_ADDON', path);
  vi.resetModules();
  const { loadAddon } = await import('../../src/core/load-addon.js');
  const addon = loadAddon();
  // A process loads it once.
  vi.stubEnv('CONNTRACK_ADDON', join(folder, 'nowhere.node'));
  expect(loadAddon()).toBe(addon);
  return addon;
}

async function failureOf(path: string): Promise<unknown> {
  try {
    await load(path);
  } catch (error) {
    return error;
  }
  throw new Error('it was loaded');
}

describe('the addon', () => {
  it('is the one that CONNTRACK_ADDON names', async () => {
    const path = fileOf('addon.cjs', `module.exports = { layoutHash: '${LAYOUT_HASH}', own: 5 };`);
    expect(await load(path)).toMatchObject({ own: 5 });
  });

  it('is the one that was built, where the variable is empty', async () => {
    expect(await load('')).toBe(createRequire(import.meta.url)(built));
  });

  it('is not the one of the variable in a process with more rights, which warns', async () => {
    rights.areMore = true;
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const path = fileOf('evil.cjs', `module.exports = { layoutHash: '${LAYOUT_HASH}' };`);
      expect(await load(path)).toBe(createRequire(import.meta.url)(built));
      expect(warn.mock.calls).toEqual([
        [expect.stringMatching(/CONNTRACK_ADDON is ignored/), 'ConntrackWarning'],
      ]);
    } finally {
      warn.mockRestore();
    }
  });

  test.each<[string, () => string, RegExp]>([
    ['that is missing', () => join(folder, 'nowhere.node'), /nowhere\.node: does not exist/],
    [
      'that is cut off',
      () => {
        const path = join(folder, 'cut.node');
        cpSync(built, path);
        writeFileSync(path, readFileSync(path).subarray(0, 10_000));
        return path;
      },
      /cut\.node\n\s+the end of the file is missing/,
    ],
    ['that is no program', () => fileOf('text.node', 'no program'), /text\.node\n/],
  ])('of the variable %s is an error that names it alone', async (_, path, message) => {
    const error = (await failureOf(path())) as Error;
    expect(error).toMatchObject({
      code: 'ERR_CONNTRACK_ADDON',
      hint: linked(
        'ERR_CONNTRACK_ADDON',
        'The environment variable CONNTRACK_ADDON names it: correct or unset it.',
      ),
    });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('conntrack.node');
  });

  it('of another version is an error', async () => {
    const path = fileOf('other.cjs', "module.exports = { layoutHash: 'another' };");
    const error = (await failureOf(path)) as Error;
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_LAYOUT' });
    expect(error.message).toContain('the hash of its record layout is another');
  });

  it('is none on another platform', async () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
    Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' });
    try {
      expect(await failureOf('')).toMatchObject({ code: 'ERR_CONNTRACK_UNSUPPORTED' });
    } finally {
      Object.defineProperty(process, 'platform', platform);
    }
  });
});
