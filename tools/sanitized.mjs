// Runs tests of the addon under sanitizers: AddressSanitizer and UndefinedBehaviorSanitizer, or
// ThreadSanitizer. The processes that run the tests, and the children that those start, write
// their reports into files, so that none is lost with a child.
//
//   node tools/sanitized.mjs [--threads] [PROJECT...] [-- what else vitest takes]
//
// The projects are stack and kernel unless others are named. Node.js itself is not instrumented:
// ThreadSanitizer knows nothing of its atomic variables, and reports places in Node.js against
// each other. Such a report is counted; one that has a place in the addon is a failure. Of the other
// sanitizers every report is one, except those of conntrack(8), nfct and nft.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What cannot pass under a sanitizer: a part of its name, and why. */
const LEFT_OUT = {
  'an update changes the timeout, which a newer': 'reads a timeout within a second of its change',
  'an entry lasts as long as the longest timeout': 'reads a timeout within a second of its start',
  'a process that starts under it': "docs/seccomp.json has not the sanitizer's own calls",
  'is ignored by a node with a capability': 'the dynamic loader ignores LD_PRELOAD there',
};

/** Tools that the tests start, and that crash by themselves: conntrack(8) 1.4.7 does in two ways. */
const PEERS = /^report\.(conntrack|nfct|nft)\./;

const { values, positionals, tokens } = parseArgs({
  options: { threads: { type: 'boolean' } },
  allowPositionals: true,
  tokens: true,
});
const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? Infinity;
const isGiven = ({ kind, index }) => kind === 'positional' && index > end;
const rest = tokens.filter(isGiven).map(({ value }) => value);
const named = positionals.slice(0, positionals.length - rest.length);
const projects = named.length > 0 ? named : ['stack', 'kernel'];

const tree = join(root, 'out', values.threads ? 'threads' : 'sanitized');
const reports = join(tree, 'reports');

function environment() {
  const library = values.threads ? 'libtsan.so' : 'libasan.so';
  const printed = execFileSync('g++', [`-print-file-name=${library}`], { encoding: 'utf8' });
  const common = `log_exe_name=1:log_path=${join(reports, 'report')}`;
  return {
    ...process.env,
    CONNTRACK_TEST_PRELOAD: printed.trim(),
    CONNTRACK_TEST_SANITIZED: '1',
    CONNTRACK_ADDON: join(tree, 'conntrack.node'),
    CONNTRACK_SCRIPTED_ADDON: join(tree, 'test/stack/native/scripted.node'),
    // test/lifecycle/sanitized looks for leaks: a process of vitest ends with its heap.
    ASAN_OPTIONS: `detect_leaks=0:${common}`,
    UBSAN_OPTIONS: `print_stacktrace=1:${common}`,
    // Reports of Node.js do not end a test; those of the addon fail below.
    TSAN_OPTIONS: `exitcode=0:${common}`,
  };
}

function run(args, env = process.env) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env }).status;
}

/** The reports that are there, one by one. */
function written() {
  return readdirSync(reports).flatMap((name) =>
    readFileSync(join(reports, name), 'utf8')
      .split(/^={18,}$/m)
      .filter((text) => /ERROR|WARNING|runtime error/.test(text))
      .map((text) => `${name}${text}`),
  );
}

rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
if (run(['tools/prepare.mjs', values.threads ? 'threads' : 'sanitized']) !== 0) process.exit(1);

const escaped = Object.keys(LEFT_OUT).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
const pattern = escaped.length > 0 ? ['-t', `^(?!.*(${escaped.join('|')}))`] : [];
const began = process.hrtime.bigint();
const status = run(
  ['tools/test.mjs', ...projects.flatMap((name) => ['--project', name]), ...pattern, ...rest],
  environment(),
);
const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);

const all = written();
const ours = all.filter((text) =>
  values.threads ? /\b(conntrack|scripted)\.node\b/.test(text) : !PEERS.test(text),
);
for (const report of ours) console.log(report);
for (const [name, reason] of Object.entries(LEFT_OUT)) console.log(`left out: ${name} (${reason})`);
console.log(
  `${projects.join(', ')}: ${seconds} s, tests ${status === 0 ? 'passed' : 'failed'}, ` +
    `${ours.length} reports, ${all.length - ours.length} of Node.js or a peer alone`,
);
process.exit(status === 0 && ours.length === 0 ? 0 : 1);
