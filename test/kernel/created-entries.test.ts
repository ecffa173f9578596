/**
 * Entries that `conntrack -I` created: every protocol, family, zone, mark, label
 * and NAT.
 */
import { type Entry, listEntries } from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { addLabels, insert } from '../support/conntrack-tool.js';
import { nft, run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { expectTableOfConntrack } from './oracle.js';

const FAMILIES = {
  ipv4: {
    client: '10.0.0.1',
    server: '10.0.0.2',
    nat: ['192.0.2.8', '192.0.2.9'],
    icmp: { protocol: 'icmp', request: 8, answer: 0 },
  },
  ipv6: {
    client: 'fd00::1',
    server: 'fd00:0:0:1::2',
    nat: ['fd00::8', 'fd00::9'],
    icmp: { protocol: 'icmpv6', request: 128, answer: 129 },
  },
} as const;

describeInNamespace('conntrack', 'nft')('what conntrack -I created', () => {
  beforeEach(() => {
    run('conntrack', '-F');
    setting('acct', 0);
    setting('timestamp', 0);
  });

  /** An entry between two hosts of which nobody else uses these. */
  function insertUdp(sourcePort: number, ...args: string[]): void {
    const { client, server } = FAMILIES.ipv4;
    const tuple = ['-s', client, '-d', server, '--sport', String(sourcePort), '--dport', '53'];
    insert('-p', 'udp', ...tuple, '-t', '600', ...args);
  }

  async function only(): Promise<Entry> {
    const [entry, ...more] = await expectTableOfConntrack();
    expect(more).toEqual([]);
    if (entry === undefined) throw new Error('the table is empty');
    return entry;
  }

  for (const [family, { client, server, icmp }] of Object.entries(FAMILIES)) {
    test(`every protocol over ${family}`, async () => {
      const hosts = ['-s', client, '-d', server, '-t', '600'];
      const ports = ['--sport', '40000', '--dport', '80'];
      insert('-p', 'tcp', ...hosts, ...ports, '--state', 'ESTABLISHED', '-u', 'ASSURED,SEEN_REPLY');
      insert('-p', 'udp', ...hosts, ...ports);
      insert('-p', 'udplite', ...hosts, ...ports);
      // The tool sends them in the byte order of the machine: these are the same in both.
      const tags = { originalTag: 0x05050505, replyTag: 0x06060606 };
      insert(
        ...['-p', 'sctp', ...hosts, ...ports, '--state', 'ESTABLISHED'],
        ...['--orig-vtag', String(tags.originalTag), '--reply-vtag', String(tags.replyTag)],
      );
      insert('-p', 'dccp', ...hosts, ...ports, '--state', 'OPEN', '--role', 'client');
      insert('-p', 'gre', ...hosts, '--srckey', '0x10', '--dstkey', '0xabcd');
      insert(
        ...['-p', icmp.protocol, ...hosts, `--${icmp.protocol}-type`, String(icmp.request)],
        ...[`--${icmp.protocol}-code`, '0', `--${icmp.protocol}-id`, '777'],
      );
      insert('-p', '50', ...hosts);
      insert('-p', '253', ...hosts);

      const entries = await expectTableOfConntrack();

      const of = (number: number) => entries.find((entry) => entry.protocolNumber === number);
      expect(entries).toHaveLength(9);
      expect(entries.every((entry) => entry.family === family)).toBe(true);
      expect(entries.every((entry) => entry.unknownAttributes === 0)).toBe(true);
      expect(of(6)?.tcp?.state).toBe('ESTABLISHED');
      expect(of(6)?.assured).toBe(true);
      expect(of(132)?.sctp).toEqual({ state: 'ESTABLISHED', ...tags });
      expect(of(47)?.original).toMatchObject({ sourceKey: 0x10, destinationKey: 0xabcd });
      // Neither is in the XML of the tool.
      const echo = entries.find((entry) => entry.protocol === icmp.protocol);
      expect(echo?.original.icmp).toEqual({ type: icmp.request, code: 0, id: 777 });
      expect(echo?.reply.icmp).toEqual({ type: icmp.answer, code: 0, id: 777 });
      expect([of(50), of(253)].map((entry) => entry?.protocol)).toEqual(['other', 'other']);
    });
  }

  test('every TCP state', async () => {
    const states = ['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK'];
    states.push('TIME_WAIT', 'CLOSE', 'SYN_SENT2', 'NONE');
    states.forEach((state, index) => {
      const ports = ['--sport', String(index + 1), '--dport', '80', '--state', state];
      insert('-p', 'tcp', '-s', '10.0.0.1', '-d', '10.0.0.2', '-t', '600', ...ports);
    });

    const entries = await expectTableOfConntrack();

    expect(entries.map((entry) => entry.tcp?.state).sort()).toEqual(states.sort());
  });

  test('addresses in every form of RFC 5952 and inet_ntop', async () => {
    const addresses = [
      '::1',
      '::ffff:1.2.3.4',
      '::1.2.3.4',
      '64:ff9b::102:304',
      '2001:db8::1:0:0:1',
      '2001:db8:0:1:1:1:1:1',
      '1:0:0:2::3',
      'fe80::',
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ];
    for (const source of addresses) {
      insert('-p', '253', '-s', source, '-d', 'fd00::1', '-t', '600');
    }
    insert('-p', '253', '-s', '0.0.0.0', '-d', '255.255.255.255', '-t', '600');

    const entries = await expectTableOfConntrack();

    const sources = entries.map((entry) => entry.original.source);
    expect(sources.sort()).toEqual([...addresses, '0.0.0.0'].sort());
  });

  test('zones: of both directions, of one, and none', async () => {
    insertUdp(1);
    insertUdp(1, '--zone', '5');
    insertUdp(2, '--orig-zone', '6');
    insertUdp(3, '--reply-zone', '65535');

    const entries = await expectTableOfConntrack();

    const zones = entries.map(({ original, zone, reply }) => [
      original.sourcePort,
      original.zone,
      zone,
      reply.zone,
    ]);
    expect(zones.sort()).toEqual([
      [1, undefined, 0, undefined],
      [1, undefined, 5, undefined],
      [2, 6, 0, undefined],
      [3, undefined, 0, 65535],
    ]);
  });

  test('marks up to the last bit', async () => {
    insertUdp(1, '--mark', '0');
    insertUdp(2, '--mark', '1');
    insertUdp(3, '--mark', '0xffffffff');

    const entries = await expectTableOfConntrack();

    expect(entries.map(({ mark }) => mark).sort()).toEqual([0, 1, 0xffffffff]);
  });

  test('status bits', async () => {
    insertUdp(1, '-u', 'SEEN_REPLY');
    insertUdp(2, '-u', 'SEEN_REPLY,ASSURED,FIXED_TIMEOUT');

    const entries = await expectTableOfConntrack();

    const statusOf = (port: number) =>
      entries.find(({ original }) => original.sourcePort === port)?.status;
    expect(statusOf(1)).toMatchObject({ seenReply: true, assured: false, confirmed: true });
    expect(statusOf(2)).toMatchObject({ seenReply: true, assured: true, fixedTimeout: true });
  });

  test('labels, which a rule must have brought into the namespace', async () => {
    nft(`table inet labels {
      chain output { type filter hook output priority 0; ct label set 0; }
    }`);
    const tuple = (port: number) => ['-p', 'udp', '-s', '10.0.0.1', '--sport', String(port)];
    for (const port of [1, 2, 3]) insertUdp(port);
    addLabels([0], ...tuple(1));
    addLabels([0, 31, 32, 63, 64, 127], ...tuple(2));

    const entries = await expectTableOfConntrack();

    const labels = new Map(entries.map((entry) => [entry.original.sourcePort, entry.labels]));
    expect(labels.get(1)).toBe(1n);
    expect(labels.get(2)).toBe([31n, 32n, 63n, 64n, 127n].reduce((all, b) => all | (1n << b), 1n));
    expect(labels.get(3)).toBeUndefined();
  });

  for (const [family, { client, server, nat }] of Object.entries(FAMILIES)) {
    const [source, destination] = nat.map((address, index) => ({ address, port: 900 + index }));
    const text = (to = { address: '', port: 0 }) =>
      family === 'ipv6' ? `[${to.address}]:${to.port}` : `${to.address}:${to.port}`;
    const cases = [
      ['the source', { source }, ['--src-nat', text(source)]],
      ['the destination', { destination }, ['--dst-nat', text(destination)]],
      [
        'both',
        { source, destination },
        ['--src-nat', text(source), '--dst-nat', text(destination)],
      ],
    ] as const;
    test.each(cases)(`NAT of %s over ${family}`, async (_, expected, args) => {
      const tuple = ['-s', client, '-d', server, '--sport', '40000', '--dport', '80'];
      insert('-p', 'tcp', ...tuple, '-t', '600', '--state', 'SYN_SENT', ...args);

      const entry = await only();

      expect(entry.nat).toEqual(expected);
      expect(entry.status.sourceNat).toBe('source' in expected);
      expect(entry.status.destinationNat).toBe('destination' in expected);
    });
  }

  for (const [acct, timestamp] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    test(`accounting ${acct ? 'on' : 'off'}, timestamps ${timestamp ? 'on' : 'off'}`, async () => {
      setting('acct', acct);
      setting('timestamp', timestamp);
      insertUdp(1);
      // Both are settled when an entry is made.
      setting('acct', 1 - acct);
      setting('timestamp', 1 - timestamp);

      const entry = await only();

      expect(entry.counters !== undefined).toBe(acct === 1);
      expect(entry.startTimeNs !== undefined).toBe(timestamp === 1);
      expect(entry.startTime?.getTime()).toBe(
        timestamp === 1 ? Number((entry.startTimeNs ?? 0n) / 1_000_000n) : undefined,
      );
    });
  }

  test('an empty table', async () => {
    expect(await expectTableOfConntrack()).toEqual([]);
    expect(await listEntries({ family: 'ipv6' })).toEqual([]);
  });
});
