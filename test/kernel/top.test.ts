/**
 * `top` on the real kernel: its screen in a pseudo-terminal, and what it prints elsewhere.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createEntries,
  type EntrySpec,
  flushEntries,
  getEntry,
  listEntries,
  writeSettings,
} from 'conntrack';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { filtersOfText, within } from '../../src/cli/top/filter-text.js';
import { GROUPING_NAMES, groupingOf } from '../../src/cli/top/groupings.js';
import { cli } from '../support/command-line.js';
import { PROGRAM, Pty, type Size } from '../support/pty.js';
import { describeInNamespace } from '../support/requirements.js';
import { mixedSpecs } from './mixed-entries.js';

const tcp = (port: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
  protocol: 'tcp',
  original: {
    ...{ source: '10.0.0.1', destination: '10.0.0.2' },
    ...{ sourcePort: port, destinationPort: 443 },
  },
  timeout: 600,
  status: ['seenReply', 'assured'],
  tcp: { state: 'ESTABLISHED' },
  ...more,
});

const SECOND = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 1002,
  destinationPort: 443,
};

const from = (source: string, port: number) => ({
  original: { source, destination: '10.0.0.2', sourcePort: port, destinationPort: 80 },
});

/** What nobody has waited for yet has ended as well. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

const KEYS = { down: '\u001b[B', escape: '\u001b', enter: '\r', end: '\u001b[F' } as const;

describeInNamespace('unshare')('top', () => {
  const open: Pty[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-top-'));

  function run(line = '$TOP top', size?: Size, env?: NodeJS.ProcessEnv): Pty {
    const pty = Pty.open(line, size, env);
    open.push(pty);
    return pty;
  }

  beforeEach(async () => {
    await flushEntries();
    await createEntries([tcp(1001), tcp(1002), tcp(1003, from('10.0.0.9', 1003))]);
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(async (pty) => pty.close()));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const rowsOf = (screen: readonly string[]) =>
    screen.flatMap((line) => /^[ >](?:tcp|udp) .*/.exec(line) ?? []);

  const rowCount = (pty: Pty, count: number) =>
    pty.until(`${count} rows`, (screen) => rowsOf(screen).length === count);

  /** Selects the row that has a text. */
  async function select(pty: Pty, text: string): Promise<void> {
    await pty.shows(text);
    for (;;) {
      const before = pty.screen.join('\n');
      if (pty.screen.some((line) => line.startsWith('>') && line.includes(text))) return;
      pty.type(KEYS.down);
      await pty.until('other selection', (screen) => screen.join('\n') !== before);
    }
  }

  describe('the screen', () => {
    it('has pressure, flows and keys', async () => {
      const pty = run();
      await rowCount(pty, 3);
      const { screen } = pty;
      expect(screen[0]).toMatch(/^3 of [\d,]+ entries {2}\[#?\.+\] {2}0(\.0)? % normal$/);
      expect(screen[1]).toMatch(/^3 flows .* \d\d:\d\d:\d\d$/);
      expect(screen[2]).toBe('flows by bytes per second  all');
      expect(screen[3]?.trim().split(/ {2,}/)).toEqual([
        ...['PROTO', 'STATE', 'SOURCE', 'DESTINATION', '*BYTES/s', 'BYTES', 'AGE'],
      ]);
      expect(screen.at(-1)).toMatch(/^\? help {2}q quit {2}r rate/);
      expect(pty.cells(4).some(({ colour }) => colour === 2)).toBe(true);
    });

    it('follows a filter as it is typed', async () => {
      const pty = run();
      await rowCount(pty, 3);
      pty.type('/10.0.0.9');
      await rowCount(pty, 1);
      // Of a word that is not complete the filter before it stays.
      pty.type(' mar');
      await pty.shows(/filter: 10\.0\.0\.9 mar {3}"mar" is no address, port/);
      await rowCount(pty, 1);
      pty.type('k 0');
      await pty.shows(/per second {2}10\.0\.0\.9 mark 0$/);
      pty.type(KEYS.escape);
      await rowCount(pty, 3);
      pty.type('/not source 10.0.0.9\r');
      await rowCount(pty, 2);
      await pty.shows(/by bytes per second {2}not source 10\.0\.0\.9$/);
      pty.type('/\u0015\r');
      await rowCount(pty, 3);
    });

    it('begins with the conditions of its line', async () => {
      const pty = run('$TOP top --source 10.0.0.9 --or --source-port 1001');
      await rowCount(pty, 2);
      await pty.shows('--source 10.0.0.9 --or --source-port 1001');
    });

    it('groups, and goes into a group and back', async () => {
      const pty = run('$TOP top --sort flows --group source');
      await pty.shows(/^ 10\.0\.0\.1 +2 /);
      await pty.shows(/^ 10\.0\.0\.9 +1 /);
      await select(pty, '10.0.0.9');
      pty.type(KEYS.enter);
      await rowCount(pty, 1);
      await pty.shows('flows by bytes per second  --source 10.0.0.9');
      pty.type(KEYS.escape);
      await pty.shows(/^>10\.0\.0\.9 +1 /);
      for (const head of ['DESTINATION', 'SERVICE', 'STATE', 'PROTO']) {
        pty.type('g');
        await pty.until(head, (screen) => screen[3]?.startsWith(` ${head}`));
      }
      pty.type('G');
      await pty.shows(/^ tcp ESTABLISHED +3 /);
    });

    it('opens a flow, marks it, and tells its end', async () => {
      const pty = run();
      await select(pty, ':1002');
      pty.type(KEYS.enter);
      await pty.shows(/^original +10\.0\.0\.1:1002 -> 10\.0\.0\.2:443$/);
      pty.type('m0x70/0xf0\r');
      await pty.shows('tcp 10.0.0.1:1002 -> 10.0.0.2:443 has the mark 0x70');
      const marked = await getEntry({ protocol: 'tcp', original: SECOND });
      expect(marked?.mark).toBe(0x70);
      pty.type('mx\r');
      await pty.shows(/^--mark must be a number/);
      await flushEntries();
      await pty.shows('This flow has ended: what follows was read before.');
      pty.type('m1\r');
      await pty.shows(/no such entry|ENOENT|ended/i);
      pty.type(KEYS.escape);
      await pty.shows('No flow matches.');
    });

    it('cuts the flow that it has asked about, and no other', async () => {
      const pty = run();
      await select(pty, ':1002');
      pty.type('x');
      await pty.shows('cut tcp 10.0.0.1:1002 -> 10.0.0.2:443? [y/N]');
      pty.type('n');
      await pty.shows('nothing was cut');
      // What is pasted answers nothing, and is no command.
      pty.type('\u001b[200~xy\u001b[201~x\u001b[200~y\u001b[201~n');
      await pty.until('refusal', () => pty.written.split('nothing was cut').length === 3);
      expect(await listEntries()).toHaveLength(3);
      pty.type('x');
      await pty.shows('cut tcp 10.0.0.1:1002 -> 10.0.0.2:443? [y/N]');
      pty.type('y');
      await pty.shows('cut tcp 10.0.0.1:1002 -> 10.0.0.2:443');
      await rowCount(pty, 2);
      const left = (await listEntries()).map(({ original }) => original.sourcePort);
      expect(left.sort()).toEqual([1001, 1003]);
    });

    it('a flow that has ended is not cut, nor the next one on its tuple', async () => {
      const pty = run();
      await select(pty, ':1002');
      pty.type(' x');
      await pty.shows('[y/N]');
      await flushEntries();
      pty.type('y');
      await pty.shows('tcp 10.0.0.1:1002 -> 10.0.0.2:443 had ended already');
    });

    it('says what a key needs', async () => {
      const pty = run();
      await rowCount(pty, 3);
      for (const [key, text] of [
        ['x', 'select a flow first: Down'],
        [KEYS.enter, 'select a row first: Down'],
        ['f', 'only groups have a number of flows'],
      ] as const) {
        pty.type(key);
        await pty.shows(text);
      }
      pty.type('ga');
      await pty.shows('groups have no age');
      await pty.shows(/^ 10\.0\.0\.1 /);
      pty.type(`${KEYS.down}x`);
      await pty.shows('open the group first: Enter');
    });

    it('shows its keys', async () => {
      const pty = run();
      await rowCount(pty, 3);
      pty.type('?');
      await pty.shows(/^q, Ctrl-C +quit$/);
      pty.type('?');
      await rowCount(pty, 3);
    });

    it('pauses', async () => {
      const pty = run();
      await rowCount(pty, 3);
      pty.type(' ');
      await pty.shows('paused');
      await createEntries([tcp(1004)]);
      pty.type('t');
      // A key that asks for other rows reads.
      await rowCount(pty, 4);
      await pty.shows('paused');
      pty.type(' ');
      await pty.until('no pause', (screen) => !screen[1]?.includes('paused'));
    });

    it('fits every size', async () => {
      const pty = run('$TOP top', { columns: 160, rows: 50 });
      await rowCount(pty, 3);
      expect(pty.screen[3]).toContain('LEFT');
      expect(pty.screen.at(-1)).toContain('x cut');
      pty.resize({ columns: 80, rows: 10 });
      await pty.until('80 columns', (screen) => screen[3] !== '' && !screen[3]?.includes('LEFT'));
      expect(pty.screen.at(-1)).toMatch(/^\? help/);
      pty.resize({ columns: 30, rows: 5 });
      await pty.until('a wish', (screen) => screen.join('') === 'needs 40 x 8');
      pty.resize({ columns: 100, rows: 30 });
      await rowCount(pty, 3);
      expect(pty.screen).toHaveLength(30);
    });

    it('without colours there are none', async () => {
      const pty = run('$TOP top', undefined, { NO_COLOR: '1' });
      await select(pty, ':1002');
      // The one that ends what could be painted.
      const written = pty.written.replaceAll('\u001b[0m', '').split('\u001b');
      expect(written.filter((part) => /^\[\d+m/.test(part))).toEqual([]);
    });

    it('looks up names, and leaves those that have none', async () => {
      const pty = run('$TOP top --names');
      await rowCount(pty, 3);
      pty.type('q');
      expect(await pty.ended()).toBe(0);
    });
  });

  describe('rates', () => {
    let server: Server;
    const sockets: Socket[] = [];

    beforeAll(async () => {
      await writeSettings({ accounting: true, timestamps: true });
      const rules =
        'table ip top { chain c { type filter hook output priority 0; ct state new accept; }; }';
      execFileSync('nft', [rules]);
      server = createServer((socket) => socket.resume().on('error', () => undefined));
      await new Promise<void>((resolve) => server.listen(7000, '0.0.0.0', resolve));
    });

    afterAll(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      execFileSync('nft', ['delete table ip top']);
      await writeSettings({ accounting: false, timestamps: false });
    });

    /** Sends so many bytes ten times a second. */
    async function talk(localAddress: string, bytes: number): Promise<void> {
      const socket = connect({ host: '127.0.0.1', port: 7000, localAddress });
      sockets.push(socket.on('error', () => undefined));
      await new Promise((resolve) => socket.once('connect', resolve));
      const timer = setInterval(() => socket.write(Buffer.alloc(bytes)), 100);
      socket.once('close', () => {
        clearInterval(timer);
      });
    }

    it('are those of the traffic, on the screen and printed', async () => {
      await talk('127.0.0.2', 20_000);
      await talk('127.0.0.3', 2_000);
      const pty = run('$TOP top 2>&1', { columns: 120, rows: 24 });
      await pty.until('the faster flow first', (screen) => {
        const [first = '', second = ''] = rowsOf(screen);
        return (
          / 127\.0\.0\.2:.* 1[6-9]\dK|2[0-3]\dK /.test(first) && second.includes(' 127.0.0.3:')
        );
      });
      pty.type('r');
      await pty.until('those that stand still first', (screen) =>
        rowsOf(screen)[0]?.includes('10.0.0.'),
      );
      pty.type('q');
      expect(await pty.ended()).toBe(0);

      const { stdout, ...ended } = await cli('top --json --limit 1 --group source --rows 2');
      expect(ended).toEqual({ code: 0, stderr: '' });
      const refresh = JSON.parse(stdout) as Record<string, unknown>;
      expect(refresh).toMatchObject({
        ...{ flows: 5, uncounted: 0, level: 'normal' },
        rows: [{ source: '127.0.0.2', flows: 1 }, { source: '127.0.0.3' }],
      });
      const [{ bytesPerSecond = 0 } = {}] = refresh.rows as { bytesPerSecond?: number }[];
      // 200,000 bytes and their headers; timers of a busy machine are late.
      expect(bytesPerSecond).toBeGreaterThan(100_000);
      expect(bytesPerSecond).toBeLessThan(300_000);
    });

    it('of old flows come when accounting is on', async () => {
      const { stdout } = await cli('top --json --limit 1 --source 10.0.0.9');
      const [flow] = (JSON.parse(stdout) as { rows: object[] }).rows;
      expect(flow).toMatchObject({ bytesPerSecond: 0, original: { source: '10.0.0.9' } });
      expect(flow).toHaveProperty('startTime');
    });
  });

  describe('the terminal is given back', () => {
    const settings = (name: string) => readFileSync(join(folder, name), 'utf8');

    async function leaving(leave: (pty: Pty) => void, before = ''): Promise<Pty> {
      const line = `cd ${folder}; stty -a > before; ${before} $TOP top; echo "code $?"; stty -a > after`;
      const pty = run(line);
      await rowCount(pty, 3);
      expect(pty.isAlternate).toBe(true);
      leave(pty);
      await pty.ended();
      expect(pty.isAlternate).toBe(false);
      expect(pty.written.lastIndexOf('\u001b[?25h')).toBeGreaterThan(
        pty.written.lastIndexOf('\u001b[?25l'),
      );
      expect(settings('after')).toBe(settings('before'));
      return pty;
    }

    test.each([
      ['q', 'q', 0],
      ['Ctrl-C', '\u0003', 0],
    ])('after %s', async (_name, key, code) => {
      const pty = await leaving((one) => {
        one.type(key);
      });
      expect(pty.screen).toContain(`code ${code}`);
    });

    test.each([
      ['SIGTERM', 143],
      ['SIGINT', 130],
      ['SIGHUP', 129],
      ['SIGQUIT', 131],
    ] as const)('after %s, of which it dies', async (signal, code) => {
      const pty = await leaving((one) => {
        process.kill(one.pid, signal);
      });
      expect(pty.screen).toContain(`code ${code}`);
    });

    it('after a fault of its own, whose text stays', async () => {
      const fault = join(folder, 'fault.mjs');
      writeFileSync(
        fault,
        `process.on('SIGUSR2', () => { throw new Error('a fault of the test'); });`,
      );
      const pty = await leaving((one) => {
        process.kill(one.pid, 'SIGUSR2');
      }, `NODE_OPTIONS='--import ${fault}'`);
      expect(pty.screen.join('\n')).toContain('Error: a fault of the test');
    });

    it('when the terminal is closed it ends', async () => {
      const pty = run();
      await rowCount(pty, 3);
      const { pid } = pty;
      await pty.close();
      await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false);
    });

    it('while it is suspended', async () => {
      const pty = run(`cd ${folder}; PS1='$ ' bash --norc -i`);
      await pty.shows('$');
      pty.type(`stty -a > before\n`);
      pty.type(`${PROGRAM} top\n`);
      await rowCount(pty, 3);
      pty.type('\u001a');
      await pty.until(
        'the shell',
        () => !pty.isAlternate && pty.screen.some((l) => /Stopped/.test(l)),
      );
      pty.type('stty -a > after; echo done\n');
      await pty.until('an answer', (screen) => screen.includes('done'));
      expect(settings('after')).toBe(settings('before'));
      pty.type('fg\n');
      await pty.until('the flows', (screen) => pty.isAlternate && rowsOf(screen).length === 3);
      pty.type('q');
      await pty.until('the shell', () => !pty.isAlternate);
      pty.type('exit\n');
      await pty.ended();
    });

    it('without a shell that could continue it Ctrl-Z does nothing', async () => {
      const pty = run();
      await rowCount(pty, 3);
      pty.type('\u001a');
      pty.type('?');
      await pty.shows(/^q, Ctrl-C +quit$/);
    });
  });

  describe('without a terminal', () => {
    it('prints the first rows of each refresh', async () => {
      const { stdout, ...ended } = await cli('top --limit 2 --rows 2 --interval-ms 100');
      expect(ended).toEqual({ code: 0, stderr: '' });
      const blocks = stdout.split('\n\n');
      expect(blocks).toHaveLength(2);
      for (const block of blocks) {
        expect(block.trimEnd().split('\n')).toEqual([
          expect.stringMatching(/^3 of [\d,]+ entries/),
          expect.stringMatching(/^3 flows/),
          expect.stringMatching(/^PROTO +STATE +SOURCE/),
          ...Array.from({ length: 2 }, () => expect.stringMatching(/^tcp +ESTABLISHED/) as unknown),
        ]);
      }
    });

    it('what is wrong is told before anything is read', async () => {
      expect(await cli('top --sort flows')).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/--sort flows: it needs --group/) as unknown,
      });
    });

    it('TERM=dumb has no screen', async () => {
      const pty = run('$TOP top', undefined, { TERM: 'dumb' });
      await pty.shows('top needs a terminal with a cursor, and TERM is dumb');
      expect(await pty.ended()).toBe(2);
      const printed = run('$TOP top --limit 1', undefined, { TERM: 'dumb' });
      expect(await printed.ended()).toBe(0);
    });
  });

  it('the flows of a group are those that its conditions find', async () => {
    await flushEntries();
    const replied = Array.from({ length: 5 }, (_, port) =>
      tcp(port, { protocol: 'udp', status: ['seenReply'] }),
    );
    await createEntries([...mixedSpecs(1500), ...replied.map(({ tcp: _, ...spec }) => spec)]);
    const entries = await listEntries();
    expect(entries.length).toBeGreaterThan(1000);
    for (const name of GROUPING_NAMES) {
      const { of, conditions } = groupingOf(name);
      const groups = new Map<string, number[]>();
      for (const entry of entries) {
        const group = of(entry);
        groups.set(group, [...(groups.get(group) ?? []), entry.id]);
      }
      // Of the many sources some.
      for (const [group, ids] of [...groups].slice(0, 150)) {
        const filters = filtersOfText(within('', conditions(group)), new Map());
        const found = (await listEntries(filters)).map(({ id }) => id);
        expect([name, group, found.sort()]).toEqual([name, group, ids.sort()]);
      }
    }
  });
});
