import { Conntrack, type EntryKey, getEntry, PROTOCOL_NUMBERS, type Tuple } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { entriesOf } from '../../src/entry/entries.js';
import { namedKey } from '../../src/entry/named-key.js';
import { ENTRY, ENTRY_PRESENT, SLAB } from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';
import { slabFor } from '../../src/request/place.js';
import { entryWith, TCP_TUPLES } from './records.js';

function keySlab(key: EntryKey): ArrayBuffer {
  const { slab, ...place } = slabFor(ENTRY.size);
  namedKey(key)?.write(place);
  return slab;
}

const ADDRESSES = { source: '10.0.0.1', destination: '10.0.0.2' };
const PORTS = { ...ADDRESSES, sourcePort: 40000, destinationPort: 443 };
const ICMP = { ...ADDRESSES, icmp: { type: 8, code: 0, id: 7 } };
const KEYS = { ...ADDRESSES, sourceKey: 1, destinationKey: 0xffff };

/** What a slab says once it is read as an entry, and the present bits of its record. */
function written(slab: ArrayBuffer) {
  const view = new DataView(slab);
  // The writer leaves the count to those who fill slabs.
  view.setUint32(SLAB.count, 1, LITTLE_ENDIAN);
  const present = view.getUint32(SLAB.firstEntry + ENTRY.present, LITTLE_ENDIAN);
  const [entry] = entriesOf([slab]);
  if (entry === undefined) throw new Error('no entry');
  return { present, entry };
}

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}

describe('a key becomes a record', () => {
  it.each<[string, EntryKey['protocol'], Tuple]>([
    ['tcp', 'tcp', PORTS],
    ['udp by number', 17, PORTS],
    ['udplite', 'udplite', PORTS],
    ['udplite without ports', 'udplite', ADDRESSES],
    ['sctp', 'sctp', PORTS],
    ['sctp without ports', 'sctp', ADDRESSES],
    ['dccp with ports', 'dccp', PORTS],
    ['dccp without ports', 'dccp', ADDRESSES],
    ['icmp', 'icmp', ICMP],
    [
      'icmpv6',
      'icmpv6',
      { source: 'fd00::1', destination: 'fd00::2', icmp: { type: 128, code: 255, id: 65535 } },
    ],
    ['gre', 'gre', KEYS],
    ['gre without keys', 'gre', ADDRESSES],
    ['a protocol without ports', 50, ADDRESSES],
    ['ports at their ends', 'tcp', { ...ADDRESSES, sourcePort: 0, destinationPort: 65535 }],
    ['a zone of one direction', 'tcp', { ...PORTS, zone: 9 }],
    ['a zone 0 of one direction', 'tcp', { ...PORTS, zone: 0 }],
  ])('%s, in either direction', (_name, protocol, tuple) => {
    const number = typeof protocol === 'number' ? protocol : PROTOCOL_NUMBERS[protocol as 'tcp'];

    const original = written(keySlab({ protocol, original: tuple }));
    expect(original.present).toBe(ENTRY_PRESENT.original);
    expect(original.entry.protocolNumber).toBe(number);
    expect(original.entry.toJSON().original).toEqual(tuple);

    const reply = written(keySlab({ protocol, reply: tuple }));
    expect(reply.present).toBe(ENTRY_PRESENT.reply);
    expect(reply.entry.toJSON().reply).toEqual(tuple);
  });

  it('takes the number beside the word other', () => {
    const key = { protocol: 'other', protocolNumber: 253, original: ADDRESSES } as const;
    expect(written(keySlab(key)).entry.protocolNumber).toBe(253);
  });

  it('takes an entry, and of that the original tuple and the id', () => {
    const { present, entry } = written(keySlab(entryWith({ ...TCP_TUPLES, id: 1, status: 8 })));
    expect(present).toBe(ENTRY_PRESENT.original | ENTRY_PRESENT.id);
    expect(entry.id).toBe(1);
    expect(entry.toJSON().original).toEqual(entryWith(TCP_TUPLES).toJSON().original);
  });

  it('writes a zone, save for 0, which means the same as none', () => {
    const zoned = written(keySlab({ protocol: 'tcp', original: PORTS, zone: 65535 }));
    expect(zoned.entry.zone).toBe(65535);
    expect(zoned.present).toBe(ENTRY_PRESENT.original | ENTRY_PRESENT.zone);
    const zero = written(keySlab({ protocol: 'tcp', original: PORTS, zone: 0 }));
    expect(zero.present).toBe(ENTRY_PRESENT.original);
  });
});

