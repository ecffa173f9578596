/**
 * What holds for a table as a whole: its counters in /proc, its defaults, what other network
 * namespaces share, helpers, events, and NAT after an entry has gone. docs/kernel-side.md says it
 * in words.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import {
  Conntrack,
  countEntries,
  countExpectations,
  createEntries,
  deleteEntries,
  flushEntries,
  listEntries,
  readSettings,
  SETTINGS,
  type TableSettings,
} from 'conntrack';
import { beforeEach, expect, test, vi } from 'vitest';
import { hasFeature } from '../support/kernel-features.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';
import { openFtp } from '../support/traffic.js';
import { tableRows } from '../unit/documents.js';

const flow = (sourcePort: number) =>
  ({
    protocol: 'udp',
    original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort, destinationPort: 53 },
    timeout: 600,
    mark: 1,
  }) as const;

const flows = (count: number) => Array.from({ length: count }, (_, port) => flow(port + 1));

/** /proc/net/stat/nf_conntrack as a program reads it: columns by name, values in hexadecimal. */
function procStatistics(): Record<string, string>[] {
  const [header = '', ...rows] = run('cat', '/proc/net/stat/nf_conntrack').trim().split('\n');
  const names = header.trim().split(/\s+/);
  return rows.map((row) => {
    const values = row.trim().split(/\s+/);
    expect(values).toHaveLength(names.length);
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
  });
}

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
  'unshare',
)('the rules of a table', () => {
  beforeEach(async () => {
    await flushEntries();
    nft('flush ruleset');
    trackLoopback();
  });

  test('/proc/net/stat has hexadecimal numbers, a row for each processor, and one count', async () => {
    const before = procStatistics();
    await createEntries(flows(300));
    const rows = procStatistics();
    // 0-1: the processors that the machine could have.
    const possible = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim().split('-');
    expect(rows).toHaveLength(Number(possible.at(-1)) + 1);
    // The count of the namespace, in every row; 300 is 0x12c.
    expect(new Set(rows.map(({ entries }) => entries))).toEqual(new Set(['0000012c']));

    // What programs created, on the processors where they ran.
    const sum = (all: typeof rows, column: string) =>
      all.reduce((total, row) => total + Number.parseInt(row[column] ?? '', 16), 0);
    expect(sum(rows, 'insert') - sum(before, 'insert')).toBe(300);

    // Columns that have lost their meaning.
    await deleteEntries({ mark: 1 });
    const after = procStatistics();
    expect(after[0]?.entries).toBe('00000000');
    for (const column of ['new', 'ignore', 'delete']) {
      expect([column, sum(after, column)]).toEqual([column, 0]);
    }
    expect(sum(after, 'insert')).toBe(sum(rows, 'insert'));
  });

  test('a fresh namespace has the defaults of the page, whatever this one has set', async () => {
    setting('udp_timeout', 77);
    setting('acct', 1);
    await using fresh = await OtherNetwork.create();
    await using handle = await Conntrack.open({ netns: { pid: fresh.pid } });
    const settings = await handle.readSettings();
    expect(await readSettings()).toMatchObject({ udpTimeout: 77, accounting: true });
    expect(settings.accounting).toBe(false);

    const page = readFileSync(new URL('../../docs/kernel-side.md', import.meta.url), 'utf8');
    const rows = tableRows(page, '| setting | default, s |');
    expect(rows.length).toBeGreaterThan(10);
    for (const [name = '', seconds = ''] of rows) {
      const found = Object.entries(SETTINGS).find(([, { sysctl }]) => `\`${sysctl}\`` === name);
      const value = settings[found?.[0] as keyof TableSettings];
      expect([name, value]).toEqual([name, Number(seconds.replaceAll(',', ''))]);
    }
    setting('udp_timeout', 30);
    setting('acct', 0);
  });

  test('each namespace has a count of its own, and all have one maximum', async () => {
    await using other = await OtherNetwork.create();
    await using handle = await Conntrack.open({ netns: { pid: other.pid } });
    await createEntries(flows(30));
    await handle.createEntries(flows(20));
    expect([await countEntries(), await handle.countEntries()]).toEqual([30, 20]);
    expect([setting('count'), other.setting('count')]).toEqual(['30', '20']);
    for (const name of ['max', 'buckets', 'expect_max']) {
      expect(other.setting(name)).toBe(setting(name));
      const path = `/proc/sys/net/netfilter/nf_conntrack_${name}`;
      expect(run('stat', '--format=%A', path).trim()).toBe('-r--r--r--');
    }
  });

  test('no helper follows a connection unless a rule attaches it', async () => {
    const ends = {
      client: { address: '127.0.0.2', port: 0 },
      server: { address: '127.0.0.3', port: 21 },
    };
    {
      await using _ = await openFtp(ends);
      const entries = await listEntries({ protocol: 'tcp' });
      expect(entries).toHaveLength(2);
      for (const { helper, master } of entries)
        expect([helper, master]).toEqual([undefined, undefined]);
    }
    await flushEntries();
    nft(`table inet helper {
      ct helper ftp { type "ftp" protocol tcp; }
      chain output { type filter hook output priority 0; tcp dport 21 ct helper set "ftp"; }
    }`);
    await using _ = await openFtp(ends);
    const entries = await listEntries({ protocol: 'tcp' });
    expect(entries.find(({ original }) => original.destinationPort === 21)?.helper).toBe('ftp');
    expect(entries.filter(({ master }) => master !== undefined)).toHaveLength(1);
    // The connection came, and the expectation went.
    expect(await countExpectations()).toBe(0);
  });

  const isAutomatic = hasFeature('automaticEvents');
  const why = isAutomatic ? '' : ' [skipped: this kernel has no events "auto"]';
  test.runIf(isAutomatic)(
    `a listener in one namespace gives events to the flows of all${why}`,
    async () => {
      setting('events', 2);
      await using other = await OtherNetwork.create();
      await using handle = await Conntrack.open({ netns: { pid: other.pid } });
      await using elsewhere = handle.watchEvents({ events: ['destroy'] });
      expect(elsewhere.coverage).toBe('since-listening');
      await createEntries(flows(10));
      // Only an entry with events answers its delete with one.
      const { entries } = await deleteEntries({ mark: 1 }, { entries: true });
      expect(entries.map(({ final }) => final)).toEqual(Array(10).fill(true));
    },
  );

  test('NAT forgets an idle connection with its entry, and the server is refused', async () => {
    const [server, alias] = ['127.0.0.3', '192.0.2.1'];
    run('ip', 'route', 'add', 'local', alias, 'dev', 'lo');
    nft(`table inet nat {
      chain output { type nat hook output priority -100; ip daddr ${alias} dnat ip to ${server}; }
    }`);
    setting('tcp_timeout_established', 1);
    const listening = createServer();
    listening.listen(0, server);
    await once(listening, 'listening');
    const { port } = listening.address() as { port: number };
    const client = connect(port, alias);
    const [accepted] = (await once(listening, 'connection')) as [Socket];
    expect(await listEntries({ nat: 'any' })).toHaveLength(1);

    await vi.waitFor(async () => {
      expect(await listEntries({ nat: 'any' })).toHaveLength(0);
    }, 20_000);
    // Its packets now come from an address that the client has no connection to.
    const failed = once(accepted, 'error');
    accepted.write('x');
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    client.destroy();
    listening.close();
    setting('tcp_timeout_established', 432_000);
  });
});
