// Runs the tests of the database of flows with each engine for SQLite.
//
//   node tools/test-sqlite.mjs [better-sqlite3|node:sqlite] [what else vitest takes]
//
// node:sqlite: on this Node.js if it has it, else on Node.js 24 from npm. better-sqlite3: its binary is
// downloaded or built where it is missing; without optimization, in a third of the time.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchNode } from './install/workshop.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const ENGINES = ['better-sqlite3', 'node:sqlite'];
const isStrict = process.env.CONNTRACK_TEST_STRICT === '1';

function isLoadable() {
  const code = "new (require('better-sqlite3'))(':memory:').close()";
  return spawnSync(process.execPath, ['-e', code], { cwd: root }).status === 0;
}

/** A compiler whose last option wins over those of the package. */
function unhurried(name, compiler) {
  const path = join(root, 'out/sqlite', name);
  writeFileSync(path, `#!/bin/sh\nexec ${compiler} "$@" -O0 -g0\n`);
  chmodSync(path, 0o755);
  return path;
}

function build() {
  mkdirSync(join(root, 'out/sqlite'), { recursive: true });
  const { CC = 'cc', CXX = 'c++' } = process.env;
  const { stdout, stderr } = spawnSync('npm', ['rebuild', 'better-sqlite3'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CC: unhurried('cc', CC), CXX: unhurried('c++', CXX) },
  });
  if (!isLoadable()) throw new Error(`npm rebuild better-sqlite3:\n${stdout}${stderr}`);
}

/** The Node.js to run the tests on. */
const NODES = {
  'better-sqlite3'() {
    if (!isLoadable()) build();
    return process.execPath;
  },
  'node:sqlite'() {
    return process.getBuiltinModule('node:sqlite') ? process.execPath : fetchNode(24);
  },
};

const given = process.argv.slice(2);
const isNamed = ENGINES.includes(given[0]);
const engines = isNamed ? [given.shift()] : ENGINES;
const rest = given.filter(
  (word, index) => word !== '--project' && given[index - 1] !== '--project',
);
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
for (const engine of engines) {
  let node;
  try {
    node = NODES[engine]();
  } catch (error) {
    console.error(`${engine} [skipped: it cannot be had] ${error.message}`);
    if (isStrict) process.exitCode = 1;
    continue;
  }
  const { status } = spawnSync(
    node,
    [vitest, 'run', '--project', 'sqlite', '--passWithNoTests', ...rest],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, CONNTRACK_SQLITE_ENGINE: engine },
    },
  );
  if (status !== 0) process.exitCode = status ?? 1;
}
