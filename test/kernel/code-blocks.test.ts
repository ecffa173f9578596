/** Every program that the README, the guides and the doc comments show runs, on real tables. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';
import { allCodeBlocks } from '../support/code-blocks.js';
import { nft, run } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const folder = fileURLToPath(new URL('../../out/code-blocks', import.meta.url));
const runner = fileURLToPath(new URL('../support/run-code-blocks.mjs', import.meta.url));

const RECORD = JSON.stringify({ type: 'lost', cause: 'kernel', count: 1, at: new Date(0) });

/** What they need besides, in namespaces of their own for mounts and processes. */
const PLACE = `
  ip link set lo up
  for folder in /etc /run /var/log; do mount -t tmpfs none $folder; done
  mkdir -p /etc/xtables /run/netns /run/docker/netns
  printf '1 web\\n2 new\\n3 eth0-in\\n' > /etc/xtables/connlabel.conf
  ip netns add blue && ip netns add green && ip netns add 1-abc
  [ /var/run -ef /run ] || mount --bind /run /var/run
  touch /run/docker/netns/1-abc && mount --bind /run/netns/1-abc /run/docker/netns/1-abc
  echo 4710 > /proc/sys/kernel/ns_last_pid
  unshare --net sleep 60 &
  touch table.txt
  echo '${RECORD}' > flows.ndjson
  exec "$@"`;

/** These have no server to speak to here. `kernel flow-stream` and `unit flow-exporter` have one. */
const WITHOUT_SERVER = /nats\.example\.com|4318/;
/** On Node.js 20 it is compiled where it is installed: `npm run test:sqlite`. */
const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;
const WITHOUT_SQLITE = /^(ERR_FLOW_DATABASE|ended$)/;
/** What goes on until something happens. */
const ENDLESS = /for await|writeFlows|\.listen\(/;

/** The recipes are programs of examples/, with arguments: `kernel recipes` runs them. */
const shown = allCodeBlocks().filter(({ from }) => !from.startsWith('docs/recipes/'));

const blocks = shown.map(({ from, number, code }) => ({
  name: `${from}, number ${number + 1}`,
  code,
  path: join(folder, `${from.replaceAll('/', '-')}-${number}.mjs`),
}));
const outcomes = new Map<string, string>();

function compile(code: string): string {
  const { ESNext: module } = ts.ModuleKind;
  const { ES2022: target } = ts.ScriptTarget;
  return ts.transpileModule(code, { compilerOptions: { module, target } }).outputText;
}

describeInNamespace(
  'ip',
  'nft',
  'unshare',
)('the code of the documents', () => {
  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const { code, path } of blocks) writeFileSync(path, compile(code));
    // Labels have room in entries where a rule uses them.
    nft('table ip labels { chain input { type filter hook input priority 0; ct label set 1; }; }');
    const output = run(
      'unshare',
      ...['--mount', '--pid', '--fork', '--mount-proc', 'sh', '-ec', `cd "$0"; ${PLACE}`, folder],
      ...[process.execPath, runner],
      ...blocks.flatMap(({ code, path }) => (ENDLESS.test(code) ? ['--endless', path] : [path])),
    );
    for (const line of output.trim().split('\n')) {
      const { program, outcome } = JSON.parse(line) as { program: string; outcome: string };
      outcomes.set(program, outcome);
    }
  });

  it('is there', () => {
    expect(blocks.length).toBeGreaterThan(100);
    expect(outcomes.size).toBe(blocks.length);
  });

  it.each(blocks)('runs: $name', ({ code, path }) => {
    const outcome = outcomes.get(path);
    if (code.includes('flow-log/sqlite') && !hasSqlite) expect(outcome).toMatch(WITHOUT_SQLITE);
    else if (WITHOUT_SERVER.test(code)) expect(outcome).toMatch(/^open$|nats\.example\.com|4318/);
    else if (ENDLESS.test(code)) expect(outcome).toMatch(/^(open|ended)$/);
    else expect(outcome).toBe('ended');
  });
});
