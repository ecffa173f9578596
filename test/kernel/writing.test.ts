/**
 * Creating, changing and deleting entries of the real kernel.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { inspect } from 'node:util';
import {
  Conntrack,
  countEntries,
  createEntries,
  createEntry,
  deleteEntries,
  deleteEntry,
  type Entry,
  type EntryKey,
  type EntrySpec,
  flushEntries,
  getEntry,
  listEntries,
  streamEntries,
  type Tuple,
  updateEntries,
  updateEntry,
  watchEvents,
} from 'conntrack';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { count, insert, listLines } from '../support/conntrack-tool.js';
import { isEmulated, many } from '../support/emulation.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { ping } from '../support/traffic.js';

const PORTS = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 40000,
  destinationPort: 443,
};
const TCP = {
  protocol: 'tcp',
  original: PORTS,
  timeout: 1000,
  tcp: { state: 'ESTABLISHED' },
} as const satisfies EntrySpec;

/** A line without what changes from look to look: the seconds left, and who holds the entry. */
const settled = (line: string) => line.replace(/^(\S+ +\d+) \d+/, '$1').replace(/ use=\d+$/, '');

/** The flow with this number. */
function udp(number: number, more: Partial<EntrySpec> = {}): EntrySpec {
  const [high, middle, low] = [number >> 16, (number >> 8) & 255, number & 255];
  const source = `10.${high}.${middle}.${low}`;
  const original = { source, destination: '192.0.2.1', sourcePort: 1, destinationPort: 2 };
  return { protocol: 'udp', original, timeout: 1000, ...more };
}

/**
 * Another flow on the tuple of the entry. An id is a hash of the tuple and of where
 * the kernel keeps the entry, so that place must be taken in between.
 */
async function replace(entry: Entry, spec: EntrySpec): Promise<Entry> {
  expect(await deleteEntry(entry)).toBe(true);
  await expect(updateEntry(entry, { mark: 1 })).rejects.toMatchObject({ code: 'ENOENT' });
  for (let others = 0; ; others += 50) {
    const newer = await createEntry(spec);
    if (newer.id !== entry.id) return newer;
    await deleteEntry(newer);
    await createEntries(Array.from({ length: 50 }, (_, i) => udp(60_000 + others + i)));
  }
}

/** Without what another entry of the same flow has otherwise. */
const plain = (entry: Entry) => ({ ...entry.toJSON(), id: 0, timeout: 0, use: 0 });

const ENDS = { source: '10.0.0.1', destination: '10.0.0.2' };
const ENDS_V6 = { source: 'fd00::1', destination: 'fd00::2' };
const request = { type: 8, code: 0, id: 7 };
const answer = { type: 0, code: 0, id: 4242 };
const source = { address: '192.0.2.1' };

/** NAT of what has no ports; the names say what else it changes. */
const TRANSLATED: { readonly name: string; readonly spec: EntrySpec }[] = [
  {
    name: 'the id of a ping, and its source',
    spec: {
      protocol: 'icmp',
      original: { ...ENDS, icmp: request },
      reply: { source: '10.0.0.2', destination: '192.0.2.1', icmp: answer },
      nat: { source },
      timeout: 60,
    },
  },
  {
    name: 'the id of a ping alone',
    spec: {
      protocol: 'icmp',
      original: { ...ENDS, destination: '10.0.0.3', icmp: request },
      reply: { source: '10.0.0.3', destination: '10.0.0.1', icmp: answer },
      nat: { source: { address: '10.0.0.1' } },
      timeout: 60,
    },
  },
  {
    name: 'the id of a ping, and its destination',
    spec: {
      protocol: 'icmp',
      original: { ...ENDS, destination: '10.0.0.4', icmp: request },
      reply: { source: '10.0.0.5', destination: '10.0.0.1', icmp: answer },
      nat: { destination: { address: '10.0.0.5' } },
      timeout: 60,
    },
  },
  {
    name: 'the id of an ICMPv6 ping, and both ends',
    spec: {
      protocol: 'icmpv6',
      original: { ...ENDS_V6, icmp: { ...request, type: 128 } },
      reply: { source: 'fd00::9', destination: 'fd00::8', icmp: { ...answer, type: 129 } },
      nat: { source: { address: 'fd00::8' }, destination: { address: 'fd00::9' } },
      timeout: 60,
    },
  },
  {
    name: 'the keys of GRE, and its source',
    spec: {
      protocol: 'gre',
      original: { ...ENDS, sourceKey: 1, destinationKey: 2 },
      reply: { source: '10.0.0.2', destination: '192.0.2.1', sourceKey: 3, destinationKey: 4 },
      nat: { source },
      timeout: 60,
    },
  },
];

