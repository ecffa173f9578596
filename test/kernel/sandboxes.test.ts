/**
 * Each row of the table of docs/permissions.md, in a sandbox like that one.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';
import { type Outcome, SANDBOXES, SENTENCES } from '../support/sandboxes.js';

const packageUrl = new URL('../../dist/index.js', import.meta.url).href;

const PROGRAM = `
  import { Conntrack, listEntries, readStats, watchEvents, writeSettings } from '${packageUrl}';
  const outcomeOf = async (call) => {
    try {
      return { code: (await call()) ?? 'works' };
    } catch ({ code, message }) {
      return { code, message };
    }
  };
  console.log(JSON.stringify({
    entries: await outcomeOf(async () => void (await listEntries())),
    events: await outcomeOf(() => watchEvents().close()),
    stats: await outcomeOf(async () => (await readStats()).source),
    settings: await outcomeOf(async () => void (await writeSettings({ accounting: true }))),
    others: await outcomeOf(async () => {
      const handle = await Conntrack.open({ netns: { pid: Number(process.argv[1]) } });
      try {
        await handle.countEntries();
      } finally {
        await handle.close();
      }
    }),
  }));`;

type Told = Record<string, { readonly code: Outcome; readonly message?: string }>;

describeInNamespace(
  'setpriv',
  'unshare',
  'ip',
)('in a sandbox', () => {
  test.each(SANDBOXES)('$name', async ({ command, entries, stats, settings, others }) => {
    await using other = await OtherNetwork.create();
    const [program = '', ...args] = [
      ...command,
      ...[process.execPath, '--input-type=module', '--eval', PROGRAM, String(other.pid)],
    ];
    const told = JSON.parse(
      execFileSync(program, args, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: fileURLToPath(new URL('../../', import.meta.url)),
      }),
    ) as Told;
    const codes = Object.fromEntries(Object.entries(told).map(([name, { code }]) => [name, code]));
    expect(codes).toEqual({ entries, events: entries, stats, settings, others });
    for (const [name, code, sentence] of SENTENCES) {
      if (told[name]?.code === code) expect(told[name].message).toContain(sentence);
    }
  });

  test('every error of the table has its sentence', () => {
    const named = new Set(SENTENCES.map(([name, code]) => `${name} ${code}`));
    for (const { entries, settings, others } of SANDBOXES) {
      for (const [name, code] of Object.entries({ entries, settings, others })) {
        if (code !== 'works') expect(named).toContain(`${name} ${code}`);
      }
    }
  });
});
