// Builds what the tests load, and runs them. Kernel tests need a network namespace: root
// has that right; any other user gets it in a user namespace, where vitest then runs.
//
//   node tools/test.mjs [--project NAME]... [what else vitest takes]
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const given = process.argv.slice(2);
const { project = [] } = parseArgs({
  args: given,
  options: { project: { type: 'string', multiple: true } },
  strict: false,
}).values;

/** Ends with the first that fails. */
function run([command, ...args]) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const inUserNamespace = ['unshare', '--user', '--map-root-user', '--net', '--'];

function isAllowed([command, ...args]) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

run([process.execPath, 'tools/prepare.mjs', 'tests', ...project]);
const wrap =
  process.getuid() !== 0 && isAllowed([...inUserNamespace, 'true']) ? inUserNamespace : [];
const hasOthers = project.some((name) => name !== 'sqlite');
if (hasOthers || project.length === 0) {
  const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...given];
  run([...wrap, ...vitest, ...(hasOthers ? [] : ['--project', '!sqlite'])]);
}
// These run on a Node.js that has an engine for SQLite.
if (project.includes('sqlite') || project.length === 0) {
  run([...wrap, process.execPath, 'tools/test-sqlite.mjs', 'node:sqlite', ...given]);
}