describe('a wrong key', () => {
  const tcp = (tuple: object) => ({ protocol: 'tcp', original: { ...PORTS, ...tuple } });
  const icmp = (value: unknown) => ({ protocol: 'icmp', original: { ...ADDRESSES, icmp: value } });
  const gre = (tuple: object) => ({ protocol: 'gre', original: { ...KEYS, ...tuple } });

  it.each<[string, unknown]>([
    ['key', undefined],
    ['key', null],
    ['key', 'tcp'],
    ['key.protocol', { original: PORTS }],
    ['key.protocol', { protocol: 'tpc', original: PORTS }],
    ['key.protocol', { protocol: 'toString', original: PORTS }],
    ['key.protocol', { protocol: null, original: PORTS }],
    ['key.protocol', { protocol: ['tcp'], original: PORTS }],
    ['key.protocolNumber', { protocol: 'other', original: ADDRESSES }],
    ['key.protocolNumber', { protocol: 'other', protocolNumber: '6', original: ADDRESSES }],
    ['key.reply', { protocol: 'tcp' }],
    ...[1, '', '-1', '0x1', null, new Date(0)].map((startTimeNs): [string, unknown] => [
      'key.startTimeNs',
      { protocol: 'tcp', original: PORTS, startTimeNs },
    ]),
    ['key.status', { protocol: 'tcp', original: PORTS, status: 'dying' }],
    ['key.status.dying', { protocol: 'tcp', original: PORTS, status: { dying: 1 } }],
    ['key.reply', { protocol: 'tcp', reply: null }],
    ['key.original', { protocol: 'tcp', original: null }],
    ['key.original', { protocol: 'tcp', original: '10.0.0.1' }],
    ['key.original.source', tcp({ source: undefined })],
    ['key.original.source', tcp({ source: 'localhost' })],
    ['key.original.source', tcp({ source: 1 })],
    ['key.original.source', tcp({ source: '10.0.0.0/8' })],
    ['key.original.source', tcp({ source: 'fe80::1%eth0' })],
    ['key.original.destination', tcp({ destination: undefined })],
    ['key.original.destination', tcp({ destination: 'fd00::1' })],
    ['key.reply.destination', { protocol: 'udp', reply: { ...PORTS, destination: 'x' } }],
    ['key.original.sourcePort', tcp({ sourcePort: undefined })],
    ['key.original.sourcePort', tcp({ sourcePort: '80' })],
    ['key.original.sourcePort', tcp({ sourcePort: null })],
    ['key.original.destinationPort', tcp({ destinationPort: undefined })],
    ['key.original.destinationPort', tcp({ destinationPort: 80n })],
    ['key.original.sourceKey', tcp({ sourceKey: 1 })],
    ['key.original.icmp', tcp({ icmp: { type: 8, code: 0, id: 1 } })],
    ['key.original.zone', tcp({ zone: '1' })],
    ['key.original.icmp', icmp(undefined)],
    ['key.original.icmp', icmp(null)],
    ['key.original.icmp', icmp(8)],
    ['key.original.icmp.type', icmp({ code: 0, id: 1 })],
    ['key.original.icmp.code', icmp({ type: 8, id: 1 })],
    ['key.original.icmp.id', icmp({ type: 8, code: 0 })],
    ['key.original.sourcePort', { protocol: 'icmp', original: { ...ICMP, sourcePort: 1 } }],
    ['key.original.sourcePort', gre({ sourcePort: 1 })],
    ['key.original.destinationPort', gre({ destinationPort: 1 })],
    ['key.original.sourceKey', gre({ sourceKey: undefined })],
    ['key.original.destinationKey', gre({ destinationKey: undefined })],
    [
      'key.original.sourcePort',
      { protocol: 'udplite', original: { ...ADDRESSES, destinationPort: 1 } },
    ],
    [
      'key.original.destinationPort',
      { protocol: 'dccp', original: { ...ADDRESSES, sourcePort: 1 } },
    ],
    [
      'key.original.destinationPort',
      { protocol: 50, original: { ...ADDRESSES, destinationPort: 1 } },
    ],
    ['key.zone', { protocol: 'tcp', original: PORTS, zone: '1' }],
    ['key.zone', { protocol: 'tcp', original: PORTS, zone: null }],
  ])('is a TypeError that names %s: %o', (field, key) => {
    const refused = thrownBy(() => keySlab(key as EntryKey));
    expect(refused).toBeInstanceOf(TypeError);
    expect(refused.message.split(': ')).toEqual([field, expect.any(String)]);
  });

  it.each<[string, unknown]>([
    ['key.protocol', { protocol: 256, original: ADDRESSES }],
    ['key.protocol', { protocol: -1, original: ADDRESSES }],
    ['key.protocol', { protocol: 6.5, original: PORTS }],
    ['key.protocol', { protocol: Number.NaN, original: PORTS }],
    ['key.protocolNumber', { protocol: 'other', protocolNumber: 256, original: ADDRESSES }],
    ['key.original.sourcePort', tcp({ sourcePort: 65536 })],
    ['key.original.sourcePort', tcp({ sourcePort: -1 })],
    ['key.original.sourcePort', tcp({ sourcePort: 0.5 })],
    ['key.original.destinationPort', tcp({ destinationPort: Number.POSITIVE_INFINITY })],
    ['key.original.zone', tcp({ zone: 65536 })],
    ['key.original.icmp.type', icmp({ type: 256, code: 0, id: 0 })],
    ['key.original.icmp.code', icmp({ type: 0, code: 256, id: 0 })],
    ['key.original.icmp.id', icmp({ type: 0, code: 0, id: 65536 })],
    ['key.original.sourceKey', gre({ sourceKey: 65536 })],
    ['key.original.destinationKey', gre({ destinationKey: -1 })],
    ['key.zone', { protocol: 'tcp', original: PORTS, zone: 65536 }],
    ...[-1n, 2n ** 64n, String(2n ** 64n)].map((startTimeNs): [string, unknown] => [
      'key.startTimeNs',
      { protocol: 'tcp', original: PORTS, startTimeNs },
    ]),
  ])('is a RangeError that names %s and its range: %o', (field, key) => {
    const refused = thrownBy(() => keySlab(key as EntryKey));
    expect(refused).toBeInstanceOf(RangeError);
    expect(refused.message.split(': ')).toEqual([
      field,
      expect.stringMatching(/^must (be an integer from 0 to \d+|have no bit above 63), not /),
    ]);
  });

  it('rejects before anything is sent', async () => {
    await expect(getEntry({} as EntryKey)).rejects.toThrow(/^key\.protocol: /);
    await using conntrack = await Conntrack.open();
    await expect(conntrack.getEntry({} as EntryKey)).rejects.toThrow(/^key\.protocol: /);
  });
});
