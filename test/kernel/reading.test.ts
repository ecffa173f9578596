/**
 * Counting, options of reading, and what an entry is as a value.
 */
import { inspect } from 'node:util';
import { Conntrack, countEntries, type Entry, listEntries, streamEntries } from 'conntrack';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addLabels, count, insert, listLines } from '../support/conntrack-tool.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { exchangeUdp, openTcp } from '../support/traffic.js';
import { collect } from './collect.js';
import { createMany } from './populate.js';

describeInNamespace('conntrack', 'nft')('reading', () => {
  beforeAll(() => {
    trackLoopback();
    // Labels can be set only where a rule knows them.
    nft(`table inet labels {
      chain unused { ct label set 0; }
    }`);
  });

  beforeEach(() => {
    run('conntrack', '-F');
    setting('acct', 1);
    setting('timestamp', 1);
  });

  async function exchangeOverBothFamilies(): Promise<void> {
    for (const address of ['127.0.0.1', '::1']) {
      await exchangeUdp({
        client: { address, port: 40000 },
        server: { address, port: 5353 },
      });
    }
  }

  const packetsOf = (entries: Entry[]) =>
    entries.map(({ counters }) => [counters?.original.packets, counters?.reply.packets]);
  const familiesOf = (entries: Entry[]) => entries.map(({ family }) => family).sort();

  test('countEntries: as conntrack -C and the sysctl say', async () => {
    for (const size of [0, 1, 1000]) {
      createMany(0, size);
      expect(await countEntries()).toBe(size);
      expect(count()).toBe(size);
      expect(setting('count')).toBe(String(size));
      run('conntrack', '-F');
    }
  });

  test('an empty table', async () => {
    expect(await countEntries()).toBe(0);
    expect(await listEntries()).toEqual([]);
    for await (const entry of streamEntries()) throw new Error(`there is ${String(entry)}`);
    for await (const batch of streamEntries().batches()) expect(batch).toEqual([]);
  });

  test('the family filter', async () => {
    await exchangeOverBothFamilies();

    expect(familiesOf(await listEntries())).toEqual(['ipv4', 'ipv6']);
    expect(familiesOf(await listEntries({ family: 'ipv4' }))).toEqual(['ipv4']);
    expect(familiesOf(await listEntries({ family: 'ipv6' }))).toEqual(['ipv6']);
    expect(familiesOf(await listEntries([{ family: 'ipv6' }, {}]))).toEqual(['ipv4', 'ipv6']);
    expect(await listEntries([])).toEqual([]);
    const batches = await collect(streamEntries({ family: 'ipv6' }).batches());
    expect(familiesOf(batches.flat())).toEqual(['ipv6']);
  });

  test('zeroCounters: read once, then zero', async () => {
    await exchangeOverBothFamilies();

    const read = await listEntries({}, { zeroCounters: true });
    const again = await listEntries();

    expect(packetsOf(read)).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(packetsOf(again)).toEqual([
      [0, 0],
      [0, 0],
    ]);
    for (const line of listLines()) expect(line).toMatch(/packets=0 bytes=0 .*packets=0 bytes=0 /);
  });

  test('zeroCounters with a family leaves the other one alone', async () => {
    await exchangeOverBothFamilies();

    await collect(streamEntries({ family: 'ipv6' }, { zeroCounters: true }));

    expect(packetsOf(await listEntries({ family: 'ipv4' }))).toEqual([[1, 1]]);
    expect(packetsOf(await listEntries({ family: 'ipv6' }))).toEqual([[0, 0]]);
  });

  test('reading without zeroCounters changes nothing', async () => {
    await exchangeOverBothFamilies();
    const before = await listEntries();
    expect(packetsOf(await listEntries())).toEqual(packetsOf(before));
  });

  test('a handle reads and counts the same as the functions', async () => {
    await exchangeOverBothFamilies();
    await using conntrack = await Conntrack.open();

    const ids = (await listEntries()).map(({ id }) => id);
    expect((await conntrack.listEntries()).map(({ id }) => id)).toEqual(ids);
    expect(await conntrack.countEntries()).toBe(2);
    for (const entry of await listEntries()) {
      expect((await conntrack.getEntry(entry))?.id).toBe(entry.id);
    }
  });

  describe('an entry as a value', () => {
    /** A NATed one with labels and a mark, one of each zone, and real ones with counters. */
    async function entries(): Promise<Entry[]> {
      const tuple = ['-s', '10.0.0.1', '-d', '10.0.0.2', '--sport', '1', '--dport', '80'];
      const tcp = ['-p', 'tcp', ...tuple];
      insert(...tcp, '-t', '600', '--state', 'SYN_SENT', '--mark', '7', '--src-nat', '192.0.2.1');
      addLabels([0, 127], ...tcp);
      insert('-p', 'udp', ...tuple, '-t', '600', '--zone', '5');
      insert(
        '-p',
        'gre',
        '-s',
        'fd00::1',
        '-d',
        'fd00::2',
        '-t',
        '600',
        '--srckey',
        '1',
        '--dstkey',
        '2',
      );
      await exchangeOverBothFamilies();
      const address = '127.0.0.1';
      const server = { address, port: 8080 };
      await using _ = await openTcp({ client: { address, port: 40000 }, server });
      return await listEntries();
    }

    test('JSON loses nothing', async () => {
      for (const entry of await entries()) {
        const json = entry.toJSON();
        expect(JSON.parse(JSON.stringify(entry))).toEqual(json);
        expect(structuredClone(json)).toEqual(json);
        expect(json).toMatchObject({
          family: entry.family,
          protocol: entry.protocol,
          protocolNumber: entry.protocolNumber,
          id: entry.id,
          zone: entry.zone,
          status: { bits: entry.status.bits, confirmed: true },
          assured: entry.assured,
          timeout: entry.timeout,
          mark: entry.mark,
          startTimeNs: String(entry.startTimeNs),
          startTime: entry.startTime?.toISOString(),
          counters: {
            original: { packets: entry.counters?.original.packets },
            reply: { bytes: entry.counters?.reply.bytes },
          },
        });
        expect(json.labels).toBe(entry.labels?.toString());
        expect(json.nat).toEqual(entry.nat);
        expect(json.tcp?.state).toBe(entry.tcp?.state);
        expect(json.original.sourcePort).toBe(entry.original.sourcePort);
        expect(json.reply.destinationKey).toBe(entry.reply.destinationKey);
        expect(Object.values(json)).not.toContain(undefined);
      }
    });

    test('util.inspect shows what it holds, decoded', async () => {
      const shown = (await entries()).map((entry) => inspect(entry));
      const nated = shown.find((text) => text.includes('192.0.2.1')) ?? '';
      expect(nated).toMatch(/^Entry \{/);
      expect(nated).toContain("protocol: 'tcp'");
      expect(nated).toContain("source: '10.0.0.1'");
      expect(nated).toContain("state: 'SYN_SENT'");
      expect(nated).toMatch(/status: 0x[0-9a-f]+ <.*confirmed sourceNat.*>/);
      expect(nated).toContain('mark: 7');
      expect(nated).toContain(`labels: ${(1n << 127n) | 1n}n`);
      expect(nated).toContain('packets: 0');
      expect(shown.join()).toContain('zone: 5');
      expect(shown.join()).toContain('destinationKey: 2');
      expect(shown.join()).not.toContain('DataView');
    });
  });
});
