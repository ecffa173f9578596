/**
 * Entries that the kernel made from packets: every protocol, NAT, zones, labels
 * and an FTP helper.
 */
import { type Entry, type Family, getEntry, listEntries } from 'conntrack';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { hasFeature } from '../support/kernel-features.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import {
  exchangeUdp,
  openFtp,
  openSctp,
  openTcp,
  ping,
  SCTP_TAGS,
  sendPacket,
  sendUdplite,
} from '../support/traffic.js';
import { expectTableOfConntrack } from './oracle.js';

/** `alias`: an address that only NAT knows. */
const HOSTS = {
  ipv4: { client: '127.0.0.2', server: '127.0.0.3', alias: '192.0.2.1' },
  ipv6: { client: 'fd00::2', server: 'fd00::3', alias: 'fd00::99' },
} satisfies Record<Family, object>;

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('what packets created', () => {
  beforeAll(() => {
    for (const address of [HOSTS.ipv6.client, HOSTS.ipv6.server]) {
      run('ip', 'address', 'add', `${address}/128`, 'dev', 'lo', 'nodad');
    }
    run('ip', 'route', 'add', 'local', HOSTS.ipv4.alias, 'dev', 'lo');
    run('ip', 'route', 'add', 'local', HOSTS.ipv6.alias, 'dev', 'lo');
  });

  beforeEach(() => {
    run('conntrack', '-F');
    nft('flush ruleset');
    trackLoopback();
    setting('acct', 1);
    setting('timestamp', 1);
  });

  async function tableWith(count: number): Promise<Entry[]> {
    const entries = await expectTableOfConntrack();
    expect(entries).toHaveLength(count);
    expect(entries.map(({ unknownAttributes }) => unknownAttributes)).toEqual(Array(count).fill(0));
    return entries;
  }

  async function onlyEntry(): Promise<Entry> {
    const [entry] = await tableWith(1);
    return entry as Entry;
  }

  for (const family of ['ipv4', 'ipv6'] as const) {
    const { client, server, alias } = HOSTS[family];
    const ends = (port: number) => ({
      client: { address: client, port: 40000 },
      server: { address: server, port },
    });

    test(`UDP over ${family}`, async () => {
      await exchangeUdp(ends(5353));

      const entry = await onlyEntry();

      const bytes = (family === 'ipv4' ? 20 : 40) + 8 + 'ping'.length;
      expect(entry).toMatchObject({ family, protocol: 'udp', assured: false });
      expect(entry.original).toMatchObject({ source: client, destination: server });
      expect(entry.original).toMatchObject({ sourcePort: 40000, destinationPort: 5353 });
      expect(entry.status.seenReply).toBe(true);
      expect(entry.counters?.original).toMatchObject({ packets: 1, bytes });
      expect(entry.counters?.reply).toMatchObject({ packetsBig: 1n, bytesBig: BigInt(bytes) });
      expect(Math.abs(Date.now() - Number(entry.startTime))).toBeLessThan(60_000);
    });

    test(`TCP over ${family}, open and closed`, async () => {
      const connection = await openTcp(ends(8080));
      const open = await onlyEntry();
      expect(open).toMatchObject({ protocol: 'tcp', assured: true });
      expect(open.tcp?.state).toBe('ESTABLISHED');
      expect(open.tcp?.original.windowScale).toBeGreaterThan(0);
      // SACK and window scale are what both ends of this machine offer.
      expect((open.tcp?.original.flags ?? 0) & 3).toBe(3);

      await connection[Symbol.asyncDispose]();
      expect((await onlyEntry()).tcp?.state).toBe('TIME_WAIT');
    });

    test(`ICMP echo over ${family}`, async () => {
      ping(client, server, 4242);
      await vi.waitFor(async () => {
        for (const { status } of await listEntries()) expect(status.seenReply).toBe(true);
      });

      const entry = await onlyEntry();

      const [request, answer] = family === 'ipv4' ? [8, 0] : [128, 129];
      expect(entry.protocol).toBe(family === 'ipv4' ? 'icmp' : 'icmpv6');
      expect(entry.original.icmp).toEqual({ type: request, code: 0, id: 4242 });
      expect(entry.reply.icmp).toEqual({ type: answer, code: 0, id: 4242 });
      expect(entry.status.seenReply).toBe(true);
    });

    test(`SCTP, UDP-Lite, GRE and an unknown protocol over ${family}`, async () => {
      openSctp({ address: client, port: 3868 }, { address: server, port: 3869 });
      sendUdplite({ address: client, port: 1 }, { address: server, port: 2 });
      sendPacket(47, client, server, Buffer.from([0, 0, 8, 0]));
      sendPacket(253, client, server, Buffer.from('anything'));

      const entries = await tableWith(4);

      const of = (protocol: string) => entries.find((entry) => entry.protocol === protocol);
      const { client: replyTag, server: originalTag } = SCTP_TAGS;
      expect(of('sctp')?.sctp).toEqual({ state: 'ESTABLISHED', originalTag, replyTag });
      expect(of('udplite')?.original).toMatchObject(
        hasFeature('udplitePorts')
          ? { sourcePort: 1, destinationPort: 2 }
          : { destination: server },
      );
      expect(of('gre')?.original).toMatchObject({ sourceKey: 0, destinationKey: 0 });
      expect(of('gre')?.original.sourcePort).toBeUndefined();
      expect(of('other')?.protocolNumber).toBe(253);
    });

    test(`destination NAT over ${family}`, async () => {
      nft(`table inet nat {
        chain output {
          type nat hook output priority -100
          meta l4proto udp th dport 53 dnat ${family === 'ipv4' ? 'ip' : 'ip6'} to ${
            family === 'ipv4' ? server : `[${server}]`
          }:5353
        }
      }`);
      await exchangeUdp({ ...ends(5353), to: { address: alias, port: 53 } });

      const entry = await onlyEntry();

      expect(entry.original).toMatchObject({ destination: alias, destinationPort: 53 });
      expect(entry.reply).toMatchObject({ source: server, sourcePort: 5353 });
      expect(entry.nat).toEqual({ destination: { address: server, port: 5353 } });
      const { destination, source } = entry.reply;
      const reply = { source, destination, sourcePort: 5353, destinationPort: 40000 };
      expect((await getEntry({ protocol: 'udp', reply }))?.id).toBe(entry.id);
    });

    test(`source NAT over ${family}`, async () => {
      nft(`table inet nat {
        chain postrouting {
          type nat hook postrouting priority 100
          tcp dport 8080 snat ${family === 'ipv4' ? 'ip' : 'ip6'} to ${
            family === 'ipv4' ? alias : `[${alias}]`
          }:50000
        }
      }`);
      await using _ = await openTcp(ends(8080));

      const entry = await onlyEntry();

      expect(entry.original).toMatchObject({ source: client, sourcePort: 40000 });
      expect(entry.reply).toMatchObject({ destination: alias, destinationPort: 50000 });
      expect(entry.nat).toEqual({ source: { address: alias, port: 50000 } });
    });

    test(`an FTP helper over ${family}: the data connection knows its master`, async () => {
      nft(`table inet helper {
        ct helper ftp { type "ftp" protocol tcp; }
        chain output { type filter hook output priority 0; tcp dport 2121 ct helper set "ftp"; }
      }`);
      await using session = await openFtp(ends(2121));

      const entries = await tableWith(2);

      const control = entries.find(({ original }) => original.destinationPort === 2121);
      const data = entries.find((entry) => entry !== control);
      expect(control?.helper).toBe('ftp');
      expect(control?.status.helper).toBe(true);
      expect(control?.master).toBeUndefined();
      expect(data?.original.destinationPort).toBe(session.dataPorts.server);
      expect(data?.original.sourcePort).toBe(session.dataPorts.client);
      expect(data?.status.expected).toBe(true);
      expect(data?.master).toMatchObject({
        source: client,
        destination: server,
        sourcePort: 40000,
        destinationPort: 2121,
      });
    });
  }

  test('FTP through NAT: the rewritten answer shifts sequence numbers', async () => {
    const { client, server } = HOSTS.ipv4;
    const alias = '192.0.2.123';
    run('ip', 'route', 'add', 'local', alias, 'dev', 'lo');
    nft(`table inet helper {
      ct helper ftp { type "ftp" protocol tcp; }
      # Before NAT, or an older kernel makes no room for what it must adjust (nf_nat_setup_info).
      chain output { type filter hook output priority -150; tcp dport 2121 ct helper set "ftp"; }
      chain nat {
        type nat hook output priority -100
        ip daddr ${alias} tcp dport 2121 dnat ip to ${server}
      }
    }`);
    await using session = await openFtp({
      client: { address: client, port: 40000 },
      server: { address: server, port: 2121 },
      to: { address: alias, port: 2121 },
    });

    const entries = await tableWith(2);

    expect(session.answer).toContain('(192,0,2,123,');
    // On 6.1 the data connection has the helper's name, too.
    const control = entries.find(({ original }) => original.destinationPort === 2121);
    expect(control?.helper).toBe('ftp');
    expect(control?.status.sequenceAdjust).toBe(true);
    // 192,0,2,123 is two characters longer than 127,0,0,3.
    expect(control?.sequenceAdjust?.reply).toMatchObject({ offsetBefore: 0, offsetAfter: 2 });
    expect(control?.sequenceAdjust?.original).toMatchObject({ offsetBefore: 0, offsetAfter: 0 });
  });

  test.each([
    ['both directions', '', { zone: 7, original: undefined, reply: undefined }],
    ['the original direction', 'original', { zone: 0, original: 7, reply: undefined }],
    ['the reply direction', 'reply', { zone: 0, original: undefined, reply: 7 }],
  ])('a rule that sets the zone of %s', async (_, direction, expected) => {
    nft(`table inet zones {
      chain output {
        type filter hook output priority -300
        udp dport 5353 ct ${direction} zone set 7
        udp sport 5353 ct ${direction} zone set 7
      }
    }`);
    const { client, server } = HOSTS.ipv4;
    await exchangeUdp({
      client: { address: client, port: 40000 },
      server: { address: server, port: 5353 },
    });

    const entries = await expectTableOfConntrack();

    const entry = entries.find(({ original }) => original.destinationPort === 5353);
    const { zone, original, reply } = entry ?? {};
    expect({ zone, original: original?.zone, reply: reply?.zone }).toEqual(expected);
  });

  test('rules that set a mark and labels', async () => {
    nft(`table inet mangle {
      chain output {
        type filter hook output priority 0
        ct mark set 0xdeadbeef
        ct label set 3
        ct label set 100
      }
    }`);
    ping(HOSTS.ipv4.client, HOSTS.ipv4.server, 1);

    const entry = await onlyEntry();

    expect(entry.mark).toBe(0xdeadbeef);
    expect(entry.labels).toBe((1n << 3n) | (1n << 100n));
  });

  test('a table of everything at once', async () => {
    for (const { client, server } of Object.values(HOSTS)) {
      ping(client, server, 1);
      openSctp({ address: client, port: 3868 }, { address: server, port: 3869 });
      sendUdplite({ address: client, port: 1 }, { address: server, port: 2 });
      sendPacket(47, client, server, Buffer.from([0, 0, 8, 0]));
      sendPacket(253, client, server, Buffer.from('anything'));
      // The kernel sends what it has no port for back as ICMP errors, which make no entries.
      for (const port of [5000, 5001, 5002]) {
        await exchangeUdp({
          client: { address: client, port: 40000 },
          server: { address: server, port },
        });
      }
    }
    await tableWith(16);
  });
});
