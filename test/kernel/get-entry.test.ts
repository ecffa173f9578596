/**
 * Single entries, by what names them.
 */
import {
  createEntry,
  deleteEntry,
  type Entry,
  type EntryKey,
  getEntry,
  listEntries,
  updateEntry,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { insert, remove } from '../support/conntrack-tool.js';
import { run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const TCP = ['-p', 'tcp', '-s', '10.0.0.1', '-d', '10.0.0.2', '--sport', '40000', '--dport', '80'];
const NEW_TCP = [...TCP, '-t', '600', '--state', 'SYN_SENT'];

describeInNamespace('conntrack')('getEntry', () => {
  beforeEach(() => {
    run('conntrack', '-F');
    setting('acct', 1);
  });

  async function only(): Promise<Entry> {
    const [entry, ...more] = await listEntries();
    if (entry === undefined || more.length > 0) throw new Error('there is not one entry');
    return entry;
  }

  const original = {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: 40000,
    destinationPort: 80,
  };
  const reply = {
    source: '10.0.0.2',
    destination: '10.0.0.1',
    sourcePort: 80,
    destinationPort: 40000,
  };

  test('by its original tuple and by its reply tuple', async () => {
    insert(...NEW_TCP, '--mark', '5');
    const expected = (await only()).id;

    const byOriginal = await getEntry({ protocol: 'tcp', original });
    const byReply = await getEntry({ protocol: 'tcp', reply });
    const byNumber = await getEntry({ protocol: 6, original });

    expect([byOriginal, byReply, byNumber].map((entry) => entry?.id)).toEqual(
      Array(3).fill(expected),
    );
    expect(byOriginal).toMatchObject({ original, reply, mark: 5, protocol: 'tcp' });
    expect(byOriginal?.tcp?.state).toBe('SYN_SENT');
    expect(byOriginal?.counters?.original.packets).toBe(0);
  });

  test('a tuple names an entry in its own direction only', async () => {
    insert(...NEW_TCP);

    expect(await getEntry({ protocol: 'tcp', original: reply })).toBeUndefined();
    expect(await getEntry({ protocol: 'tcp', reply: original })).toBeUndefined();
  });

  test('behind NAT: the reply tuple is the one after translation', async () => {
    insert(...NEW_TCP, '--src-nat', '192.0.2.1:50000');
    const expected = (await only()).id;

    const seenByServer = { ...reply, destination: '192.0.2.1', destinationPort: 50000 };
    expect((await getEntry({ protocol: 'tcp', reply: seenByServer }))?.id).toBe(expected);
    expect((await getEntry({ protocol: 'tcp', original }))?.id).toBe(expected);
    expect(await getEntry({ protocol: 'tcp', reply })).toBeUndefined();
  });

  test('nothing there: undefined', async () => {
    insert(...NEW_TCP);

    expect(await getEntry({ protocol: 'udp', original })).toBeUndefined();
    const other = { ...original, sourcePort: 40001 };
    expect(await getEntry({ protocol: 'tcp', original: other })).toBeUndefined();
    expect(await getEntry({ protocol: 'tcp', original, zone: 1 })).toBeUndefined();
  });

  test('the zone of both directions tells entries apart', async () => {
    insert(...NEW_TCP, '--mark', '10');
    insert(...NEW_TCP, '--mark', '11', '--zone', '1');
    insert(...NEW_TCP, '--mark', '12', '--zone', '65535');

    const marks = [];
    for (const zone of [undefined, 0, 1, 65535, 2]) {
      marks.push((await getEntry({ protocol: 'tcp', original, zone }))?.mark);
    }
    expect(marks).toEqual([10, 10, 11, 12, undefined]);
  });

  test('a zone of one direction stands in its tuple', async () => {
    insert(...NEW_TCP, '--orig-zone', '6');

    const inZone = { ...original, zone: 6 };
    expect((await getEntry({ protocol: 'tcp', original: inZone }))?.original.zone).toBe(6);
    expect(await getEntry({ protocol: 'tcp', original })).toBeUndefined();
    expect((await getEntry({ protocol: 'tcp', reply }))?.original.zone).toBe(6);
  });

  test('every protocol and family, by itself, by both tuples, by its JSON', async () => {
    const ports = ['--sport', '40000', '--dport', '80'];
    for (const hosts of [
      ['-s', '10.0.0.1', '-d', '10.0.0.2'],
      ['-s', 'fd00::1', '-d', 'fd00::2'],
    ]) {
      const base = [...hosts, '-t', '600'];
      const ipv6 = hosts[1] === 'fd00::1';
      const [icmp, type] = ipv6 ? ['icmpv6', '128'] : ['icmp', '8'];
      insert('-p', 'tcp', ...base, ...ports, '--state', 'ESTABLISHED');
      insert('-p', 'udp', ...base, ...ports);
      insert('-p', 'udplite', ...base, ...ports);
      insert(
        ...['-p', 'sctp', ...base, ...ports, '--state', 'ESTABLISHED'],
        ...['--orig-vtag', '1', '--reply-vtag', '2'],
      );
      insert('-p', 'dccp', ...base, ...ports, '--state', 'OPEN', '--role', 'client');
      insert('-p', 'gre', ...base, '--srckey', '1', '--dstkey', '2');
      insert(
        ...['-p', icmp, ...base, `--${icmp}-type`, type],
        ...[`--${icmp}-code`, '0', `--${icmp}-id`, '7'],
      );
      insert('-p', '253', ...base);
    }
    const entries = await listEntries();
    expect(entries).toHaveLength(16);

    for (const entry of entries) {
      const { protocolNumber: protocol, id } = entry;
      const keys: EntryKey[] = [
        entry,
        entry.toJSON(),
        { protocol, original: entry.original },
        { protocol, reply: entry.reply },
      ];
      for (const key of keys) expect((await getEntry(key))?.id).toBe(id);
    }
  });

  test('what was created is found by what it was created with, whatever the kernel tracks', async () => {
    const addresses = { source: '10.0.0.1', destination: '10.0.0.2' };
    const ports = { ...addresses, sourcePort: 5, destinationPort: 6 };
    const keys = { ...addresses, sourceKey: 5, destinationKey: 6 };
    for (const [protocol, original] of [
      ['udplite', ports],
      ['dccp', ports],
      ['sctp', ports],
      ['gre', keys],
    ] as const) {
      const spec = { protocol, original, timeout: 600 };
      const { id } = await createEntry(spec);
      expect((await getEntry(spec))?.id).toBe(id);
      expect((await updateEntry(spec, { mark: 7 })).mark).toBe(7);
      const read = await only();
      expect(await deleteEntry(spec)).toBe(true);
      expect((await createEntry(read.toJSON())).toJSON().original).toEqual(read.toJSON().original);
      expect(await deleteEntry(await only())).toBe(true);
    }
  });

  test('an entry means that flow, not a newer one on the same tuple', async () => {
    insert(...NEW_TCP);
    const old = await only();
    expect((await getEntry(old))?.id).toBe(old.id);

    remove(...TCP);
    expect(await getEntry(old)).toBeUndefined();

    const newer = await replace(old);
    expect(newer.toJSON().original).toEqual(old.toJSON().original);
    expect(await getEntry(old)).toBeUndefined();
    const { protocol, original: tuple } = old;
    expect((await getEntry({ protocol, original: tuple }))?.id).toBe(newer.id);
  });

  /**
   * Makes an entry on the tuple of `old`. The kernel makes ids of addresses in its
   * memory and of the tuple: a newer entry in the place of the old one has the
   * same. So others take that place first.
   */
  async function replace(old: Entry): Promise<Entry> {
    for (let port = 1; port <= 100; port++) {
      insert(...TCP.with(7, String(port)), '-t', '600', '--state', 'SYN_SENT');
      insert(...NEW_TCP);
      const newer = await getEntry({ protocol: 'tcp', original: old.original });
      if (newer !== undefined && newer.id !== old.id) return newer;
      remove(...TCP);
    }
    throw new Error('each newer entry has the id of the old one');
  }

  test('what the kernel refuses is an error with its code', async () => {
    // 3 is "destination unreachable", which is not tracked as a flow of its own.
    const icmp = { type: 3, code: 0, id: 1 };
    const key: EntryKey = {
      protocol: 'icmp',
      original: { source: '10.0.0.1', destination: '10.0.0.2', icmp },
    };
    const error: unknown = await getEntry(key).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ConntrackError', code: 'EINVAL', operation: 'getEntry' });
  });
});
