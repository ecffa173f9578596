/**
 * What a person sees of what goes wrong: the table of docs/command-line.md.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEntries, createEntry } from 'conntrack';
import { beforeAll, expect, it, test } from 'vitest';
import { cli, EXECUTABLE, type LineEnded, runProgram, shell } from '../support/command-line.js';
import { describeInNamespace } from '../support/requirements.js';
import { SANDBOXES } from '../support/sandboxes.js';
import { tableRows } from '../unit/documents.js';

const sandbox = (name: string): readonly string[] => {
  const found = SANDBOXES.find((one) => one.name.startsWith(name));
  if (found === undefined) throw new Error(`no sandbox is named ${name}`);
  return found.command;
};

interface Fault {
  /** As the first cell of its row. */
  readonly name: string;
  readonly act: () => Promise<LineEnded>;
  readonly code: number;
  /** The standard error: `''` for silence. */
  readonly message: string;
}

const unprivileged = sandbox('systemd: `PrivateUsers');

const FAULTS: readonly Fault[] = [
  {
    name: '`list --json \\| head -n 1`',
    act: async () => {
      const line = 'conntrack_js list --json | head -n 1; echo $PIPESTATUS';
      const { stdout, ...ended } = await shell(line);
      const [entry = '', code] = stdout.trim().split('\n');
      expect(JSON.parse(entry)).toMatchObject({ protocol: 'udp' });
      return { ...ended, stdout, code: Number(code) };
    },
    code: 141,
    message: '',
  },
  {
    name: 'a full disk: `list > /dev/full`',
    act: async () => shell('conntrack_js list > /dev/full'),
    code: 1,
    message: 'cannot write the output: the disk is full (ENOSPC)',
  },
  {
    name: 'a full disk: `save > /dev/full`',
    act: async () => shell('conntrack_js save > /dev/full'),
    code: 1,
    message: 'cannot write the output: the disk is full (ENOSPC)',
  },
  {
    name: 'no privileges: `count`',
    act: async () => shell('conntrack_js count', unprivileged),
    code: 3,
    message:
      'this process lacks CAP_NET_ADMIN in the user namespace that owns this network namespace',
  },
  {
    name: 'no privileges: `stats`, `pressure`, `settings`, `doctor`',
    act: async () => {
      const lines = ['stats', 'pressure', 'settings', 'doctor'];
      const script = lines.map((one) => `conntrack_js ${one} > /dev/null`).join(' && ');
      return shell(script, unprivileged);
    },
    code: 0,
    message: '',
  },
  {
    name: 'no netlink sockets in a sandbox: `list`',
    act: async () => shell('conntrack_js list', sandbox('systemd: `RestrictAddressFamilies')),
    code: 4,
    message: 'this process may not open netlink sockets: socket failed: EAFNOSUPPORT',
  },
  {
    name: 'an unknown option: `list --destnation-port 443`',
    act: async () => cli('list --destnation-port 443'),
    code: 2,
    message: "unknown option --destnation-port; did you mean '--destination-port'?",
  },
  {
    name: 'an unknown command: `lst`',
    act: async () => cli('lst'),
    code: 2,
    message: 'unknown command "lst"; did you mean \'list\'?',
  },
  {
    name: 'a misspelled word: `list --state ESTABLISHD`',
    act: async () => cli('list --state ESTABLISHD'),
    code: 2,
    message: '--state has no word "ESTABLISHD"; did you mean \'ESTABLISHED\'?',
  },
  {
    name: 'a misspelled field: `{"protocl":"tcp"}` in `restore`',
    act: async () => cli('restore', '{"protocl":"tcp"}\n'),
    code: 1,
    message: 'line 1: entry.protocl: unknown field',
  },
  {
    name: 'no such file: `restore nowhere`',
    act: async () => cli('restore nowhere'),
    code: 1,
    message: 'open nowhere failed: there is no such file (ENOENT)',
  },
  {
    name: 'no such namespace: `count --netns nowhere`',
    act: async () => cli('count --netns nowhere'),
    code: 1,
    message: 'no network namespace at /run/netns/nowhere',
  },
];

describeInNamespace('unshare', 'setpriv')('what goes wrong', () => {
  beforeAll(async () => {
    await createEntries(
      Array.from({ length: 3000 }, (_, index) => ({
        protocol: 'udp',
        original: {
          source: '10.0.0.1',
          destination: '10.0.0.2',
          sourcePort: 1000 + index,
          destinationPort: 53,
        },
        timeout: 600,
      })),
    );
  });

  test.each(FAULTS)('$name', async ({ act, code, message }) => {
    const ended = await act();
    expect(ended.code).toBe(code);
    const lines = ended.stderr.split('\n').filter((line) => line !== '');
    if (message === '') expect(lines).toEqual([]);
    else expect(lines[0]).toContain(`conntrack-js: ${message}`);
    // A person reads sentences.
    expect(ended.stderr).not.toMatch(/^ {4}at |node:internal|listEntries|countEntries/m);
  });

  it('the document has each of them', () => {
    const document = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
    const rows = tableRows(document, '| what | exit code | message |');
    const shown = FAULTS.map(({ name, code, message }) => [
      name,
      String(code),
      message === '' ? 'none' : `\`${message.trim()}\``,
    ]);
    const inDocument = rows.map(([name, code, message = '']) => [name, code, message]);
    expect(inDocument.filter(([name]) => !name?.startsWith('a closed terminal'))).toEqual(shown);
  });

  it('a closed terminal ends it', async () => {
    // `script` ends with its input, and closes the terminal of what still runs in it.
    const command = `trap '' HUP; '${process.execPath}' '${EXECUTABLE}' watch; echo $? > "$ENDED"`;
    const folder = mkdtempSync(join(tmpdir(), 'conntrack-cli-'));
    const ended = join(folder, 'ended');
    const line = `ENDED=${ended} timeout -s KILL 3 script --quiet --command "$0" /dev/null`;
    await runProgram('bash', ['-c', line, command]);
    const exists = () => readFileSync(ended, 'utf8');
    await expect
      .poll(
        async () => {
          await createEntry({
            protocol: 200,
            original: { source: '10.0.0.1', destination: `10.1.${port++ >> 8}.${port & 255}` },
            timeout: 60,
          });
          try {
            return exists();
          } catch {
            return 'still there';
          }
        },
        { timeout: 20_000 },
      )
      .toBe('129\n');
    rmSync(folder, { recursive: true });
  });
});

let port = 0;
