/**
 * Each command of the executable, on the real kernel.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createEntries,
  createExpectation,
  flushEntries,
  listEntries,
  writeSettings,
} from 'conntrack';
import { afterAll, beforeEach, describe, expect, it, test } from 'vitest';
import { cli, EXECUTABLE, inTerminal } from '../support/command-line.js';
import { listLines } from '../support/conntrack-tool.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';

const tcp = (port: number, more: object = {}) => ({
  protocol: 'tcp' as const,
  original: {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: port,
    destinationPort: 443,
  },
  timeout: 600,
  status: ['seenReply', 'assured'] as const,
  tcp: { state: 'ESTABLISHED' as const },
  ...more,
});

const udp = (port: number, more: object = {}) => ({
  protocol: 'udp' as const,
  original: {
    source: '10.0.0.1',
    destination: '9.9.9.9',
    sourcePort: port,
    destinationPort: 53,
  },
  timeout: 600,
  ...more,
});

const jsonOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const DONE = { code: 0, stderr: '' };

describeInNamespace('conntrack', 'unshare')('the command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-cli-'));

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  beforeEach(async () => {
    await flushEntries();
    await createEntries([tcp(1), tcp(2, { mark: 7 }), udp(3)]);
  });

  describe('list', () => {
    it('prints the lines of conntrack -L', async () => {
      const { stdout, ...ended } = await cli('list');
      expect(ended).toEqual(DONE);
      const lines = (all: readonly string[]) =>
        all.map((line) => line.replace(/ (\d+) \d+ /, ' $1 T ')).sort();
      expect(lines(stdout.trimEnd().split('\n'))).toEqual(lines(listLines()));
    });

    test.each([
      ['--protocol tcp --mark 7', ['2']],
      ['--not --protocol tcp', ['3']],
      ['--mark 7 --or --protocol udp', ['2', '3']],
      ['--source-port 1-2 --state ESTABLISHED --assured yes', ['1', '2']],
      ['--address 9.9.9.0/24', ['3']],
      ['-p tcp --sport 1', ['1']],
      ['--state CLOSE', []],
    ])('%s', async (options, ports) => {
      const { stdout, ...ended } = await cli(`list ${options}`);
      expect(ended).toEqual(DONE);
      const found = Array.from(stdout.matchAll(/^.*?sport=(\d+)/gm), ([, port]) => port);
      expect(found.sort()).toEqual(ports);
    });

    it('--json prints what JSON.stringify makes of each entry', async () => {
      const { stdout, ...ended } = await cli('list --json --protocol tcp');
      expect(ended).toEqual(DONE);
      const entries = await listEntries({ protocol: 'tcp' });
      const stable = (all: readonly object[]) =>
        all.map((one) => JSON.stringify({ ...one, timeout: 0, use: 0 })).sort();
      expect(stable(jsonOf(stdout))).toEqual(
        stable(entries.map((entry) => JSON.parse(JSON.stringify(entry)) as object)),
      );
    });

    it('in a terminal it is a table', async () => {
      const { code, stdout } = await inTerminal('list --no-color --mark 7');
      expect(code).toBe(0);
      expect(stdout.split('\r\n').map((line) => line.split(/ {2,}/))).toEqual([
        expect.arrayContaining(['PROTO', 'STATE', 'SOURCE', 'DESTINATION', 'LEFT']) as unknown,
        expect.arrayContaining(['tcp', 'ESTABLISHED', '10.0.0.1:2', '10.0.0.2:443']) as unknown,
        ['1 entry'],
        [''],
      ]);
    });

    it('--limit, and the names of addresses that have none', async () => {
      const { stdout, code } = await cli('list --limit 1 --names --output extended');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^ipv4 .*src=10\.0\.0\.1 .*\n$/);
    });

    it('another network namespace', async () => {
      await using other = await OtherNetwork.create();
      const { stdout, ...ended } = await cli(`count --netns ${other.pid}`);
      expect([stdout, ended]).toEqual(['0\n', DONE]);
    });
  });

  const FLOW = [
    '--protocol tcp --source 10.0.0.1 --destination 10.0.0.2',
    '--source-port 1 --destination-port 443',
  ].join(' ');

  it('get', async () => {
    const { stdout, ...ended } = await cli(`get ${FLOW} --json`);
    expect(ended).toEqual(DONE);
    expect(jsonOf(stdout)).toMatchObject([{ original: { sourcePort: 1 } }]);
    expect(await cli(`get ${FLOW} --zone 5`)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'conntrack-js: no entry has this tuple\n',
    });
  });

  it('create', async () => {
    const line = `create ${FLOW.replace('port 1', 'port 9')} --timeout 90 --state ESTABLISHED`;
    expect(await cli(line)).toEqual({ ...DONE, stdout: '' });
    expect((await cli(line)).stderr).toMatch(/^conntrack-js: /);
    expect((await cli(line)).code).toBe(1);
    expect((await cli(`${line} --if-absent`)).code).toBe(0);
    const { stdout, code } = await cli(`${line} --or-update --mark 5 --json`);
    expect([code, jsonOf(stdout)]).toMatchObject([0, [{ mark: 5, original: { sourcePort: 9 } }]]);
  });

  it('update', async () => {
    const dry = await cli('update --mark 9 --where --mark 7 --dry-run');
    expect(dry.stdout).toMatch(/sport=2 .* mark=7/);
    const { stdout, ...ended } = await cli('update --mark 9 --timeout 50 --where --mark 7');
    expect(ended).toEqual(DONE);
    expect(stdout).toMatch(/^tcp {6}6 (50|49) ESTABLISHED .*sport=2 .* mark=9/);
    expect(await listEntries({ mark: 9 })).toHaveLength(1);
    expect(await cli('update --mark 9 --where --mark 9')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'conntrack-js: no entry matches that is not so already\n',
    });
  });

  it('delete', async () => {
    expect((await cli('delete --protocol tcp --dry-run')).stdout.match(/^tcp/gm)).toHaveLength(2);
    expect(await listEntries()).toHaveLength(3);
    const { stdout, ...ended } = await cli('delete --protocol tcp --json');
    expect(ended).toEqual(DONE);
    expect(jsonOf(stdout)).toHaveLength(2);
    expect(await listEntries()).toHaveLength(1);
    expect((await cli('delete --protocol tcp')).code).toBe(1);
    expect(await cli('delete --family ipv4')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('flush empties the table') as unknown,
    });
  });

  it('flush', async () => {
    await cli('flush --family ipv6');
    expect((await cli('flush --dry-run')).stdout.match(/^/gm)?.length).toBeGreaterThan(3);
    expect(await listEntries()).toHaveLength(3);
    expect(await cli('flush')).toEqual({ ...DONE, stdout: '' });
    await createEntries([tcp(1), udp(3)]);
    const { stdout, ...ended } = await cli('flush --json');
    expect(ended).toEqual(DONE);
    expect(
      jsonOf(stdout)
        .map(({ protocol }) => protocol)
        .sort(),
    ).toEqual(['tcp', 'udp']);
    expect(await listEntries()).toEqual([]);
    expect(await listEntries()).toEqual([]);
  });

  describe('a terminal is asked before more than a screenful goes', () => {
    beforeEach(async () => {
      await createEntries(Array.from({ length: 40 }, (_, index) => udp(1000 + index)));
    });

    test.each([
      ['n\n', 1, 41],
      ['\n', 1, 41],
      ['y\n', 0, 0],
      ['yes\n', 0, 0],
    ])('%j', async (keys, code, left) => {
      const ended = await inTerminal('delete --protocol udp', keys);
      expect(ended.code).toBe(code);
      expect(ended.stdout).toContain('delete would delete 41 entries. Go on? [y/N]');
      expect(await listEntries({ protocol: 'udp' })).toHaveLength(left);
    });

    it('but not with --yes, nor without a terminal', async () => {
      expect((await inTerminal('flush --yes')).code).toBe(0);
      expect(await listEntries()).toEqual([]);
    });

    it('without an input it wants --yes', async () => {
      const { code, stdout } = await inTerminal('flush < /dev/null');
      expect([code, stdout]).toEqual([
        1,
        'conntrack-js: flush would delete 43 entries: add --yes to do so, or --dry-run to print them\r\n',
      ]);
      expect(await listEntries()).toHaveLength(43);
    });
  });

  it('count', async () => {
    expect(await cli('count')).toEqual({ ...DONE, stdout: '3\n' });
    expect(await cli('count --json')).toEqual({ ...DONE, stdout: '{"entries":3}\n' });
    expect(await cli('count --protocol tcp')).toEqual({ ...DONE, stdout: '2\n' });
    expect(await cli('count --family ipv6')).toEqual({ ...DONE, stdout: '0\n' });
    expect(await cli('count --not --mark 7')).toEqual({ ...DONE, stdout: '2\n' });
  });

  describe('watch', () => {
    /** Starts it, and waits until it listens. */
    async function watching(...options: string[]) {
      const child = spawn(process.execPath, [EXECUTABLE, 'watch', ...options], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const outputs = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (part: string) => {
          outputs[name] += part;
        });
      }
      const closed = once(child, 'close');
      const isListening = () =>
        readFileSync('/proc/net/netlink', 'utf8')
          .split('\n')
          .some((line) => / 12 +[1-9]\d* +(?!00000000)[0-9a-f]{8} /.test(line));
      await expect.poll(isListening, { timeout: 20_000 }).toBe(true);
      return {
        outputs,
        until: async (text: string) =>
          expect.poll(() => outputs.stdout, { timeout: 20_000 }).toContain(text),
        end: async (signal?: 'SIGINT') => {
          if (signal !== undefined) child.kill(signal);
          const [code] = (await closed) as [number | null];
          return { ...outputs, code };
        },
      };
    }

    it('ends at SIGINT with a summary', async () => {
      const watch = await watching('--events', 'new,destroy', '--protocol', 'udp');
      await createEntries([udp(77)]);
      await cli('delete --source-port 77');
      await watch.until('[DESTROY]');
      const { stdout, stderr, code } = await watch.end('SIGINT');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^ {4}\[NEW\] udp .*sport=77 .*\n\[DESTROY\] udp .*sport=77 .*\n$/);
      expect(stderr).toMatch(/conntrack-js: 2 events, 0 lost\n$/);
    });

    it('--json, until --limit', async () => {
      const watch = await watching('--json', '--limit', '1');
      await createEntries([udp(78)]);
      const { stdout, code } = await watch.end();
      expect(code).toBe(0);
      expect(jsonOf(stdout)).toMatchObject([
        { type: 'new', entry: { original: { sourcePort: 78 } } },
        { type: 'end', lostInKernel: 0, lostInQueue: 0 },
      ]);
    });

    it('prints what is lost, where it is missing', async () => {
      const watch = await watching('--receive-buffer-bytes', '4096', '--max-delay', '500');
      await createEntries(Array.from({ length: 500 }, (_, index) => udp(5000 + index)));
      // What comes when the buffer is empty again comes behind every loss. Each waits for the one
      // before it: several at a time would be lost, too.
      let port = 6000;
      const isBehind = async () => {
        await createEntries([udp(port++)]);
        return watch.outputs.stdout;
      };
      await expect
        .poll(isBehind, { timeout: 20_000, interval: 1000 })
        .toMatch(/\[LOST\].*sport=6\d{3} /s);
      await watch.until(`sport=${port - 1} `);
      const { stdout, stderr } = await watch.end('SIGINT');
      const lost = Array.from(
        stdout.matchAll(/^ {3}\[LOST\] ([\d,]+) events? lost here/gm),
        ([, count = '']) => Number(count.replaceAll(',', '')),
      ).reduce((sum, count) => sum + count, 0);
      expect(lost).toBeGreaterThan(0);
      expect(stderr).toContain(`${lost} lost (kernel ${lost}, queue 0)`);
    });
  });

  it('stats', async () => {
    const { stdout, ...ended } = await cli('stats');
    expect(ended).toEqual(DONE);
    expect(stdout).toMatch(/^cpu=0 {3}\tfound=\d+ invalid=\d+ insert=\d+ /);
    expect(jsonOf((await cli('stats --json')).stdout)).toMatchObject([{ entries: 3 }]);
    expect((await inTerminal('stats --no-color')).stdout).toMatch(/COUNTER +TOTAL/);
  });

  it('save and restore', async () => {
    const file = join(folder, 'flows.ndjson');
    writeFileSync(file, 'what was there before');
    expect(await cli(`save ${file} --protocol tcp`)).toEqual({ ...DONE, stdout: '' });
    expect(jsonOf(readFileSync(file, 'utf8'))).toHaveLength(2);
    await flushEntries();
    const first = await cli(`restore ${file} --json`);
    expect(jsonOf(first.stdout)).toEqual([{ created: 2, existed: 0, failed: 0 }]);
    const { stdout } = await cli('save');
    const again = await cli('restore --json', `${stdout}{"protocol":"tpc"}\n`);
    expect(jsonOf(again.stdout)).toEqual([{ created: 0, existed: 2, failed: 1 }]);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^conntrack-js: line 3: .*'tcp'/);
  });

  it('save leaves the file alone that it cannot write', async () => {
    const file = join(folder, 'nowhere', 'flows.ndjson');
    expect(await cli(`save ${file}`)).toEqual({
      code: 1,
      stdout: '',
      stderr: `conntrack-js: open ${file}.new failed: there is no such file (ENOENT)\n`,
    });
  });

  it('expect', async () => {
    const master = { ...tcp(21).original, destinationPort: 21 };
    await createEntries([{ ...tcp(21), original: master, helper: 'ftp' }]);
    const tuple = {
      source: '10.0.0.2',
      destination: '10.0.0.1',
      sourcePort: 0,
      destinationPort: 2000,
    };
    await createExpectation({
      protocol: 'tcp',
      master,
      tuple,
      mask: { sourcePort: 0 },
      timeout: 90,
    });
    expect((await cli('expect count')).stdout).toBe('1\n');
    expect((await cli('expect')).stdout).toMatch(/proto=6 src=10\.0\.0\.2 /);
    expect(jsonOf((await cli('expect list --json --helper ftp')).stdout)).toMatchObject([
      { tuple },
    ]);
    expect((await inTerminal('expect list --no-color')).stdout).toMatch(/EXPECTED SOURCE/);
    const key = [
      '--protocol tcp --source 10.0.0.2 --destination 10.0.0.1',
      '--source-port 0 --destination-port 2000',
    ].join(' ');
    expect((await cli(`expect get ${key}`)).code).toBe(0);
    expect((await cli(`expect delete ${key}`)).code).toBe(0);
    expect((await cli('expect delete --helper ftp')).code).toBe(1);
    expect((await cli('expect lst')).stderr).toContain("did you mean 'list'?");
  });

  it('timeouts', async () => {
    const created = await cli(
      'timeouts create web --family ipv4 --protocol udp replied=100 --json',
    );
    expect(jsonOf(created.stdout)).toMatchObject([
      { kind: 'policy', name: 'web', timeouts: { replied: 100 } },
    ]);
    expect((await cli('timeouts update web replied=200')).stdout).toMatch(/replied +200/);
    expect((await cli('timeouts')).stdout).toMatch(/^udp +web \(ipv4\) +unreplied/m);
    expect((await cli('timeouts delete web')).code).toBe(0);
    expect((await cli('timeouts get web')).stderr).toBe('conntrack-js: no policy is named "web"\n');
    const set = await cli('timeouts set tcp established=86400 --json');
    expect(jsonOf(set.stdout)).toMatchObject([
      { kind: 'default', timeouts: { established: 86400 } },
    ]);
    expect((await cli('timeouts set tcp establishd=1')).stderr).toContain(
      "did you mean 'established'?",
    );
  });

  it('settings', async () => {
    await writeSettings({ accounting: false });
    const dry = await cli('settings accounting=on --dry-run');
    expect(dry.stdout).toBe('accounting: false would become true\n');
    const { stdout, ...ended } = await cli('settings nf_conntrack_acct=on events=on --json');
    expect(ended).toEqual(DONE);
    expect(jsonOf(stdout)).toEqual([
      {
        name: 'accounting',
        sysctl: 'nf_conntrack_acct',
        value: true,
        unit: 'switch',
        global: false,
      },
      { name: 'events', sysctl: 'nf_conntrack_events', value: 'on', unit: 'events', global: false },
    ]);
    expect((await cli('settings')).stdout).toMatch(/^udpTimeout +\d+ s/m);
    expect((await cli('settings acounting')).stderr).toContain("did you mean 'accounting'?");
  });

  it('pressure', async () => {
    const { stdout, ...ended } = await cli('pressure --check');
    expect(ended).toEqual(DONE);
    expect(stdout).toMatch(/^3 entries of at most [\d,]+, .*: normal\n/);
    const critical = '--elevated-at 0.000000001 --critical-at 0.000000002';
    expect((await cli(`pressure --json --check ${critical}`)).code).toBe(5);
    const watched = await cli(`pressure --watch --check --interval-ms 10 ${critical}`);
    expect(watched.code).toBe(5);
    expect(watched.stdout).toMatch(/^TIME .*\n.* 3 .*critical/);
  });

  it('diagnose', async () => {
    await writeSettings({ events: 'off' });
    const { stdout, code } = await cli('diagnose --check');
    expect(code).toBe(5);
    expect(stdout).toMatch(/^WARNING events-off\n {2}New flows send no events/);
    expect(stdout).toContain('sysctl -w net.netfilter.nf_conntrack_events=1  (now 0)');
    const json = jsonOf((await cli('diagnose --json')).stdout);
    expect(json).toContainEqual(expect.objectContaining({ code: 'events-off' }));
    await writeSettings({ events: 'on' });
  });

  it('doctor', async () => {
    const { stdout, ...ended } = await cli('doctor');
    expect(ended).toEqual(DONE);
    for (const title of ['Versions', 'Privileges', 'Kernel', 'Settings', 'Pressure', 'Findings']) {
      expect(stdout).toMatch(new RegExp(`^${title}`, 'm'));
    }
    const [report] = jsonOf((await cli('doctor --json')).stdout);
    expect(report).toMatchObject({
      versions: { node: process.versions.node },
      privileges: { tried: { 'read and change entries': { works: true } } },
      settings: { works: true },
      findings: { works: true },
    });
    // Nothing private, unless it is asked for.
    for (const told of [stdout, JSON.stringify(report)]) {
      expect(told).not.toMatch(/10\.0\.0\.\d|9\.9\.9\.9/);
    }
    expect((await cli('doctor --private')).stdout).toMatch(/sources +10\.0\.0\.1 \(3\)/);
  });

  it('-R runs lines', async () => {
    const lines = [
      '# a comment',
      '',
      '-D -p tcp',
      '-D -p tcp',
      `-A -p 200 -s 1.1.1.1 -d 2.2.2.2 -t 600`,
    ];
    const { code } = await cli('-R -', lines.join('\n'));
    expect(code).toBe(0);
    expect((await listEntries()).map(({ protocolNumber }) => protocolNumber).sort()).toEqual([
      17, 200,
    ]);
    expect(await cli('-R -', '-L --nothing 1\n-F\n')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('line 1 ends the file') as unknown,
    });
    expect((await cli('-R -', '-R x')).code).toBe(2);
    // In the namespace of the command.
    await using other = await OtherNetwork.create();
    expect((await cli(`-R - --netns ${other.pid}`, '-C\n-F\n')).stdout).toBe('0\n');
    expect(await listEntries()).toHaveLength(2);
  });
});
