import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addonError, cutOffError, layoutError } from '../../src/core/addon-errors.js';
import { adviceOf } from '../../src/core/errors.js';
import { LAYOUT_HASH } from '../../src/core/layout-hash.js';

const TARGET = `${process.platform}-${process.arch}`;
const MISSING = Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
const SOURCE = { path: '/package/build/Release/conntrack.node', error: MISSING };
const SHIPPED = { path: `/package/prebuilds/${TARGET}/conntrack.glibc.node`, error: MISSING };

let installed: string;

beforeEach(() => {
  installed = mkdtempSync(join(tmpdir(), 'conntrack-installed-'));
  writeFileSync(join(installed, 'package.json'), '{}');
});

afterEach(() => {
  rmSync(installed, { recursive: true });
});

function location({ isOverridden = false, isBundle = false, targets = [TARGET] } = {}) {
  for (const target of targets)
    mkdirSync(join(installed, 'prebuilds', target), { recursive: true });
  const packageRoot = pathToFileURL(`${installed}/`);
  const here = new URL('dist/core/load-addon.js', packageRoot).href;
  return { here, isOverridden, packageRoot: isBundle ? undefined : packageRoot };
}

it('the error has every path, the first line of its reason, and the last as cause', () => {
  const cause = new Error('not found\nRequire stack:\n- somewhere');
  const error = addonError(
    [
      { path: '/a/conntrack.node', error: 'no such thing' },
      { path: '/b/conntrack.node', error: cause },
      { path: '/c/conntrack.node', error: MISSING },
    ],
    location(),
  );
  expect(error).toMatchObject({ code: 'ERR_CONNTRACK_ADDON', operation: 'load', cause });
  expect(error.message.split('\n').slice(1, 6)).toEqual([
    '  /a/conntrack.node',
    '    no such thing',
    '  /b/conntrack.node',
    '    not found',
    '  /c/conntrack.node: does not exist',
  ]);
});

it.each<[unknown, string]>([
  [Object.assign(new Error('no'), { code: 'ERR_DLOPEN_FAILED' }), '    no'],
  [undefined, '    undefined'],
  [null, '    null'],
])('what was thrown is shown, whatever it is: %o', (error, reason) => {
  const { message } = addonError([{ path: '/a.node', error }], location());
  expect(message.split('\n').slice(1, 3)).toEqual(['  /a.node', reason]);
});

it.each([
  [
    '/a.node: cannot open shared object file: No such file',
    /^ {4}is for another processor than \w+$/,
  ],
  [
    'libc.musl-x86_64.so.1: cannot open shared object file',
    /^ {4}is for another libc \(libc\.musl/,
  ],
])('what the system says of a foreign file is explained: %s', (said, reason) => {
  const { message } = addonError([{ path: '/a.node', error: new Error(said) }], location());
  expect(message.split('\n')[2]).toMatch(reason);
});

describe('the advice', () => {
  const refused = (reason: string) => ({ ...SHIPPED, error: new Error(reason) });

  it.each([
    ['a shipped file is missing', [SOURCE, SHIPPED], {}, /^The installation is incomplete: /],
    ['no file is shipped', [SOURCE, SHIPPED], { targets: [] }, /A clone builds it with "npm run/],
    [
      'the system refuses the shipped file',
      [SOURCE, refused("version `GLIBC_2.17' not found")],
      {},
      /^Build it here with "npm explore conntrack -- npm run build:gyp", .*C\+\+17/,
    ],
    [
      'the system refuses the one, and the other is missing',
      [SOURCE, refused("version `GLIBC_2.17' not found"), SHIPPED],
      {},
      /^The installation is incomplete: /,
    ],
    [
      'the end of the shipped file is missing',
      [SOURCE, { ...SHIPPED, error: cutOffError() }],
      {},
      /^The installation is incomplete: /,
    ],
    [
      'the folder of shipped files has none',
      [SOURCE, SHIPPED],
      { targets: ['notes'] },
      /A clone builds it with "npm run/,
    ],
    [
      'the shipped file is for another processor',
      [
        SOURCE,
        refused(`${SHIPPED.path}: cannot open shared object file: No such file or directory`),
      ],
      {},
      /^The installation is incomplete: /,
    ],
    [
      'none is shipped for the platform',
      [SOURCE, SHIPPED],
      { targets: ['linux-a', 'linux-b'] },
      new RegExp(
        `^The package has binaries for linux-a and linux-b, not ${TARGET}\\. Build one with "npm explore`,
      ),
    ],
    [
      'the file system forbids programs',
      [SOURCE, refused('x.node: failed to map segment from shared object')],
      {},
      /noexec/,
    ],
    [
      'deno forbids addons',
      [SOURCE, refused('Requires ffi access to "/x.node", run again with the --allow-ffi flag')],
      {},
      /^Run deno with --allow-ffi\.$/,
    ],
    ['the variable names it', [SOURCE], { isOverridden: true }, /CONNTRACK_ADDON/],
    [
      'it is a bundle',
      [SHIPPED],
      { isBundle: true },
      new RegExp(
        `^/\\S+/dist/core/load-addon\\.js is a bundle.* prebuilds/${TARGET}/conntrack\\.<libc>\\.node beside`,
      ),
    ],
  ])('where %s', (_what, attempts, where, advice) => {
    const error = addonError(attempts, location(where));
    expect(adviceOf(error)).toMatch(advice);
    expect(error.message.endsWith(error.hint)).toBe(true);
    expect(error.message.split('\n').length).toBeLessThanOrEqual(7);
  });

  it('is about the bundle where a bundler has put the path of the package into it', () => {
    rmSync(join(installed, 'package.json'));
    expect(addonError([SHIPPED], location()).hint).toContain('is a bundle');
  });
});

describe('an addon of another version', () => {
  it('is named with both hashes', () => {
    const error = layoutError('/a/conntrack.node', '0123456789abcdef', location());
    expect(error).toMatchObject({ code: 'ERR_CONNTRACK_LAYOUT', operation: 'load' });
    for (const part of ['/a/conntrack.node', '0123456789abcdef', LAYOUT_HASH]) {
      expect(error.message).toContain(part);
    }
  });

  it.each([
    ['was built', SOURCE.path, {}, /^Delete it .*, or rebuild it with "npm explore/],
    ['was shipped', SHIPPED.path, {}, /install the package again/],
    ['is what the variable names', SOURCE.path, { isOverridden: true }, /CONNTRACK_ADDON/],
    ['is beside a bundle', '/app/conntrack.glibc.node', { isBundle: true }, /^Copy that of this/],
  ])('has advice where it %s', (_what, path, where, advice) => {
    expect(layoutError(path, undefined, location(where)).hint).toMatch(advice);
  });
});