const THERE = { sourcePort: 5000, destinationPort: 5053 };
const BACK = { sourcePort: 5053, destinationPort: 5000 };

async function receiver(address: string, port: number = THERE.destinationPort): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

const FOREVER_LABELS = `table inet labels {
  chain output { type filter hook output priority 0; ct label set 1; }
}`;

beforeEach(() => {
  run('conntrack', '-F');
  nft('flush ruleset');
});

describeInNamespace('conntrack', 'nft')('createEntry', () => {
  test('gives the entry as the kernel has it, which conntrack -L prints', async () => {
    const entry = await createEntry({
      ...TCP,
      zone: 5,
      mark: 7,
      status: ['assured', 'seenReply'],
      tcp: { state: 'ESTABLISHED', original: { windowScale: 7, flags: 3 }, reply: { flags: 1 } },
    });
    expect(listLines().map(settled)).toEqual([settled(String(entry))]);
    expect(settled(String(entry))).toBe(
      'tcp      6 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=443 ' +
        'src=10.0.0.2 dst=10.0.0.1 sport=443 dport=40000 [ASSURED] mark=7 zone=5',
    );
    expect([1000, 999]).toContain(entry.timeout); // the kernel rounds what is left down
    expect(entry.toJSON().tcp?.original).toMatchObject({ flags: 3 });
  });

  test.each([
    [
      'source',
      { source: { address: '192.0.2.9', port: 5000 } },
      'dst=192.0.2.9 sport=443 dport=5000',
    ],
    ['destination', { destination: { address: '192.0.2.9' } }, 'src=192.0.2.9'],
    [
      'both',
      { source: { address: '192.0.2.8', port: 1 }, destination: { address: '192.0.2.9', port: 2 } },
      'src=192.0.2.9 dst=192.0.2.8 sport=2 dport=1',
    ],
  ])('NAT of the %s', async (_, nat, line) => {
    const entry = await createEntry({ ...TCP, nat });
    expect(entry.nat).toMatchObject(nat);
    expect(String(entry)).toContain(line);
  });

  test('an IPv6 entry with NAT, and zones of one direction', async () => {
    const original = { ...PORTS, source: 'fd00::1', destination: 'fd00::2', zone: 3 };
    const nat = { destination: { address: 'fd00::9', port: 77 } };
    const entry = await createEntry({ protocol: 'udp', original, nat, timeout: 60 });
    expect(entry.nat).toEqual(nat);
    expect([entry.zone, entry.original.zone, entry.reply.zone]).toEqual([0, 3, undefined]);
  });

  test('labels, a helper, a master and sequence adjustment', async () => {
    nft(FOREVER_LABELS);
    const master = await createEntry({ ...TCP, helper: 'ftp' });
    expect(master.helper).toBe('ftp');
    const sequenceAdjust = { reply: { correctionPosition: 1, offsetBefore: -2, offsetAfter: 3 } };
    const entry = await createEntry({
      ...udp(1),
      master: master as unknown as Tuple,
      labels: (1n << 127n) | 2n,
      sequenceAdjust,
    }).catch(() => undefined);
    expect(entry).toBeUndefined(); // the tuple of a master is its original one, not an entry
    const child = await createEntry({
      ...udp(1),
      master: { protocol: 'tcp', protocolNumber: 6, ...PORTS },
      labels: (1n << 127n) | 2n,
      sequenceAdjust,
    });
    expect(child).toMatchObject({ labels: (1n << 127n) | 2n });
    expect(child.status.expected).toBe(true);
    expect(child.master).toMatchObject({ protocol: 'tcp', sourcePort: 40000 });
    expect(child.sequenceAdjust?.reply).toEqual(sequenceAdjust.reply);
  });

  test('what was read can be created again', async () => {
    const tuple = ['-s', '10.1.0.1', '-d', '10.1.0.2', '--sport', '1', '--dport', '2'];
    insert('-p', 'tcp', ...tuple, '-t', '600', '--state', 'SYN_SENT', '--src-nat', '10.9.9.9:99');
    insert(
      '-p',
      'sctp',
      ...tuple,
      '-t',
      '60',
      '--state',
      'ESTABLISHED',
      '--orig-vtag',
      '1',
      '--reply-vtag',
      '2',
    );
    insert(
      '-p',
      'gre',
      '-s',
      'fd00::1',
      '-d',
      'fd00::2',
      '--srckey',
      '1',
      '--dstkey',
      '2',
      '-t',
      '60',
    );
    insert('-p', 'udp', ...tuple, '-t', '60', '-m', '5', '-w', '7', '-u', 'SEEN_REPLY,ASSURED');
    const master = await createEntry({ ...TCP, helper: 'ftp' });
    await createEntry(udp(1, { master: { ...PORTS, protocol: 'tcp', protocolNumber: 6 } }));
    for (const { spec } of TRANSLATED) await createEntry(spec);
    const before = (await listEntries()).toSorted(
      (a, b) => Number(a.id === master.id) - Number(b.id === master.id),
    );
    await flushEntries();
    // What belongs to a master, and the master last.
    expect(before.at(-1)?.helper).toBe('ftp');
    const results = await createEntries(before);
    expect(results.map(({ error }) => error)).toEqual(before.map(() => undefined));
    expect(results.map(({ entry }) => entry && plain(entry))).toEqual(before.map(plain));
  });

  test.each(TRANSLATED)('$name', async ({ spec }) => {
    const entry = await createEntry(spec);
    expect(entry.toJSON().reply).toEqual(spec.reply);
    expect(entry.status.sourceNat || entry.status.destinationNat).toBe(true);
    await flushEntries();
    expect(plain(await createEntry(entry.toJSON()))).toEqual(plain(entry));
  });

  test('an entry in its last second can be created again', async () => {
    // The kernel rounds what is left of one second down.
    const last = { ...(await createEntry(TCP)).toJSON(), timeout: 0 };
    await flushEntries();
    const [result] = await createEntries([last]);
    expect(result?.error).toBeUndefined();
    expect([0, 1]).toContain(result?.entry?.timeout);
  });

  test('a change to 0 seconds ends the entry, and gives it as it was', async () => {
    await createEntries([udp(1), udp(2), udp(3)]);
    const [first] = await listEntries({ original: { source: '10.0.0.1' } });
    const ended = await updateEntry(first as Entry, { timeout: 0, mark: 7 });
    // A second may have passed between the two.
    const lasting = (entry: Entry | undefined) => ({ ...entry?.toJSON(), use: 0, timeout: 0 });
    expect(lasting(ended)).toEqual(lasting(first));
    expect((first?.timeout ?? 0) - (ended.timeout ?? 0)).toBeLessThan(10);
    expect(await getEntry(first as Entry)).toBeUndefined();
    expect(await updateEntries({ original: { source: '10.0.0.2' } }, { timeout: 0 })).toEqual({
      matched: 1,
      updated: 1,
      vanished: 0,
    });
    expect((await listEntries()).map(({ original }) => original.source)).toEqual(['10.0.0.3']);
    await expect(updateEntry(udp(1), { timeout: 0 })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('an offloaded entry, which comes without timeout and state, is an established flow', async () => {
    const { timeout: _, tcp: __, ...entry } = (await createEntry(TCP)).toJSON();
    await flushEntries();
    const offloaded = { ...entry, timeout: undefined, status: { ...entry.status, offload: true } };
    const made = await createEntry(offloaded);
    expect(made.timeout).toBeGreaterThan(431_990);
    // 8: IP_CT_TCP_FLAG_BE_LIBERAL
    expect(made.toJSON().tcp).toMatchObject({
      state: 'ESTABLISHED',
      original: { flags: 8 },
      reply: { flags: 8 },
    });
  });

  test('a reply without nat translates nothing: the kernel sets no bit, and no filter takes it for NAT', async () => {
    const reply = { ...PORTS, source: '10.0.0.9', destination: '10.0.0.1' };
    const entry = await createEntry({ ...TCP, reply });
    expect(entry.toJSON().reply).toEqual(reply);
    expect([entry.nat, entry.status.sourceNat, entry.status.destinationNat]).toEqual([
      undefined,
      false,
      false,
    ]);
    expect(await listEntries({ nat: 'any' })).toEqual([]);
    expect(await listEntries({ nat: 'none' })).toHaveLength(1);
    // As conntrack has it.
    expect(run('conntrack', '-L', '--any-nat')).toBe('');
  });

  test.each([
    ['127.0.0.3', 'reply', { reply: { source: '127.0.0.4', destination: '127.0.0.2', ...BACK } }],
    ['127.0.0.4', 'nat', { nat: { destination: { address: '127.0.0.4' } } }],
  ] as const)('a packet comes to %s with %s to 127.0.0.4', async (address, _, more) => {
    trackLoopback();
    nft('table ip nat { chain output { type nat hook output priority -100; }; }');
    const original = { source: '127.0.0.2', destination: '127.0.0.3', ...THERE };
    await createEntry({ protocol: 'udp', original, timeout: 1000, status: ['seenReply'], ...more });
    const servers = await Promise.all(['127.0.0.3', '127.0.0.4'].map((one) => receiver(one)));
    const client = await receiver(original.source, THERE.sourcePort);
    const arrived = servers.map(async (server) => {
      await once(server, 'message');
      return server.address().address;
    });
    client.send('packet', THERE.destinationPort, original.destination);
    expect(await Promise.race(arrived)).toBe(address);
    for (const socket of [client, ...servers]) socket.close();
  });

  test('a wrong item of a list has its error; the others are created', async () => {
    const wrong = { ...udp(2), timeout: -1 };
    const results = await createEntries([udp(1), wrong, udp(1), udp(3)]);
    expect(results.map(({ entry, error }) => entry?.original.source ?? error)).toEqual([
      '10.0.0.1',
      expect.any(RangeError),
      expect.objectContaining({ code: 'EEXIST' }),
      '10.0.0.3',
    ]);
    expect(await countEntries()).toBe(2);
  });

  test.each<[string, string, RegExp, EntrySpec]>([
    ['an entry that exists', 'EEXIST', /has this tuple already.*\n?.*updateEntry/, TCP],
    [
      'the tuple of the answers of one',
      'EEXIST',
      /as its original or its reply/,
      {
        ...TCP,
        original: {
          source: '10.0.0.2',
          destination: '10.0.0.1',
          sourcePort: 443,
          destinationPort: 40000,
        },
      },
    ],
    [
      'labels where no rule has any',
      'ENOSPC',
      /no rule.*\n?.*ct label set/,
      udp(1, { labels: 1n }),
    ],
    ['a helper of another protocol', 'EOPNOTSUPP', /'ftp'/, udp(1, { helper: 'ftp' })],
    [
      'a helper that does not exist',
      'EOPNOTSUPP',
      /'nonsense'.*\n?.*modprobe/,
      udp(1, { helper: 'nonsense' }),
    ],
    ['a master that does not exist', 'ENOENT', /master/, udp(1, { master: udp(77).original })],
  ])('refuses %s, and creates nothing', async (_, code, message, spec) => {
    await createEntry(TCP);
    const before = listLines().length;
    await expect(createEntry(spec)).rejects.toMatchObject({ code, operation: 'createEntry' });
    await expect(createEntry(spec)).rejects.toThrow(message);
    expect(listLines()).toHaveLength(before);
  });
});

describeInNamespace('conntrack', 'nft')('updateEntry', () => {
  test('changes what is named, and nothing else', async () => {
    const before = await createEntry({ ...TCP, mark: 0x1234 });
    const after = await updateEntry(before, {
      mark: { value: 0x0050, mask: 0x00f0 },
      status: ['assured', 'seenReply'],
    });
    expect(after.mark).toBe(0x1254);
    expect({ ...after.toJSON(), timeout: 0 }).toEqual({
      ...before.toJSON(),
      timeout: 0,
      mark: 0x1254,
      assured: true,
      status: { ...before.toJSON().status, bits: 0xe, assured: true, seenReply: true },
    });
    expect(listLines().map(settled)).toEqual([settled(String(after))]);
  });

  test('by its answers, too; timeout and state', async () => {
    await createEntry(TCP);
    const reply = {
      source: '10.0.0.2',
      destination: '10.0.0.1',
      sourcePort: 443,
      destinationPort: 40000,
    };
    const after = await updateEntry(
      { protocol: 'tcp', reply },
      { timeout: 60, tcp: { state: 'CLOSE_WAIT' } },
    );
    expect(String(after)).toMatch(/^tcp {6}6 (60|[45]\d) CLOSE_WAIT/);
  });

  test('labels are replaced as a whole', async () => {
    nft(FOREVER_LABELS);
    const entry = await createEntry({ ...TCP, labels: 3n });
    expect((await updateEntry(entry, { labels: 1n << 100n })).labels).toBe(1n << 100n);
    expect((await updateEntry(entry, { labels: 0n })).labels).toBeUndefined();
  });

  test('a helper can be taken away, or the kernel allows that of no entry', async () => {
    const entry = await createEntry({ ...TCP, helper: 'ftp' });
    const after = await updateEntry(entry, { helper: '' }).catch((error: unknown) => error);
    if (after instanceof Error) expect(after.message).toContain('this kernel does not detach');
    expect((await getEntry(entry))?.helper).toBe(after instanceof Error ? 'ftp' : undefined);
  });

  test('what the kernel applied before it refused is told', async () => {
    const entry = await createEntry(TCP);
    const refused = updateEntry(entry, { timeout: 500, mark: 9, labels: 1n });
    await expect(refused).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(refused).rejects.toThrow(/Changed before: timeout, mark\./);
    expect(String(await getEntry(entry))).toMatch(/^tcp {6}6 (500|4\d\d) ESTABLISHED/);
    expect((await getEntry(entry))?.mark).toBe(9);

    const helper = updateEntry(entry, { timeout: 400, helper: 'ftp' });
    await expect(helper).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await expect(helper).rejects.toThrow(/Nothing was changed\./);
    expect((await getEntry(entry))?.timeout).toBeGreaterThan(490);
  });

  test('a fixed timeout is refused before anything is sent', async () => {
    const entry = await createEntry({ ...TCP, status: ['fixedTimeout'] });
    const refused = updateEntry(entry, { timeout: 5, mark: 5 });
    await expect(refused).rejects.toMatchObject({ code: 'EPERM' });
    await expect(refused).rejects.toThrow(/fixed/);
    expect((await getEntry(entry))?.mark).toBe(0);
  });

  test('an entry that is gone, and one that a newer one has replaced', async () => {
    const entry = await createEntry(TCP);
    await replace(entry, TCP);
    await expect(updateEntry(entry, { mark: 1 })).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await getEntry({ protocol: 'tcp', original: PORTS }))?.mark).toBe(0);
  });

  test('what the kernel ignores in silence is an error', async () => {
    const sequenceAdjust = { original: { correctionPosition: 1, offsetBefore: 2, offsetAfter: 3 } };
    const synproxy = { initialSequence: 1, initialTimestamp: 2, timestampOffset: 3 };
    // Entries that packets made have no room for either.
    trackLoopback();
    ping('127.0.0.1', '127.0.0.1', 7);
    const [entry] = await listEntries({ protocol: 'icmp' });
    if (entry === undefined) throw new Error('no entry');
    for (const change of [{ sequenceAdjust }, { synproxy }]) {
      const refused = updateEntry(entry, { mark: 77, ...change });
      await expect(refused).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
      expect((await getEntry(entry))?.mark).toBe(77);
    }

    const made = await createEntry(TCP);
    expect((await updateEntry(made, { synproxy })).synproxy).toEqual(synproxy);
    const adjusted = await createEntry(udp(1, { sequenceAdjust }));
    const changed = { original: { correctionPosition: 4, offsetBefore: -5, offsetAfter: 6 } };
    const after = await updateEntry(adjusted, { sequenceAdjust: changed });
    expect(after.sequenceAdjust).toMatchObject(changed);
    await expect(updateEntries({ mark: 1 }, { synproxy })).rejects.toThrow(/changes\.synproxy: /);
  });

  test('a state for an entry of another protocol is a TypeError', async () => {
    const entry = await createEntry(udp(1));
    await expect(updateEntry(entry, { tcp: { state: 'CLOSE' } })).rejects.toThrow(/changes\.tcp: /);
    await expect(updateEntries({ mark: 0 }, { tcp: { state: 'CLOSE' } })).rejects.toThrow(
      /changes\.tcp: /,
    );
  });
});

describeInNamespace('conntrack')('deleteEntry', () => {
  test('deletes that entry, and tells whether it was there', async () => {
    const [entry, other] = [await createEntry(udp(1)), await createEntry(udp(2))];
    expect(await deleteEntry(entry)).toBe(true);
    expect(await deleteEntry(entry)).toBe(false);
    expect(await deleteEntry({ protocol: 'udp', original: udp(1).original })).toBe(false);
    expect(await deleteEntry({ protocol: 'udp', reply: other.reply })).toBe(true);
    expect(count()).toBe(0);
  });

  test('leaves a newer flow on the same tuple alone', async () => {
    const old = await createEntry(udp(1));
    const newer = await replace(old, udp(1));
    expect(await deleteEntry(old)).toBe(false);
    expect((await getEntry(newer))?.id).toBe(newer.id);
  });

  test('of an original tuple leaves the entry alone that has it as reply', async () => {
    const { reply } = await createEntry(udp(1));
    expect(await deleteEntry({ protocol: 'udp', original: reply })).toBe(false);
    expect(count()).toBe(1);
  });

  test('in its zone', async () => {
    const zones = [0, 5, 6];
    for (const zone of zones) await createEntry(udp(1, { zone }));
    expect(await deleteEntry({ protocol: 'udp', original: udp(1).original, zone: 5 })).toBe(true);
    expect((await listEntries()).map(({ zone }) => zone).sort()).toEqual([0, 6]);
  });
});

describeInNamespace('conntrack')('a newer flow with the tuple and the id of an older one', () => {
  /**
   * Two flows, one after the other. The kernel computes the id of the tuple and of the address, which
   * it uses again at once, unless another processor takes the second request.
   */
  async function flows(before: 0 | 1, now: 0 | 1): Promise<{ old: Entry; newer: Entry }> {
    for (;;) {
      setting('timestamp', before);
      const old = await createEntry(udp(1));
      setting('timestamp', now);
      await deleteEntry(old);
      const newer = await createEntry(udp(1));
      if (newer.id === old.id) return { old, newer };
      await deleteEntry(newer);
    }
  }

  const keysOf = (entry: Entry): [string, EntryKey][] => {
    const { protocol, original, reply, id, startTimeNs } = entry;
    return [
      ['the entry', entry],
      ['its JSON', entry.toJSON()],
      ['its JSON as text', JSON.parse(JSON.stringify(entry)) as EntryKey],
      ['original, id, start', { protocol, original, id, startTimeNs }],
      ['original, start', { protocol, original, startTimeNs }],
      ['reply, start', { protocol, reply, startTimeNs }],
    ];
  };

  async function expectNothingDone(key: EntryKey): Promise<void> {
    expect(await getEntry(key)).toBeUndefined();
    expect(await deleteEntry(key)).toBe(false);
    await expect(updateEntry(key, { mark: 9 })).rejects.toMatchObject({ code: 'ENOENT' });
  }

  afterEach(() => {
    setting('timestamp', 0);
  });

  test.each([1, 0] as const)('is told apart by its start: timestamps now %d', async (now) => {
    const { old, newer } = await flows(1, now);
    expect(newer.startTimeNs === undefined).toBe(now === 0);
    for (const [, key] of keysOf(old)) await expectNothingDone(key);
    if (now === 1) {
      for (const [, key] of keysOf(newer)) expect((await getEntry(key))?.mark).toBe(0);
    }
    expect((await updateEntry(newer, { mark: 7 })).startTimeNs).toBe(newer.startTimeNs);
    expect(await deleteEntry(newer)).toBe(true);
  });

  test('is not, without timestamps', async () => {
    const { old, newer } = await flows(0, 0);
    expect((await getEntry(old))?.id).toBe(newer.id);
    expect(await deleteEntry(old)).toBe(true);
    expect(count()).toBe(0);
  });

  test.each([0, 1] as const)('stays when a DESTROY event is the key: timestamps %d', async (on) => {
    const stream = watchEvents({ events: ['destroy'], filter: { protocol: 'udp' } });
    const { newer } = await flows(on, on);
    for await (const event of stream) {
      if (event.type !== 'destroy') throw new Error(event.type);
      // That of the flow before it: what had another id was deleted before.
      if (event.entry.id !== newer.id) continue;
      for (const [, key] of keysOf(event.entry).slice(0, 3)) await expectNothingDone(key);
      break;
    }
    expect((await getEntry(newer))?.mark).toBe(0);
  });
});

describeInNamespace('conntrack')('deleteEntries', () => {
  test('a flow that is replaced between the dump and the delete survives', async () => {
    const specs = Array.from({ length: 200 }, (_, number) => udp(number));
    await createEntries(specs);
    const seen = await listEntries();
    await flushEntries();
    // What the entries had of the kernel's memory goes to others.
    await createEntries(Array.from({ length: 400 }, (_, number) => udp(1000 + number)));
    const newer = new Set((await createEntries(specs)).map(({ entry }) => entry?.id));
    const replaced = seen.filter(({ id }) => !newer.has(id));
    expect(replaced.length).toBeGreaterThan(100);
    for (const entry of replaced) expect(await deleteEntry(entry)).toBe(false);
    expect(count()).toBe(600);
  });

  test('while entries come and go: each that matched was deleted or had vanished', async () => {
    const specs = Array.from({ length: many(20_000) }, (_, number) =>
      udp(number, { mark: number & 1 }),
    );
    await createEntries(specs);
    const pass = deleteEntries({ mark: 1 });
    const rival = (async () => {
      let taken = 0;
      for await (const batch of streamEntries({ mark: 1 }).batches()) {
        for (const entry of batch) if (await deleteEntry(entry)) taken++;
      }
      return taken;
    })();
    const [{ matched, deleted, vanished }, taken] = await Promise.all([pass, rival]);
    expect(matched).toBe(deleted + vanished);
    expect(deleted + taken).toBe(many(10_000));
    expect(count()).toBe(many(10_000));
    expect(new Set((await listEntries()).map(({ mark }) => mark))).toEqual(new Set([0]));
  });

  test('dryRun counts, and deletes nothing', async () => {
    await createEntries([udp(1), udp(2, { mark: 1 })]);
    const counts = { matched: 1, deleted: 0, vanished: 0 };
    expect(await deleteEntries({ mark: 1 }, { dryRun: true })).toEqual(counts);
    expect(count()).toBe(2);
  });

  test('an empty list of filters matches nothing', async () => {
    await createEntry(udp(1));
    expect(await deleteEntries([])).toEqual({ matched: 0, deleted: 0, vanished: 0 });
    expect(count()).toBe(1);
  });
});

describeInNamespace('conntrack')('flushEntries', () => {
  const both = () =>
    createEntries([
      udp(1),
      { ...udp(2), original: { ...PORTS, source: 'fd00::1', destination: 'fd00::2' } },
    ]);

  test('empties the table', async () => {
    await both();
    await flushEntries();
    expect(count()).toBe(0);
  });

  test.each(['ipv4', 'ipv6'] as const)('of %s leaves the other family alone', async (family) => {
    await both();
    await flushEntries({ family });
    expect((await listEntries()).map((entry) => entry.family)).toEqual([
      family === 'ipv4' ? 'ipv6' : 'ipv4',
    ]);
  });
});

describeInNamespace('conntrack')('nothing but flushEntries empties the table', () => {
  class Hostile {
    get family() {
      return 'ipv4';
    }
  }
  const nothings: unknown[] = [
    undefined,
    null,
    {},
    [],
    [{}],
    [[]],
    [undefined],
    '',
    '*',
    0,
    NaN,
    true,
    () => true,
    Symbol('all'),
    new Map(),
    new Date(0),
    new Hostile(),
    Object.create(null),
    Object.create({ mark: 1 }),
    JSON.parse('{"__proto__": {"mark": 1}}'),
    { family: undefined },
    { family: 'ipv4' },
    [{ family: 'ipv4' }, { family: 'ipv6' }],
    { family: 'all' },
    { original: {} },
    { original: undefined, reply: undefined },
    { original: { source: undefined } },
    { reply: { icmp: {} } },
    { address: '0.0.0.0/0' },
    { address: '' },
    [{ address: '0.0.0.0/0' }, { address: '::/0' }],
    { original: { source: '0.0.0.0/0', destination: '0.0.0.0/0' } },
    { mark: { value: 0, mask: 0 } },
    { mark: undefined },
    { mark: NaN },
    { status: {} },
    { status: { all: [], none: [] } },
    { labels: {} },
    { labels: { all: 0n } },
    { state: [] },
    { id: 5 },
    { timeout: 5 },
    { protocol: undefined, zone: undefined },
    { protocol: 'udp', original: {} },
    { protocol: 'udp', original: { source: '', destination: '' } },
    { protocol: 'udp', reply: null },
    { protocol: 'other', original: { source: '::', destination: '::' } },
    { protocol: 0, original: { source: '0.0.0.0', destination: '0.0.0.0' } },
  ];

  test('no argument of another function does', async () => {
    await createEntries([
      udp(1),
      { ...udp(2), original: { ...PORTS, source: 'fd00::1', destination: 'fd00::2' } },
      TCP,
    ]);
    const before = listLines();
    await using conntrack = await Conntrack.open();
    const hostile = conntrack as unknown as Record<
      string,
      (...args: unknown[]) => Promise<unknown>
    >;
    for (const method of [
      'deleteEntry',
      'deleteEntries',
      'updateEntry',
      'updateEntries',
      'getEntry',
      'createEntry',
    ]) {
      for (const argument of nothings) {
        // For a filter, a protocol is a condition like any other.
        const isFilter =
          typeof argument === 'object' && argument !== null && 'protocol' in argument;
        if (method === 'deleteEntries' && isFilter) continue;
        for (const second of [undefined, {}, { dryRun: false }, { mark: 0 }]) {
          await Promise.resolve(hostile[method]?.(argument, second)).catch(() => undefined);
        }
      }
    }
    expect(listLines().map(settled)).toEqual(before.map(settled));
  });

  test('and flushEntries only without a mistake in its argument', async () => {
    await createEntry(udp(1));
    for (const options of nothings) {
      if (options === undefined) continue;
      // What can be meant.
      if (
        ['{}', '[Object:nullprototype]{}', '{family:ipv4}'].includes(
          inspect(options).replaceAll(/[ ']/g, ''),
        )
      )
        continue;
      await expect(flushEntries(options as object), inspect(options)).rejects.toThrow(TypeError);
    }
    expect(count()).toBe(1);
  });

  test('nor does a key that lacks its tuple', async () => {
    await createEntry(udp(1));
    for (const key of [{ id: 5 }, { protocol: 'udp' }, { protocol: 'udp', id: 0, original: {} }]) {
      await expect(deleteEntry(key as EntryKey)).rejects.toThrow(TypeError);
    }
    expect(count()).toBe(1);
  });
});

describeInNamespace('conntrack')('100,000 entries', () => {
  test('are created, updated, read and deleted; each failure is its own', async () => {
    setting('timestamp', 0);
    const total = many(100_000);
    const exists = (number: number) => number % 1000 === 999;
    const specs = Array.from({ length: total }, (_, number) => udp(number, { mark: number }));
    await createEntries(
      specs.filter((_, number) => exists(number)).map((spec) => ({ ...spec, mark: 1 << 30 })),
    );
    expect(await countEntries()).toBe(total / 1000);

    const results = await createEntries(specs);
    expect(results).toHaveLength(total);
    for (const [number, { entry, error }] of results.entries()) {
      if (exists(number)) expect(error).toMatchObject({ code: 'EEXIST' });
      else if (entry?.mark !== number) throw new Error(`${number} has mark ${entry?.mark}`);
    }
    expect(await countEntries()).toBe(total);

    const first = isEmulated ? 8192 : 65_536;
    const network = { original: { source: isEmulated ? '10.0.32.0/19' : '10.1.0.0/16' } };
    const updated = await updateEntries(network, { mark: { value: 1 << 20, mask: 1 << 20 } });
    const second = total - first;
    expect(updated).toEqual({ matched: second, updated: second, vanished: 0 });
    for (const { original, mark = 0 } of await listEntries()) {
      const [, high, middle, low] = original.source.split('.').map(Number) as [
        number,
        number,
        number,
        number,
      ];
      const number = (high << 16) | (middle << 8) | low;
      const own = exists(number) ? 1 << 30 : number;
      expect(mark).toBe(number >= first ? own | (1 << 20) : own);
    }

    const deleted = await deleteEntries(network);
    expect(deleted).toEqual({ matched: second, deleted: second, vanished: 0 });
    expect(await countEntries()).toBe(first);
  });
});

describeInNamespace('conntrack')('a handle that is closed', () => {
  test('refuses to write, and ends a pass that is under way', async () => {
    await createEntries(Array.from({ length: many(50_000) }, (_, number) => udp(number)));
    const conntrack = await Conntrack.open();
    const pass = conntrack.deleteEntries({ protocol: 'udp' }).catch((error: unknown) => error);
    await conntrack.close();
    // It was at its end already, or says that it was not.
    const outcome = await pass;
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    for (const call of [
      () => conntrack.createEntry(udp(1)),
      () => conntrack.createEntries([udp(1)]),
      () => conntrack.updateEntry(udp(1), { mark: 1 }),
      () => conntrack.updateEntries({ mark: 1 }, { mark: 1 }),
      () => conntrack.deleteEntry({ protocol: 'udp', original: udp(1).original }),
      () => conntrack.deleteEntries({ mark: 1 }),
      () => conntrack.flushEntries(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    }
  });
});
