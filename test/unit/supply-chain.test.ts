/**
 * What comes with the package, and what makes it: no dependency, no script at its installation, no
 * file that nobody decided to ship, and a workflow with the least rights.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
};

describe('package.json', () => {
  it('has no dependency but the optional peers', () => {
    expect(Object.keys(manifest).filter((key) => /ependencies$/.test(key))).toEqual([
      ...['peerDependencies', 'devDependencies'],
    ]);
    const peers = Object.keys(manifest.peerDependencies);
    expect(peers).toEqual([
      ...['@nats-io/jetstream', '@nats-io/transport-node'],
      ...['@opentelemetry/api', 'better-sqlite3', 'prom-client'],
    ]);
    expect(peers.filter((name) => !manifest.peerDependenciesMeta[name]?.optional)).toEqual([]);
  });

  it('has no script that an installation runs', () => {
    const run = /^(pre|post)?(install|prepare|publish|uninstall)$|^dependencies$/;
    expect(Object.keys(manifest.scripts).filter((name) => run.test(name))).toEqual([]);
    expect(manifest).toMatchObject({ gypfile: false });
  });
});

describe('the modules that ship', () => {
  const code = readdirSync(new URL('dist/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js') && !name.startsWith('cli/'))
    .map((name) => ({
      name,
      text: read(`dist/${name}`).replace(/\/\*.*?\*\/|^\s*\/\/[^\n]*$/gms, ''),
    }));

  /** Each that an import, an export or a call names. */
  const modulesOf = (text: string) =>
    Array.from(
      text.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*["'`]([^"'`]+)["'`]/g),
      ([, name = '']) => name,
    ).filter((name) => !name.startsWith('.'));
  const all = code.flatMap(({ name, text }) => modulesOf(text).map((module) => ({ name, module })));

  it('import modules of Node.js that start no process and serve no network, and a peer', () => {
    expect([...new Set(all.map(({ module }) => module))].sort()).toEqual([
      '@nats-io/jetstream',
      '@nats-io/transport-node',
      'better-sqlite3',
      'node:crypto',
      'node:diagnostics_channel',
      'node:dns/promises',
      'node:events',
      'node:fs',
      'node:fs/promises',
      'node:module',
      'node:net',
      'node:os',
      'node:path',
      'node:process',
      'node:readline',
      'node:sqlite',
      'node:stream',
      'node:stream/promises',
      'node:timers/promises',
      'node:url',
      'node:util',
      'node:zlib',
      'prom-client',
    ]);
  });

  /** What is imported of a module, by the file that does. */
  const importsOf = (module: string) =>
    code.flatMap(({ name, text }) =>
      Array.from(text.matchAll(/\bimport\s*\{([^}]*)\}\s*from\s*["']([^"']+)["']/g))
        .filter(([, , from]) => from === module)
        .flatMap(([, clause = '']) => clause.split(','))
        .map((one) => `${name}: ${one.trim().replace(/ as .*/, '')}`),
    );

  test.each([
    ['node:net', ['isIP', 'isIPv4', 'isIPv6']],
    [
      'node:fs',
      [
        'closeSync',
        'createReadStream',
        'existsSync',
        'fstatSync',
        'openSync',
        'readFileSync',
        'readSync',
        'readdirSync',
      ],
    ],
    [
      'node:fs/promises',
      ['access', 'constants', 'open', 'readFile', 'readdir', 'readlink', 'stat'],
    ],
    ['node:dns/promises', []],
  ])('import of %s what only reads', (module, names: string[]) => {
    const others = importsOf(module)
      .filter((one) => !names.includes(one.split(': ')[1] ?? ''))
      // What writes files of records, where it is told to.
      .filter((one) => !/^flow-log\/(?:files\/|lock\.js)/.test(one));
    // The command line writes the file of `save`, and asks for the names of addresses.
    expect(others).toEqual(EXCEPTIONS[module] ?? []);
  });
});
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'node:fs/promises': ['bin/save.js: rename', 'bin/save.js: unlink'],
  'node:dns/promises': ['bin/common.js: Resolver'],
};

it('npm pack takes the files of tools/package-content.mjs', async () => {
  const { faultsOf } = (await import(new URL('tools/package-content.mjs', root).href)) as {
    readonly faultsOf: (files: readonly string[], how: { isPrebuilt: boolean }) => string[];
  };
  const packed = await promisify(execFile)(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts'],
    { cwd: fileURLToPath(root) },
  );
  const [{ files }] = JSON.parse(packed.stdout) as [
    { files: readonly { readonly path: string }[] },
  ];
  const paths = files.map(({ path }) => path);
  expect(faultsOf(paths, { isPrebuilt: false })).toEqual([]);
  expect(faultsOf([...paths.slice(1), 'docs/new.md'], { isPrebuilt: false })).toEqual([
    ...['unexpected: docs/new.md', `missing: ${paths[0] ?? ''}`],
  ]);
});

describe('.github/workflows', () => {
  const workflows = readdirSync(new URL('.github/workflows/', root)).map((name) =>
    read(`.github/workflows/${name}`).replace(/(^|\s)#.*$/gm, ''),
  );
  const [first = ''] = workflows;
  /** The block below a line, without its indentation. */
  const below = (text: string, line: string) => {
    const pattern = new RegExp(`^( *)${line}:\\n((?:\\1 +.*\\n|\\s*\\n)*)`, 'm');
    return pattern.exec(text)?.[2] ?? '';
  };
  const entries = (block: string) =>
    Object.fromEntries(
      Array.from(block.matchAll(/^ *([\w-]+): *(\S+)$/gm), ([, key = '', value]) => [key, value]),
    );

  it('is one, and none of its triggers runs code of others with rights of the repository', () => {
    expect(workflows).toHaveLength(1);
    expect(first).not.toMatch(/pull_request_target|workflow_run|permissions: *\S/);
    expect(entries(below(first, 'permissions'))).toEqual({ contents: 'read' });
  });

  it('gives the right to sign to the job that publishes alone, and no other right to write', () => {
    const jobs = below(first, 'jobs');
    const names = Array.from(jobs.matchAll(/^ {2}([\w-]+):$/gm), ([, name = '']) => name);
    const rights = names.map((name) => [name, entries(below(below(jobs, name), 'permissions'))]);
    expect(Object.fromEntries(rights)).toEqual({
      test: {},
      publish: { contents: 'read', 'id-token': 'write' },
    });
    const secrets = names.filter((name) => below(jobs, name).includes('secrets.'));
    expect(secrets).toEqual(['publish']);
    expect(below(jobs, 'publish')).toMatch(/if: startsWith\(github\.ref, 'refs\/tags\/v'\)/);
  });

  it('names each action by its commit, and leaves no token behind', () => {
    const actions = Array.from(first.matchAll(/uses: *(\S+)/g), ([, action = '']) => action);
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => !/^actions\/[\w-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
    expect(first).toMatch(/uses: actions\/checkout@\w+\s+with:\s+persist-credentials: false/);
  });
});
