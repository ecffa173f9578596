/**
 * What newer requests say: create or change, creation from the reply tuple, single labels and
 * toggled marks, read and zero of one flow.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  createEntry,
  type Entry,
  type EntrySpec,
  getEntry,
  listEntries,
  type ReplySpec,
  updateEntries,
  updateEntry,
  upsertEntry,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { nft, run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const V4 = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 };
const V6 = { ...V4, source: 'fd00::1', destination: 'fd00::2' };
const udp = { protocol: 'udp', original: V4, timeout: 100 } as const;
const tcp = { ...udp, protocol: 'tcp', tcp: { state: 'ESTABLISHED' } } as const;

/** What lasts. */
const lasting = (entry: Entry) => ({ ...entry.toJSON(), use: 0, timeout: 0 });

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('requests', () => {
  beforeEach(() => {
    run('conntrack', '-F');
    nft('flush ruleset');
    nft(`table inet labels {
      chain output { type filter hook output priority 0; ct label set 1; }
    }`);
  });

  const specs: [string, EntrySpec, Partial<EntrySpec>, object][] = [
    ['mark and timeout', udp, { mark: 7, timeout: 900 }, { mark: 7 }],
    ['the state of TCP', tcp, { tcp: { state: 'CLOSE' } }, { tcp: { state: 'CLOSE' } }],
    ['labels', udp, { labels: 5n }, { labels: '5' }],
    ['status', udp, { status: ['assured'] }, { assured: true }],
    ['nothing else', { ...udp, mark: 3 }, {}, { mark: 3 }],
    ['IPv6, in a zone', { ...udp, original: V6, zone: 3 }, { mark: 1 }, { mark: 1, zone: 3 }],
    [
      'ESP',
      { protocol: 'esp', original: { source: '10.0.0.1', destination: '10.0.0.2' }, timeout: 9 },
      { mark: 1 },
      { mark: 1 },
    ],
  ];

  test.each(specs)('upsertEntry creates, then changes: %s', async (_, spec, more, expected) => {
    const first = await upsertEntry(spec);
    expect(first.created).toBe(true);
    const second = await upsertEntry({ ...spec, ...more });
    expect(second.created).toBe(false);
    expect(second.entry.id).toBe(first.entry.id);
    expect(second.entry.toJSON()).toMatchObject(expected);
    const { timeout = 0 } = { ...spec, ...more };
    expect(second.entry.timeout).toBeGreaterThan(timeout - 9);
    expect(second.entry.timeout).toBeLessThanOrEqual(timeout);
    const [only, ...others] = await listEntries();
    expect(others).toEqual([]);
    expect(only && lasting(only)).toEqual(lasting(second.entry));
  });

  test('upsertEntry takes an entry, and changes nothing that it does not name', async () => {
    const nat = { source: { address: '192.0.2.1' } };
    const entry = await createEntry({ ...tcp, mark: 7, nat, labels: 6n });
    const { entry: same, created } = await upsertEntry(entry);
    expect(created).toBe(false);
    expect(lasting(same)).toEqual(lasting(entry));
    const { entry: marked } = await upsertEntry({ ...tcp, mark: 8 });
    expect(lasting(marked)).toEqual({ ...lasting(entry), mark: 8 });
  });

  const reply = { source: '10.0.0.2', destination: '192.0.2.9', sourcePort: 2, destinationPort: 1 };

  test.each<[string, Partial<EntrySpec>]>([
    ['reply', { reply }],
    ['nat', { nat: { source: { address: '192.0.2.9' } } }],
    ['master', { master: { ...V4, sourcePort: 77 } }],
  ])(
    'upsertEntry refuses a %s that the entry has not, and changes nothing',
    async (name, other) => {
      const entry = await createEntry({ ...udp, mark: 7 });
      await createEntry({ ...udp, original: { ...V4, sourcePort: 77 } });
      await expect(upsertEntry({ ...udp, mark: 9, ...other })).rejects.toMatchObject({
        code: 'EEXIST',
        operation: 'upsertEntry',
        message: expect.stringContaining(`differs in ${name}, which`) as string,
      });
      const left = await getEntry(udp);
      expect(left && lasting(left)).toEqual(lasting(entry));
    },
  );

  test('upsertEntry of a tuple that another entry has as its reply', async () => {
    await createEntry(udp);
    const inverse = {
      source: V4.destination,
      destination: V4.source,
      sourcePort: 2,
      destinationPort: 1,
    };
    await expect(upsertEntry({ ...udp, original: inverse, mark: 1 })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(await listEntries({ mark: 1 })).toEqual([]);
  });

  const icmp = { type: 8, code: 0, id: 7 };

  test.each<[string, ReplySpec]>([
    ['tcp', { protocol: 'tcp', reply, timeout: 9, tcp: { state: 'ESTABLISHED' } }],
    ['udp of IPv6', { protocol: 'udp', reply: V6, timeout: 9 }],
    [
      'icmp',
      {
        protocol: 'icmp',
        reply: { source: '10.0.0.2', destination: '10.0.0.1', icmp: { ...icmp, type: 0 } },
        timeout: 9,
      },
    ],
    [
      'gre',
      {
        protocol: 'gre',
        reply: { source: '10.0.0.2', destination: '10.0.0.1', sourceKey: 1, destinationKey: 2 },
        timeout: 9,
      },
    ],
  ])('createEntry from the reply tuple alone: %s', async (_, spec) => {
    const created = await createEntry(spec);
    expect(created.reply).toMatchObject(spec.reply);
    expect(created.original).toMatchObject({
      source: spec.reply.destination,
      destination: spec.reply.source,
    });
    expect(await getEntry(created)).toBeDefined();
    if (spec.reply.icmp) expect(created.original.icmp).toEqual(icmp);
    await expect(createEntry({ ...spec, reply: { ...spec.reply, source: 'x' } })).rejects.toThrow(
      /^spec\.reply\.source: /,
    );
  });

  test('labels are set and cleared one by one, at both ends, and others stay', async () => {
    const high = 1n << 127n;
    const entry = await createEntry({ ...udp, labels: 0b1011n });
    const labels = async (change: object) =>
      (await updateEntry(entry, { labels: change })).labels ?? 0n;
    expect(await labels({ set: high | 4n })).toBe(high | 0b1111n);
    expect(await labels({ clear: 1n })).toBe(high | 0b1110n);
    expect(await labels({ set: 1n << 64n, clear: high | 2n })).toBe((1n << 64n) | 0b1100n);
    expect(await labels({ set: '4' })).toBe((1n << 64n) | 0b1100n);
    expect(await labels({})).toBe((1n << 64n) | 0b1100n);
    expect((await updateEntry(entry, { labels: 1n })).labels).toBe(1n);
    await createEntry({ ...udp, original: V6, labels: 8n });
    expect(
      await updateEntries({ protocol: 'udp' }, { labels: { set: 2n, clear: 8n } }),
    ).toMatchObject({ updated: 2 });
    expect((await listEntries()).map((one) => one.labels).sort()).toEqual([2n, 3n]);
  });

  test('bits of a mark are toggled', async () => {
    const entry = await createEntry({ ...udp, mark: 0xf0 });
    expect((await updateEntry(entry, { mark: { toggle: 0xff } })).mark).toBe(0x0f);
    expect((await updateEntry(entry, { mark: { toggle: 0x8000_0000 } })).mark).toBe(0x8000_000f);
    expect((await updateEntry(entry, { mark: { toggle: 0 } })).mark).toBe(0x8000_000f);
    const both = { value: 0x3, mask: 0xf, toggle: 0xf0 };
    expect((await updateEntry(entry, { mark: both })).mark).toBe(0x8000_00f3);
    await updateEntry(entry, { mark: 0x8000_000f });
    await updateEntries({ protocol: 'udp' }, { mark: { toggle: 0xffff_ffff } });
    expect((await getEntry(entry))?.mark).toBe(0x7fff_fff0);
  });

  async function send(packets: number, port: number): Promise<void> {
    const socket = createSocket('udp4');
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    for (let packet = 0; packet < packets; packet++) {
      const sent = once(socket, 'sent');
      socket.send('x', 9, '127.0.0.1', () => socket.emit('sent'));
      await sent;
    }
    socket.close();
  }

  test('the counters of one flow are read and zeroed, and those of no other', async () => {
    run('ip', 'link', 'set', 'lo', 'up');
    setting('acct', 1);
    await send(3, 4001);
    await send(5, 4002);
    const at = (sourcePort: number) => ({
      protocol: 'udp' as const,
      original: { source: '127.0.0.1', destination: '127.0.0.1', sourcePort, destinationPort: 9 },
    });
    const packets = async (port: number) => (await getEntry(at(port)))?.counters?.original.packets;
    const read = await getEntry(at(4001), { zeroCounters: true });
    expect(read?.counters?.original.packets).toBe(3);
    expect([await packets(4001), await packets(4002)]).toEqual([0, 5]);

    // By a key that names nothing: another id, the wrong direction.
    const { id = 0 } = (await getEntry(at(4002))) ?? {};
    expect(await getEntry({ ...at(4002), id: id + 1 }, { zeroCounters: true })).toBeUndefined();
    const { original } = at(4002);
    expect(
      await getEntry({ protocol: 'udp', reply: original }, { zeroCounters: true }),
    ).toBeUndefined();
    expect(await packets(4002)).toBe(5);
    expect(await getEntry(at(4002), { zeroCounters: false })).toBeDefined();
    expect(await packets(4002)).toBe(5);
  });
});
