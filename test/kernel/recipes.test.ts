/** The programs of examples/recipes, on real traffic. Those of the flow log are in test/sqlite. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  createEntry,
  type EntryJson,
  entryKey,
  flushEntries,
  listEntries,
  watchEvents,
} from 'conntrack';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { built } from '../support/built.js';
import { type Ended, runNode } from '../support/child.js';
import { type LineEnded, runProgram } from '../support/command-line.js';
import { isSlow } from '../support/emulation.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { NODE } from '../support/node-command.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';
import { exchangeUdp, openTcp } from '../support/traffic.js';

const programOf = (name: string) =>
  fileURLToPath(new URL(`../../out/examples/recipes/${name}.js`, import.meta.url));
const recipe = (name: string, ...args: string[]): Promise<Ended> =>
  runNode([programOf(name), ...args]);

/** Without CAP_NET_ADMIN. */
const refusedRecipe = (name: string): Promise<LineEnded> =>
  runProgram('setpriv', [
    ...['--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'],
    ...[...NODE, programOf(name)],
  ]);

const clean = { code: 0, signal: null, stderr: '' };
const folder = mkdtempSync(join(tmpdir(), 'conntrack-recipes-'));

/** A program that runs until it is stopped. */
class Running {
  readonly child: ChildProcess;
  output = '';
  readonly #ended: Promise<unknown[]>;

  constructor(name: string, ...args: string[]) {
    this.child = spawn(process.execPath, [programOf(name), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#ended = once(this.child, 'close');
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.output += chunk;
    });
    onTestFinished(() => {
      this.child.kill('SIGKILL');
    });
  }

  async prints(pattern: RegExp): Promise<void> {
    const timeout = isSlow ? 200_000 : 20_000;
    await expect.poll(() => this.output, { timeout, interval: 20 }).toMatch(pattern);
  }

  /** Resolves with the exit code and the signal. */
  ended(): Promise<unknown[]> {
    return this.#ended;
  }

  /** As by Ctrl-C. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<unknown[]> {
    this.child.kill(signal);
    return this.#ended;
  }
}

const SINK = 9;
/** Of an entry that the tool creates, which lives that long. */
const PORTS = ['--sport', '4000', '--dport', '53', '-t', '100'];

/** Datagrams to the sink, each on a flow of its own; resolves when they are sent. */
async function send(from: string, flows: number): Promise<void> {
  for (let flow = 0; flow < flows; flow++) {
    const socket = createSocket('udp4').bind(0, from);
    await once(socket, 'listening');
    await new Promise((resolve) => {
      socket.send('x', SINK, '127.0.0.1', resolve);
    });
    socket.close();
  }
}

/** A host of 192.0.2.0/24 and 198.51.100.0/24 beside this one, 192.0.2.1. */
async function neighbour(): Promise<OtherNetwork> {
  const other = await OtherNetwork.create();
  const pid = String(other.pid);
  run('ip', 'link', 'add', 'here', 'type', 'veth', 'peer', 'name', 'there', 'netns', pid);
  for (const address of ['192.0.2.1/24', '198.51.100.1/24'])
    run('ip', 'address', 'add', address, 'dev', 'here');
  run('ip', 'link', 'set', 'here', 'up');
  for (const address of ['192.0.2.8/24', '192.0.2.9/24', '198.51.100.7/24'])
    other.run('ip', 'address', 'add', address, 'dev', 'there');
  other.run('ip', 'link', 'set', 'there', 'up');
  return other;
}

const SEND = `
  const [from, flows] = process.argv.slice(1);
  for (let flow = 0; flow < flows; flow++) {
    const socket = require('node:dgram').createSocket('udp4');
    socket.bind(0, from, () => socket.send('x', ${SINK}, '192.0.2.1', () => socket.close()));
  }`;

/** Datagrams of a host to the sink, each on a flow of its own. */
function sendFrom(host: OtherNetwork, from: string, flows: number): void {
  host.run(process.execPath, '-e', SEND, from, String(flows));
}

/** What the program prints, of an output of kubectl. */
async function staleUdp(input: string, ...args: string[]) {
  const child = spawn(process.execPath, [programOf('stale-udp'), ...args]);
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: child.exitCode, output: stdout + stderr };
}

