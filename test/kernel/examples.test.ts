import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { type Ended, runNode } from '../support/child.js';
import { somebodyListens } from '../support/event-tool.js';
import { run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const programOf = (name: string) =>
  fileURLToPath(new URL(`../../out/examples/${name}.js`, import.meta.url));

function example(name: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return runNode([programOf(name), ...args], env);
}

const clean = { code: 0, signal: null, stderr: '' };

const PROTOCOLS = ['icmp', 'icmpv6', 'tcp', 'udp'];

/** The first words of the two-line rows of the table, and the number under it. */
function tableOf(output: string): { protocols: string[]; count: number } {
  const [, table = '', count = ''] =
    /\nPROTO [^\n]*\n(.*?)\n\nawait countEntries\(\)\n(\d+)\n/s.exec(output) ?? [];
  const protocols = table
    .split('\n')
    .filter((line) => !line.startsWith(' '))
    .map((line) => line.split(' ', 1)[0] ?? '')
    .sort();
  return { protocols, count: Number(count) };
}

const folders: string[] = [];

/** A PATH with nothing but these. */
function pathWith(...tools: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-path-'));
  folders.push(folder);
  for (const tool of tools) {
    symlinkSync(run('sh', '-c', `command -v ${tool}`).trim(), join(folder, tool));
  }
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('the examples', () => {
  it('list-entries: ends in silence when nobody reads on, as in "| head -1"', async () => {
    run(built('test/support/native/populate'), 'create', '0', '20000');
    const program = programOf('list-entries');
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'] });
    const told = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await told).toBe('');
    run('conntrack', '-F');
  });

  it('first-look: real traffic, decoded', async () => {
    const { stdout, ...ended } = await example('first-look');
    expect(ended).toEqual(clean);
    const { protocols, count } = tableOf(stdout);
    expect([...new Set(protocols)]).toEqual(PROTOCOLS);
    expect(count).toBe(protocols.length);
    expect(stdout).toContain('real traffic over loopback');
    expect(stdout).toMatch(/\nnew {5}tcp {6}6 \d+ SYN_SENT src=127\.0\.0\.1 .*\[UNREPLIED\]/);
    expect(stdout).toMatch(/\nupdate {2}icmpv6 {3}58 \d+ src=::1 .*\n\nLinux /);
    expect(stdout).toMatch(
      /tcp {5}ESTABLISHED {2}127\.0\.0\.1:\d+ +127\.0\.0\.1:443 +\d+ +[\d,]{3,} {2}assured\n/,
    );
    expect(stdout).toMatch(/\n {8,}\[::1\]:53 +\[::1\]:\d+ +1 +560 {2}seenReply\n/);
    expect(stdout).toMatch(/\n {2}tcp: \{\n {4}state: 'ESTABLISHED',/);
    expect(stdout).toMatch(/\n {2}startTimeNs: \d{19}n,/);
    expect(stdout).toMatch(/\ntcp {6}6 \d+ ESTABLISHED src=.* \[ASSURED\] mark=0 .*use=\d+\n$/);
    expect(setting('count'), 'entries left behind in this namespace').toBe('0');
  });

  it.each([
    { missing: 'firewall tools', tools: ['unshare', 'ip'], says: 'apt-get install nftables' },
    { missing: 'ip', tools: ['unshare', 'nft'], says: 'apt-get install iproute2' },
  ])('first-look without $missing writes its entries', async ({ tools, says }) => {
    const { stdout, ...ended } = await example('first-look', [], { PATH: pathWith(...tools) });
    expect(ended).toEqual(clean);
    expect(stdout).toContain(says);
    expect(stdout).toContain('no packets made them');
    expect(tableOf(stdout)).toEqual({
      protocols: PROTOCOLS.flatMap((protocol) =>
        protocol.startsWith('icmp') ? [protocol] : [protocol, protocol],
      ),
      count: 6,
    });
  });

  it('first-look without ping and perl writes the ICMP entries only', async () => {
    const { stdout, ...ended } = await example('first-look', [], {
      PATH: pathWith('unshare', 'ip', 'nft'),
    });
    expect(ended).toEqual(clean);
    expect(stdout).toContain('Without ping or perl the ICMP entries are written');
    expect(tableOf(stdout).protocols).toEqual(expect.arrayContaining(PROTOCOLS));
  });

  it('first-look without unshare says what is missing', async () => {
    const { code, stdout, stderr } = await example('first-look', [], { PATH: pathWith() });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe('"unshare" is not installed; it is part of util-linux.\n');
  });

  it('first-look --host says why a table is empty', async () => {
    const { stdout, ...ended } = await example('first-look', ['--host']);
    expect(ended).toEqual(clean);
    expect(stdout).toContain('The table is empty.');
  });

  describe('with a table', () => {
    beforeAll(() => {
      trackLoopback();
      setting('acct', 1);
      const flow = ['-s', '10.0.0.5', '-d', '9.9.9.9', '--sport', '40000', '-t', '90000'];
      run('conntrack', '-I', '-p', 'udp', ...flow, '--dport', '53');
      const nat = ['--state', 'ESTABLISHED', '--src-nat', '203.0.113.1:5555'];
      run('conntrack', '-I', '-p', 'tcp', ...flow, '--dport', '443', ...nat);
    });

    it('list-entries', async () => {
      const { stdout, ...ended } = await example('list-entries');
      expect(ended).toEqual(clean);
      const [dns, web, line] = ['udp ', 'tcp 10', 'ESTABLISHED '].map((start) =>
        stdout.split('\n').find((text) => text.startsWith(start)),
      );
      expect(dns).toBe('udp 10.0.0.5 -> 9.9.9.9 0');
      expect(web).toBe('tcp 10.0.0.5 -> 9.9.9.9 0');
      expect(line).toMatch(
        /^ESTABLISHED false tcp {6}6 \d+ ESTABLISHED src=10\.0\.0\.5 .*dport=5555/,
      );
      expect(stdout).toMatch(/\n2 of 2 flows wait for an answer\n(90000|89\d{3})\n$/);
    });

    it('first-look --host shows the table', async () => {
      const { stdout, ...ended } = await example('first-look', ['--host']);
      expect(ended).toEqual(clean);
      expect(tableOf(stdout)).toEqual({ protocols: ['tcp', 'udp'], count: 2 });
      expect(stdout).toContain('sourceNat');
    });

    it.each([
      {
        name: 'watch',
        args: ['new', 'destroy'],
        shows: /^NEW {6}udp .*\nDESTROY {2}udp .*\n2 events, and 0 lost\n$/,
      },
      { name: 'flow-events', args: [], shows: /^new udp .*\ndestroy udp .*\n$/ },
    ])('$name shows what happens until Ctrl-C', async ({ name, args, shows }) => {
      expect(await watchOneFlow(name, args)).toMatch(shows);
    });

    it('nat-lookup finds who is behind an address', async () => {
      const web = ['9.9.9.9', '443'];
      expect(await example('nat-lookup', ['tcp', '203.0.113.1', '5555', ...web])).toEqual({
        ...clean,
        stdout: '10.0.0.5 port 40000\n',
      });
      expect(
        await example('nat-lookup', ['udp', '10.0.0.5', '40000', '9.9.9.9', '53']),
      ).toMatchObject({ stdout: '10.0.0.5 port 40000 (no NAT)\n' });
      expect(await example('nat-lookup', ['tcp', '203.0.113.1', '5556', ...web])).toMatchObject({
        code: 1,
        stdout: 'no such connection\n',
      });
      expect(await example('nat-lookup', ['tcp', '203.0.113.1', 'x', ...web])).toMatchObject({
        code: 2,
        stderr: 'key.reply.destinationPort: must be an integer from 0 to 65535, not NaN\n',
      });
    });

    it('nat-lookup answers each line of its input', () => {
      const web = '9.9.9.9 443';
      const lines = [`tcp 203.0.113.1 5555 ${web}`, `tcp 203.0.113.1 1 ${web}`, 'what?'];
      const { status, stdout, stderr } = spawnSync(process.execPath, [programOf('nat-lookup')], {
        input: [...lines, 'udp 10.0.0.5 x 9.9.9.9 53', 'udp 10.0.0.5 40000 9.9.9.9 53'].join('\n'),
        encoding: 'utf8',
      });
      expect(stdout.split('\n')).toEqual([
        `tcp 203.0.113.1 5555 ${web} -> 10.0.0.5 port 40000`,
        `tcp 203.0.113.1 1 ${web} -> no such connection`,
        'udp 10.0.0.5 40000 9.9.9.9 53 -> 10.0.0.5 port 40000 (no NAT)',
        '',
      ]);
      expect(stderr.split('\n')).toEqual([
        'what?: must be tcp|udp <public address> <port> <server address> <port>',
        expect.stringMatching(/^udp 10\.0\.0\.5 x .*: key\.destinationPort: must be an integer/),
        '',
      ]);
      expect(status).toBe(2);
    });

    it('nat-lookup ends in silence when nobody reads on', async () => {
      const child = spawn(process.execPath, [programOf('nat-lookup')]);
      const told = text(child.stderr);
      // It ends while there is more to read.
      child.stdin.on('error', () => undefined);
      child.stdin.write('tcp 203.0.113.1 5555 9.9.9.9 443\n'.repeat(1000));
      await once(child.stdout, 'data');
      child.stdout.destroy();
      child.stdin.write('tcp 203.0.113.1 5555 9.9.9.9 443\n'.repeat(1000));
      expect(await once(child, 'exit')).toEqual([0, null]);
      expect(await told).toBe('');
    });

    it('mirror-worker answers other threads, and tells them of its end', async () => {
      const { stdout, ...ended } = await example('mirror-worker', ['2', '0.2']);
      expect(ended).toEqual(clean);
      const [opened, ...lines] = stdout.split('\n');
      expect(opened).toMatch(/^a mirror of \d+ flows in a worker$/);
      for (const number of [1, 2]) {
        const [, found, all] =
          new RegExp(`^thread ${number}: \\d+ lookups/s, (\\d+) of (\\d+) found, `).exec(
            lines[number - 1] ?? '',
          ) ?? [];
        expect(Number(all)).toBeGreaterThan(0);
        expect(found).toBe(all);
      }
      expect(lines.slice(2)).toEqual([
        'a wrong key: key.source: must be an IPv4 or IPv6 address, not "nowhere"',
        'a lookup after terminate(): the thread of the mirror has ended',
        '',
      ]);
    });

    it('cut-flows ends the flows of an address, after NAT, too', async () => {
      const cut = (...args: string[]) => example('cut-flows', args);
      const { stdout, ...ended } = await cut('--dry-run', '203.0.113.1');
      expect(ended).toEqual(clean);
      expect(stdout).toMatch(/^tcp .* src=10\.0\.0\.5 .* dst=203\.0\.113\.1 .*\n1 flows\n$/);
      expect(await cut('203.0.113.1', 'fd00::/16')).toEqual({
        ...clean,
        stdout: '1 of 1 flows deleted\n',
      });
      expect(await cut('203.0.113.1')).toMatchObject({ stdout: '0 of 0 flows deleted\n' });
      expect(await cut('203.0.113')).toMatchObject({ code: 2 });
      expect(await cut('0.0.0.0/0')).toMatchObject({ code: 2 });
      expect(await cut()).toMatchObject({ code: 2 });
    });

    it('pressure shows how full the table is until Ctrl-C', async () => {
      const program = programOf('pressure');
      const child = spawn(process.execPath, [program, '0.05'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      let output = '';
      for await (const chunk of child.stdout.setEncoding('utf8')) {
        output += String(chunk);
        // A second one would end it at once.
        if (!child.killed && output.split('\n').length > 2) child.kill('SIGINT');
      }
      expect(output).toMatch(/^\[\.{30}\] {2}0\.0 % normal: \d+ of [\d,]+ \+0\/s\n/);
      expect(await exited).toEqual([0, null]);
      expect(await example('pressure', ['x'])).toMatchObject({
        code: 2,
        stderr: 'options.intervalMs: must be from 1 to 2147483647, not NaN\n',
      });
    });

    it('table-health', async () => {
      const { stdout, ...ended } = await example('table-health');
      expect(ended).toEqual(clean);
      expect(stdout).toMatch(/^\d+ of \d+: normal\n/);
      expect(stdout).toMatch(/\ninfo .*net\.netfilter\.nf_conntrack_timestamp 1\n/);
      expect(stdout).toMatch(/\n\d+\n$/);
    });

    it('change-entries creates, marks and deletes', async () => {
      const { stdout, ...ended } = await example('change-entries');
      expect(ended).toEqual(clean);
      expect(stdout).toMatch(
        /^udp {6}17 (60|[45]\d) src=10\.0\.0\.5 .* mark=1 use=2\n1 marked\n\d+ deleted\n$/,
      );
    });

    it('at-a-glance lists, deletes, and shows events until Ctrl-C', async () => {
      const flow = ['-s', '192.0.2.5', '-d', '9.9.9.9', '--sport', '40000', '--dport', '443'];
      run('conntrack', '-I', '-p', 'tcp', ...flow, '-t', '100', '--state', 'ESTABLISHED');
      expect(await watchOneFlow('at-a-glance')).toMatch(
        /^192\.0\.2\.5 9\.9\.9\.9 ESTABLISHED\n1 flows deleted\nnew udp .*\ndestroy udp .*\n$/,
      );
    });

    it('most-bytes finds the largest of more sources than it remembers', async () => {
      const small = Array.from({ length: 250 }, (_, index) => `127.0.1.${index + 1}`);
      await Promise.all(small.map((address) => send(address, 1)));
      // Many flows: some are read before the small ones are forgotten, some after.
      for (let flow = 0; flow < 20; flow++) await send('127.9.9.9', 1000);
      const bytes = 20 * (1000 + UDP_HEADERS);

      const { stdout, ...ended } = await example('most-bytes', ['1']);
      expect(ended).toEqual(clean);
      const [, found, tooLow] =
        /^127\.9\.9\.9 +(\d+) +\d+\.\d %\neach is too low by at most (\d+) bytes\n$/.exec(stdout) ??
        [];
      expect(Number(tooLow)).toBe(1 + UDP_HEADERS);
      expect([bytes, bytes - Number(tooLow)]).toContain(Number(found));
    });
  });
});

/** Runs a program that prints events, until it has printed the end of a flow that begins now. */
async function watchOneFlow(name: string, args: string[] = []): Promise<string> {
  setting('events', 1);
  const program = programOf(name);
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  while (!somebodyListens()) await setTimeout(5);
  const flow = ['-p', 'udp', '-s', '10.0.0.7', '-d', '9.9.9.9', '--sport', '7'];
  run('conntrack', '-I', ...flow, '--dport', '53', '-t', '100');
  run('conntrack', '-U', ...flow, '--dport', '53', '-t', '50');
  run('conntrack', '-D', ...flow, '--dport', '53');
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += String(chunk);
    if (!child.killed && /destroy/i.test(output)) child.kill('SIGINT');
  }
  return output;
}

const UDP_HEADERS = 28;

/** One datagram, on a flow of its own. It has reached a socket, and so was counted. */
async function send(from: string, bytes: number): Promise<void> {
  const sink = createSocket('udp4').bind(0, '127.0.0.1');
  const source = createSocket('udp4').bind(0, from);
  await Promise.all([once(sink, 'listening'), once(source, 'listening')]);
  source.send(Buffer.alloc(bytes), sink.address().port, '127.0.0.1');
  await once(sink, 'message');
  source.close();
  sink.close();
}