const WITHOUT_NET_ADMIN = ['--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'];

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
  'setpriv',
)('the recipe', () => {
  const received: string[] = [];

  beforeAll(async () => {
    run('ip', 'link', 'set', 'lo', 'up');
    trackLoopback();
    for (const name of ['acct', 'timestamp', 'events']) setting(name, 1);
    // No flow ends by itself on a slow machine.
    setting('udp_timeout', 600);
    const sink = createSocket('udp4').bind(SINK);
    sink.on('message', (_, { address }) => received.push(address));
    await once(sink, 'listening');
  });

  beforeEach(async () => {
    await flushEntries();
    received.length = 0;
  });

  test('counts: by state and protocol', async () => {
    await using _ = await openTcp({
      client: { address: '127.0.0.1', port: 40000 },
      server: { address: '127.0.0.1', port: 4443 },
    });
    await exchangeUdp({
      client: { address: '::1', port: 40000 },
      server: { address: '::1', port: 5353 },
    });
    await send('127.0.0.1', 3);
    const { stdout, ...ended } = await recipe('counts');
    expect(ended).toEqual(clean);
    expect(stdout.split('\n')).toEqual([
      '        3  udp        unreplied       ipv4',
      '        1  tcp        ESTABLISHED     ipv4',
      '        1  udp        replied         ipv6',
      '        5  in all',
      '',
    ]);
  });

  test('counts: an empty table, and a kernel that refuses', async () => {
    expect(await recipe('counts')).toEqual({
      ...clean,
      stdout: '        0  in all\n',
      stderr: 'the table is empty: see `npx conntrack doctor`\n',
    });
    const { stderr, ...ended } = await refusedRecipe('counts');
    expect(ended).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^streamEntries: this process lacks CAP_NET_ADMIN /);
    expect(stderr.match(/Grant it/g)).toHaveLength(1);
  });

  test('top-talkers: who sends now, until Ctrl-C', async () => {
    const program = new Running('top-talkers', '2', '0.3');
    await program.prints(/^watching flows: 0 so far\nSOURCE .*\n\(no flows: .* doctor.*\)\n/);
    await send('127.9.9.9', 50);
    // New flows all the time: some begin between a reading of the kernel and the lines.
    const timer = setInterval(() => void send('127.8.8.8', 5), 10);
    onTestFinished(() => {
      clearInterval(timer);
    });
    await program.prints(
      /\n(SOURCE +BYTES\/S +FLOWS\n127\.8\.8\.8 +[1-9]\d* +\d+\n127\.9\.9\.9 +0 +50\n){3}/,
    );
    expect(program.output.match(/no flows/g)).toHaveLength(1);
    expect(program.output).not.toContain('nf_conntrack_acct');
    clearInterval(timer);
    for (const flows of [1, 2]) {
      setting('acct', 0);
      await send('127.9.9.9', 1);
      setting('acct', 1);
      await program.prints(new RegExp(`flows without counters: ${flows}\\. Set `));
      // It is printed once.
      await program.prints(/flows without counters: \d+\..*\n(SOURCE .*\n(127.*\n){2}){2}SOURCE/);
    }
    expect(await program.stop()).toEqual([0, null]);
    expect(program.output).toMatch(/\ncounted: [1-9]\d* bytes in \d+ s\n$/);
  });

  test('top-talkers: SIGTERM before the first reading, and a kernel that refuses', async () => {
    const program = new Running('top-talkers', '2', '1000');
    await program.prints(/^watching/);
    expect(await program.stop('SIGTERM')).toEqual([0, null]);
    expect(program.output).toMatch(/^watching flows: 0 so far\ncounted: 0 bytes in \d+ s\n$/);
    const { stderr, ...ended } = await refusedRecipe('top-talkers');
    expect(ended).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^watchEvents: this process lacks CAP_NET_ADMIN /);
    expect(stderr.match(/Grant it/g)).toHaveLength(1);
  });

  test('new-flows: those of the network, for a while', async () => {
    const file = join(folder, 'new-flows.jsonl');
    const program = new Running('new-flows', '127.8.0.0/16', isSlow ? '30' : '1.5', file);
    await program.prints(/^recording for [\d.]+ s: new flows of 127\.8\.0\.0\/16 into \S+\n$/);
    await send('127.8.8.8', 20);
    await send('127.9.9.9', 20);
    const flows = await listEntries({ original: { source: '127.8.8.8' } });
    expect(await program.ended()).toEqual([0, null]);
    expect(program.output).toMatch(/\nflows: 20, events lost: 0\n$/);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as EntryJson);
    // An event and a list have one key for a flow.
    expect(entries.map(entryKey).sort()).toEqual(flows.map(entryKey).sort());

    expect(await recipe('new-flows', '127.8.0.0/16', '1', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${file} exists: name another file`) as string,
    });
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toEqual(lines);
  });

  test('new-flows: until Ctrl-C, with all that began before', async () => {
    const file = join(folder, 'interrupted.jsonl');
    const program = new Running('new-flows', '10.0.0.0/8', '600', file);
    await program.prints(/^recording/);
    // It wakes up to find the signal together with the events.
    program.child.kill('SIGSTOP');
    // Every other one is IPv6.
    run(built('test/support/native/populate'), 'create', '0', '10000');
    const stopped = program.stop();
    program.child.kill('SIGCONT');
    expect(await stopped).toEqual([0, null]);
    expect(program.output).toMatch(/\nflows: 5000, events lost: 0\n$/);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(5000);
  });

  test('entryKey(): a list, each event and a lookup have one key for a flow', async () => {
    await using events = watchEvents();
    const created = await createEntry({
      protocol: 'udp',
      original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 },
      timeout: 60,
      zone: 5,
    });
    const listed = await listEntries();
    await flushEntries();
    const keys = [entryKey(created), ...listed.map(entryKey)];
    for await (const event of events) {
      if ('entry' in event) keys.push(entryKey(event.entry));
      if (event.type === 'destroy') break;
    }
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
  });

  test('table-alert: raised, sent and over', async () => {
    const alerts: unknown[] = [];
    const server = createServer((request, response) => {
      void json(request).then((alert) => {
        alerts.push(alert);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/`;
    const most = Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'));
    const entries = Math.ceil(0.02 * most);
    const program = new Running('table-alert', '--interval', '0.5', '1', url);
    await program.prints(/^watching: an alert from 1 % on\n/);
    run(built('test/support/native/populate'), 'create', '0', String(entries));
    await program.prints(/\nALERT elevated: \d+ of \d+ entries \(\d\.\d %\)/);
    await flushEntries();
    await program.prints(/\nover: \d+ of \d+ entries \(\d\.\d %\)\n/);
    await expect.poll(() => alerts.at(-1)).toMatchObject({ isRaised: false, level: 'normal' });
    // The table may be growing before.
    expect(alerts.at(-2)).toMatchObject({ isRaised: true, level: 'elevated', maxEntries: most });
    server.close();
    await program.stop();
  });

  test('table-alert: reports what gets worse, and sends it until it is accepted', async () => {
    const sample = { entries: 900, maxEntries: 1000, utilization: 0.9, level: 'normal' };
    const samples = [
      sample,
      { ...sample, secondsUntilFull: 81 },
      { ...sample, level: 'elevated', secondsUntilFull: 70 },
      { ...sample, level: 'elevated' },
      { ...sample, level: 'critical', dropped: { total: 0, delta: 0 } },
      { ...sample, level: 'critical', dropped: { total: 3, delta: 3 } },
      { ...sample, level: 'critical', dropped: { total: 5, delta: 2 } },
      { ...sample, level: 'elevated' },
      sample,
      sample,
    ];
    let requests = 0;
    const accepted: object[] = [];
    const server = createServer((request, response) => {
      requests++;
      // Of the first alert.
      if (requests === 1) {
        response.destroy();
        return;
      }
      response.statusCode = requests === 2 ? 301 : 204;
      response.setHeader('Location', '/alerts/');
      void json(request).then((alert) => {
        if (response.statusCode === 204) accepted.push(alert as object);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { stdout, stderr, code } = await runNode([
      ...['--import', withSamples(samples), programOf('table-alert')],
      ...['70', `http://127.0.0.1:${port}/`],
    ]);
    expect(code).toBe(0);
    const filled = '900 of 1000 entries (90.0 %)';
    expect(stdout.split('\n')).toEqual([
      'watching: an alert from 70 % on',
      `ALERT growing: ${filled}, full in 81 s`,
      `ALERT elevated: ${filled}, full in 70 s`,
      `ALERT critical: ${filled}`,
      `ALERT dropping: ${filled}, packets dropped: 3`,
      `over: ${filled}`,
      '',
    ]);
    expect(stderr).toMatch(/^the alert is sent again: .+\nthe alert is sent again: .* 301\n$/);
    const numbers = { entries: 900, maxEntries: 1000 };
    expect(accepted).toEqual([
      { isRaised: true, level: 'growing', reasons: [filled, 'full in 81 s'], ...numbers },
      { isRaised: true, level: 'elevated', reasons: [filled, 'full in 70 s'], ...numbers },
      { isRaised: true, level: 'critical', reasons: [filled], ...numbers },
      { isRaised: true, level: 'dropping', reasons: [filled, 'packets dropped: 3'], ...numbers },
      { isRaised: false, level: 'normal', reasons: [filled], ...numbers },
    ]);
    const wrong = [
      ['0'],
      ['80%'],
      ['70', 'example.com'],
      ['70', 'http://name@127.0.0.1/'],
      ['70', 'http://127.0.0.1/', 'more'],
      ['--interval', '2592000'],
    ];
    for (const args of wrong) {
      const ended = await recipe('table-alert', ...args);
      expect({ args, ...ended }).toMatchObject({ args, code: 2, stdout: '' });
      expect(ended.stderr).toMatch(/^.+\nusage: table-alert .*\n$/);
    }
  });

  test('end-container-flows: on the host by address, and in the container', async () => {
    await using container = await OtherNetwork.create();
    const flow = ['-I', '-p', 'udp', '-s', '10.0.0.5', '-d', '9.9.9.9', ...PORTS];
    run('conntrack', ...flow, '--src-nat', '203.0.113.1:5555');
    run('conntrack', ...flow.map((word) => word.replace('10.0.0.5', '10.0.0.6')));
    container.run('conntrack', ...flow);

    const pid = String(container.pid);
    const { stdout, ...ended } = await recipe('end-container-flows', '--pid', pid, '10.0.0.5');
    expect(ended).toEqual(clean);
    expect(stdout).toMatch(
      /^udp .*src=10\.0\.0\.5 .*dst=203\.0\.113\.1 .*\ndeleted on the host: 1\ndeleted in the container: 1\n$/,
    );
    const left = await listEntries({ address: '10.0.0.0/8' });
    expect(left.map(({ original }) => original.source)).toEqual(['10.0.0.6']);
    expect(container.run('conntrack', '-L', '-p', 'udp')).toBe('');

    const none = await recipe('end-container-flows', '10.0.0.5', 'fd00::5');
    expect(none).toEqual({
      ...clean,
      stdout:
        'deleted on the host: 0\nno flow has such an address: is it the one of the container?\n',
    });
  });

  test('end-container-flows: deletes nothing where an argument is wrong', async () => {
    run('conntrack', '-I', '-p', 'udp', '-s', '10.0.0.6', '-d', '9.9.9.9', ...PORTS);
    const flow = '10.0.0.6';
    const usage = /^.+\nusage: end-container-flows \[--pid <pid>\] \[<address> \.\.\.\]\n$/;
    const wrong: [number, RegExp, ...string[]][] = [
      [2, usage],
      [2, usage, flow, 'web'],
      [2, usage, '10.0.0.0/8'],
      [2, usage, '--pid', 'abc', flow],
      [2, usage, '--pid', '0', flow],
      [2, usage, '--port', '5', flow],
      [1, /^there is no process 4194305: pass the pid .*\n$/, '--pid', '4194305', flow],
      [
        ...([1, /^process \d+ has no network namespace of its own: name addresses\n$/] as const),
        ...['--pid', String(process.pid), flow],
      ],
    ];
    for (const [code, stderr, ...args] of wrong) {
      const ended = await recipe('end-container-flows', ...args);
      expect({ args, ...ended }).toMatchObject({ args, code, stdout: '' });
      expect(ended.stderr).toMatch(stderr);
    }
    expect(await listEntries({ address: flow })).toHaveLength(1);
  });

  test('behind-nat: the host that has the public address and port now', async () => {
    nft(`table ip nat { chain postrouting {
      type nat hook postrouting priority 100;
      ip saddr 127.0.7.0/24 udp dport 5353 snat to 127.0.0.99:61000;
    }
    }`);
    onTestFinished(() => {
      nft('delete table ip nat');
    });
    await exchangeUdp({
      client: { address: '127.0.7.7', port: 4000 },
      server: { address: '127.0.0.1', port: 5353 },
    });
    const { stdout, ...ended } = await recipe('behind-nat', '127.0.0.99', '61000');
    expect(ended).toEqual(clean);
    expect(stdout).toMatch(/^udp 127\.0\.7\.7 4000 -> 127\.0\.0\.1 5353 \d{4}-.*Z - open\n$/);
    // Another host may have the same port towards another server.
    await exchangeUdp({
      client: { address: '127.0.7.8', port: 5000 },
      server: { address: '127.0.0.2', port: 5353 },
    });
    const both = await recipe('behind-nat', '127.0.0.99', '61000');
    expect(both.stdout.split('\n').sort()).toMatchObject([
      '',
      expect.stringMatching(/^udp 127\.0\.7\.7 4000 -> 127\.0\.0\.1 5353 /),
      expect.stringMatching(/^udp 127\.0\.7\.8 5000 -> 127\.0\.0\.2 5353 /),
    ]);
    const ago = new Date(Date.now() - 3_600_000).toISOString();
    expect(await recipe('behind-nat', '127.0.0.99', '61000', ago)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'no flow found in the table, which has no past: name a database, too\n',
    });
    // The server itself: nobody has translated it, and an IPv4 address may come as IPv6 writes it.
    const own = await recipe('behind-nat', '::ffff:127.0.0.3', '6000');
    expect(own).toMatchObject({ code: 1, stderr: 'no flow found in the table\n' });
    await exchangeUdp({
      client: { address: '127.0.0.3', port: 6000 },
      server: { address: '127.0.0.1', port: 7 },
    });
    expect((await recipe('behind-nat', '::ffff:127.0.0.3', '6000')).stdout).toMatch(
      /^udp 127\.0\.0\.3 6000 -> .* - open \(not translated\)\n$/,
    );
    const nowhere = join(folder, 'nowhere.db');
    const missing = await recipe('behind-nat', '127.0.0.99', '61000', ago, nowhere);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toMatch(/^the database of flows .*nowhere\.db cannot be opened: /m);
    expect(missing.stderr).not.toMatch(/^\s+at /m);
  });

  test('behind-nat: wrong arguments, and an IPv6 address in any spelling', async () => {
    const wrong = [
      [],
      ['127.0.0', '61000'],
      ['127.0.0.99', '61o05'],
      ['127.0.0.99', '65536'],
      ['127.0.0.99', '61000', '2026-11-27T08:30'],
      ['127.0.0.99', '61000', 'flows.db'],
      ['127.0.0.99', '61000', '2026-11-27T08:30Z', 'flows.db', 'more'],
    ];
    for (const args of wrong) {
      const { code, stdout, stderr } = await recipe('behind-nat', ...args);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).toMatch(/^.+\nusage: behind-nat .*\n$/);
    }
    await exchangeUdp({
      client: { address: '::1', port: 40000 },
      server: { address: '::1', port: 5353 },
    });
    expect((await recipe('behind-nat', '0:0::0001', '40000')).stdout).toMatch(
      /^udp ::1 40000 -> ::1 5353 /,
    );
  });

  test('rate-limit: who begins too many flows is blocked, but for those that are spared', async () => {
    await using other = await neighbour();
    // It switches tracking on itself.
    nft('delete table inet track');
    onTestFinished(trackLoopback);
    const program = new Running('rate-limit', '10', '198.51.100.0/24');
    await program.prints(/^watching: a source may begin 10 flows in a second\n/);
    // The machine itself: loopback, and its address.
    await send('127.8.8.8', 40);
    await send('192.0.2.1', 40);
    sendFrom(other, '198.51.100.7', 40);
    sendFrom(other, '192.0.2.9', 5);
    sendFrom(other, '192.0.2.8', 40);
    await program.prints(/\n192\.0\.2\.8 is blocked for 60 s\n/);
    expect(program.output.match(/is blocked/g)).toHaveLength(1);
    expect(run('nft', 'list', 'set', 'inet', 'rate_limit', 'ipv4')).toMatch(
      /elements = \{ 192\.0\.2\.8 timeout 1m expires \S+ \}/,
    );
    received.length = 0;
    sendFrom(other, '192.0.2.8', 1);
    sendFrom(other, '192.0.2.9', 1);
    // Whoever is in the set: nothing on the loopback device is dropped.
    nft('add element inet rate_limit ipv4 { 127.8.8.8 }');
    await send('127.8.8.8', 1);
    await expect.poll(() => received).toEqual(['192.0.2.9', '127.8.8.8']);

    expect(await recipe('rate-limit', '10')).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(
        /^nft: .*File exists\n.*\n {2}nft delete table inet rate_limit\n$/,
      ) as string,
    });
    expect(await program.stop()).toEqual([0, null]);
    expect(program.output).toMatch(/\nblocks: 1\n$/);
    expect(run('nft', 'list', 'tables')).not.toContain('rate_limit');
  });

  test('rate-limit: ends when its table has gone, and without nft', async () => {
    await using other = await neighbour();
    const tables = () => run('nft', 'list', 'tables');
    // Where it was the last one that made the kernel track, no event comes any more.
    for (const isTracked of [true, false]) {
      const running = recipe('rate-limit', '10');
      await expect.poll(tables).toContain('rate_limit');
      if (isTracked) nft('delete table inet rate_limit');
      else nft('flush ruleset');
      sendFrom(other, '192.0.2.8', 40);
      expect(await running).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /^nft: .*\nSomething else has removed the table .*\n$/,
        ) as string,
      });
      expect(tables()).not.toContain('rate_limit');
    }
    trackLoopback();
    const { code, stderr } = await runNode([programOf('rate-limit'), '10'], { PATH: folder });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'nft does not start (spawnSync nft ENOENT): install nftables\n',
    });
  });

  test('stale-udp: exactly the flows whose endpoint has gone', async () => {
    nft(`table ip nat { chain output {
      type nat hook output priority -100;
      ip daddr 10.96.0.10 udp dport 53 udp sport < 40002 dnat to 127.0.1.1:5353;
      ip daddr 10.96.0.10 udp dport 53 dnat to 127.0.1.2:5353;
      ip daddr 127.0.0.5 udp dport 30053 dnat to 127.0.1.1:5353;
    }
    }`);
    run('ip', 'route', 'add', '10.96.0.0/16', 'dev', 'lo', 'src', '127.0.0.1');
    onTestFinished(() => {
      nft('delete table ip nat');
    });
    const ask = (port: number, endpoint: string, to: { address: string; port: number }) =>
      exchangeUdp({
        client: { address: '127.0.0.1', port },
        server: { address: endpoint, port: 5353 },
        to,
      });
    const service = { address: '10.96.0.10', port: 53 };
    await ask(40001, '127.0.1.1', service);
    await ask(40002, '127.0.1.2', service);
    await ask(40003, '127.0.1.1', { address: '127.0.0.5', port: 30053 });
    // These are no business of the service: the endpoint itself, and another server with that port.
    await ask(40004, '127.0.1.1', { address: '127.0.1.1', port: 5353 });
    await exchangeUdp({
      client: { address: '127.0.0.1', port: 40005 },
      server: { address: '127.0.0.6', port: 30053 },
    });
    const portsLeft = async () =>
      (await listEntries({ protocol: 'udp' })).map(({ original }) => original.sourcePort).sort();
    expect(await portsLeft()).toEqual([40001, 40002, 40003, 40004, 40005]);

    const stale = async (serving: readonly string[], ...args: string[]) =>
      (await staleUdp(JSON.stringify(clusterWith(serving)), ...args)).output;
    expect(await stale([], '--delete')).toBe('stale flows deleted: 0\n');
    expect(await stale(['127.0.1.2'])).toMatch(/^(udp .*\n){2}stale flows: 2\n$/);
    expect(await stale(['127.0.1.2'], '--dryrun')).toMatch(/^Unknown option '--dryrun'\nusage: /);
    expect(await portsLeft()).toHaveLength(5);
    expect(await stale(['127.0.1.1', '127.0.1.2'], '--delete')).toBe('stale flows deleted: 0\n');
    expect(await stale(['127.0.1.2'], '--delete')).toMatch(
      /^(udp .*\n){2}stale flows deleted: 2\n$/,
    );
    expect(await portsLeft()).toEqual([40002, 40004, 40005]);
  });

  test.each([
    ['', 'no JSON on standard input: did kubectl fail?'],
    ['{"items":', 'standard input is no JSON: Unexpected end of JSON input'],
    ['{"kind":"Service"}', 'no Service in a list on standard input: use kubectl get '],
    [
      '{"items":[{"kind":"Service"}]}',
      'no EndpointSlice in a list on standard input: use kubectl ',
    ],
  ])('stale-udp: deletes nothing for %j', async (input, why) => {
    const { code, output } = await staleUdp(input, '--delete');
    expect(code).toBe(1);
    expect(output.split('\n')).toEqual([expect.stringContaining(why), '']);
  });

  test.each([
    ['new-flows'],
    ['new-flows', '10.0.0.1/8'],
    ['new-flows', '10.0.0.0/8', 'abc'],
    ['new-flows', '10.0.0.0/8', '3000000'],
    ['new-flows', '10.0.0.0/8', '1', 'file', 'file'],
    ['rate-limit', 'x'],
    ['rate-limit', '2.5'],
    ['rate-limit', '10', '10.0.0.1/8'],
    ['rate-limit', '10', '--spare'],
    ['stale-udp', 'list.json'],
  ])('%s %s %s %s: wrong arguments', async (name, ...args) => {
    expect(await recipe(name, ...args)).toEqual({
      code: 2,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^.+\nusage: .*\\b${name} `)) as string,
    });
  });

  test.each([
    ['new-flows', '10.0.0.0/8', '1', join(folder, 'forbidden')],
    ['rate-limit', '10'],
    ['stale-udp'],
  ])('%s without CAP_NET_ADMIN says what to do', async (...command) => {
    const [name = '', ...args] = command;
    const program = [process.execPath, programOf(name), ...args];
    const child = spawn('setpriv', [...WITHOUT_NET_ADMIN, ...program], { stdio: 'pipe' });
    child.stdin.end(JSON.stringify(clusterWith(['127.0.1.1'])));
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect(child.exitCode).toBe(1);
    expect(stderr).toMatch(/^\w+: this process lacks CAP_NET_ADMIN .*\nGrant it /);
    expect(stderr).not.toContain(' at ');
  });

  const TALKERS = 'top-talkers [how many] [seconds between two readings]';
  const FASTIFY = 'exporter-fastify [port]';
  const EXPRESS = 'exporter-express [port]';
  test.each<[usage: string, wrong: string[][]]>([
    ['counts', [['x']]],
    [TALKERS, [['x'], ['1.5'], ['1', '0'], ['1', '2147484'], ['1', '1', '1']]],
    [FASTIFY, [['1e3'], ['65536'], ['0', '1']]],
    [EXPRESS, [['1e3'], ['65536'], ['0', '1']]],
  ])('%s: wrong arguments', async (usage, wrong) => {
    const [name = ''] = usage.split(' ');
    const ended = await Promise.all(wrong.map((args) => recipe(name, ...args)));
    const refused = { code: 2, signal: null, stdout: '', stderr: `usage: ${usage}\n` };
    expect(ended).toEqual(wrong.map(() => refused));
  });

  test.each(['fastify', 'express'])('exporter-%s: metrics for Prometheus', async (framework) => {
    await send('127.0.0.1', 7);
    const program = new Running(`exporter-${framework}`, '0');
    await program.prints(/^http:\/\/127\.0\.0\.1:\d+\/metrics\n$/);
    const response = await fetch(program.output.trim());
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    // The connection of the scrape is one more.
    expect(await response.text()).toMatch(/\nnode_nf_conntrack_entries 8\n/);
    const { port } = new URL(program.output);
    const taken = `listen EADDRINUSE: address already in use 127.0.0.1:${port}`;
    expect(await recipe(`exporter-${framework}`, port)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `${taken}: name another port\n`,
    });
    expect(await program.stop('SIGTERM')).toEqual([0, null]);
  });
});

/** To import before a program: then `watchPressure()` of the package returns these. */
function withSamples(samples: readonly object[]): string {
  const moduleOf = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  const watcher = moduleOf(
    `export async function* watchPressure() { yield* ${JSON.stringify(samples)}; }`,
  );
  const hooks = moduleOf(
    `export const resolve = (specifier, context, next) => specifier === 'conntrack'
      ? { url: ${JSON.stringify(watcher)}, shortCircuit: true } : next(specifier, context);`,
  );
  return moduleOf(`import { register } from 'node:module'; register(${JSON.stringify(hooks)});`);
}

/** What kubectl prints of a service for DNS, with two endpoints. */
function clusterWith(serving: readonly string[]): object {
  const endpoints = ['127.0.1.1', '127.0.1.2'].map((address) => ({
    addresses: [address],
    conditions: { ready: serving.includes(address), serving: serving.includes(address) },
  }));
  const named = { namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } };
  return {
    kind: 'List',
    items: [
      {
        kind: 'Service',
        metadata: { namespace: 'kube-system', name: 'kube-dns' },
        spec: {
          clusterIPs: ['10.96.0.10', 'fd00::10'],
          ports: [
            { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053 },
            { name: 'dns-tcp', protocol: 'TCP', port: 53 },
          ],
        },
        status: { loadBalancer: {} },
      },
      {
        kind: 'EndpointSlice',
        metadata: { ...named, name: 'kube-dns-1' },
        ports: [{ name: 'dns', port: 5353 }],
        endpoints,
      },
      // Of others, and of a service without a selector.
      {
        kind: 'EndpointSlice',
        metadata: { ...named, namespace: 'web', name: 'x' },
        endpoints: null,
      },
      {
        kind: 'Service',
        metadata: { namespace: 'web', name: 'y' },
        spec: { clusterIPs: ['None'] },
      },
    ],
  };
}
