import { readdir, readFile } from 'node:fs/promises';
import type { EntryChanges, EntryJson, EntrySpec, SctpInfo } from 'conntrack';
import { describe, expect, it } from 'vitest';
import {
  DCCP_ROLES,
  DCCP_STATES,
  nameOf,
  SCTP_STATES,
  STATUS_FLAGS,
  TCP_STATES,
} from '../../src/core/names.js';
import { changesOf as checkChanges, namedChanges } from '../../src/entry/check-changes.js';
import { specOf as checkSpec } from '../../src/entry/check-spec.js';
import { entriesOf } from '../../src/entry/entries.js';
import { SPEC_BYTES, writeChanges, writeSpec } from '../../src/entry/spec-writer.js';
import { expectationKeyOf, expectationSpecOf } from '../../src/expectation/check-expectation.js';
import { SLAB, SPEC, SPEC_PRESENT } from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';
import { slabFor } from '../../src/request/place.js';
import { entryWith, TCP_TUPLES } from './records.js';

const PORTS = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 40000,
  destinationPort: 443,
};
const INVERSE = {
  source: '10.0.0.2',
  destination: '10.0.0.1',
  sourcePort: 443,
  destinationPort: 40000,
};
const TCP: EntrySpec = { protocol: 'tcp', original: PORTS, timeout: 120 };
const ENDS = { source: '10.0.0.1', destination: '10.0.0.2' };
const PING: EntrySpec = {
  protocol: 'icmp',
  original: { ...ENDS, icmp: { type: 8, code: 0, id: 7 } },
  timeout: 30,
};
const ESP: EntrySpec = { protocol: 50, original: ENDS, timeout: 30 };
const EXPECTED = { protocol: 'tcp', tuple: PORTS, master: PORTS } as const;

/** What a slab says once its first specification is read as an entry. */
function written(slab: ArrayBuffer) {
  const view = new DataView(slab);
  // The writer leaves the count to those who fill slabs.
  view.setUint32(SLAB.count, 1, LITTLE_ENDIAN);
  const [entry] = entriesOf([slab]);
  if (entry === undefined) throw new Error('no entry');
  return { entry, view };
}

function specSlab(spec: EntrySpec): ArrayBuffer {
  const { slab, ...place } = slabFor(SPEC_BYTES);
  writeSpec(place, checkSpec(spec, 'spec'));
  return slab;
}

function changesSlab(changes: EntryChanges): ArrayBuffer {
  const { slab, ...place } = slabFor(SPEC_BYTES);
  writeChanges(place, checkChanges(changes));
  return slab;
}

const specOf = (spec: EntrySpec) => written(specSlab(spec)).entry;
const changesOf = (changes: EntryChanges) => written(changesSlab(changes)).entry;

describe('a specification becomes a record', () => {
  it('of what an entry needs at least', () => {
    const { original, reply, timeout, status, tcp, mark } = specOf(TCP).toJSON();
    expect({ original, reply, timeout, bits: status.bits }).toEqual({
      original: PORTS,
      reply: INVERSE,
      timeout: 120,
      bits: 0x8, // confirmed: the kernel wants it
    });
    expect([tcp, mark]).toEqual([undefined, undefined]);
  });

  it.each([
    ['tcp', TCP_STATES, (state: string) => ({ tcp: { state } })],
    ['sctp', SCTP_STATES, (state: string) => ({ sctp: { state, originalTag: 1, replyTag: 2 } })],
    ['dccp', DCCP_STATES, (state: string) => ({ dccp: { state, role: 'client' } })],
    ['dccp', DCCP_ROLES, (role: string) => ({ dccp: { state: 'OPEN', role } })],
  ] as const)('with every state that an entry of %s can be read with', (protocol, names, rest) => {
    for (let number = 0; number <= 255; number++) {
      const wanted = rest(nameOf(names, number));
      const entry = specOf({ ...TCP, protocol, ...wanted } as unknown as EntrySpec).toJSON();
      expect(entry).toMatchObject(wanted);
    }
    expect(() => specOf({ ...TCP, protocol, ...rest('UNKNOWN(256)') } as EntrySpec)).toThrow(
      RangeError,
    );
  });

  it.each([
    [{ zone: 5 }, undefined],
    [{ zone: 0, original: 5 }, undefined],
    [{ zone: 0, original: 0, reply: 5 }, undefined],
    [{ zone: 5, original: 0 }, 'spec.original.zone: must be absent beside spec.zone'],
    [{ original: 5, reply: 0 }, 'spec.reply.zone: must be absent beside spec.original.zone'],
    [{ original: 5 }, undefined],
    [{ reply: 5 }, undefined],
    [{ zone: 5, original: 5 }, 'spec.original.zone: must be absent beside spec.zone'],
    [{ zone: 5, original: 6 }, 'spec.original.zone: must be absent beside spec.zone'],
    [{ zone: 5, reply: 6 }, 'spec.reply.zone: must be absent beside spec.zone'],
    [{ original: 5, reply: 6 }, 'spec.reply.zone: must be absent beside spec.original.zone'],
  ])('of one zone, and no second: %o', (zones: Record<string, number>, message) => {
    const { zone, original, reply } = zones;
    const spec = {
      ...TCP,
      zone,
      original: { ...PORTS, zone: original },
      reply: { ...INVERSE, zone: reply },
    };
    if (message === undefined) expect(() => specOf(spec)).not.toThrow();
    else expect(() => specOf(spec)).toThrow(message);
  });

  it('of no zone in the tuple of a master or an expectation', () => {
    const zoned = { ...PORTS, zone: 5 };
    const expected = { protocol: 'tcp', tuple: PORTS, master: PORTS } as const;
    expect(() => specOf({ ...TCP, master: zoned })).toThrow(/^spec\.master\.zone: must be absent/);
    expect(() => expectationSpecOf({ ...expected, master: zoned })).toThrow(
      /^spec\.master\.zone: /,
    );
    expect(() => expectationSpecOf({ ...expected, tuple: zoned })).toThrow(/^spec\.tuple\.zone: /);
    expect(() => expectationKeyOf({ protocol: 'tcp', tuple: zoned })).toThrow(
      /^key\.tuple\.zone: /,
    );
    expect(() => expectationSpecOf({ ...expected, zone: 5 })).not.toThrow();
  });

  it('of what a destroy event has of SCTP and DCCP: the state alone', () => {
    const state = { state: 'CLOSED' } as SctpInfo;
    const sctp = specOf({ ...TCP, protocol: 'sctp', sctp: state });
    expect(sctp.sctp).toEqual({ state: 'CLOSED', originalTag: 0, replyTag: 0 });
    const dccp = specOf({ ...TCP, protocol: 'dccp', dccp: { state: 'OPEN', role: undefined } });
    expect(dccp.dccp).toMatchObject({ state: 'OPEN', role: 'client' });
  });

  it.each(['sctp', 'dccp', 'udplite', 'gre'] as const)(
    'of %s by its addresses alone',
    (protocol) => {
      const spec = {
        protocol,
        original: { source: '10.0.0.1', destination: '10.0.0.2' },
        timeout: 9,
      };
      const { original, reply } = specOf(spec).toJSON();
      expect(original).toEqual(spec.original);
      expect(reply).toEqual({ source: '10.0.0.2', destination: '10.0.0.1' });
      expect(specOf({ ...spec, original, reply }).toJSON().reply).toEqual(reply);
    },
  );

  it('of labels and of a DCCP sequence from JSON', () => {
    const dccp = { state: 'OPEN', role: 'client', handshakeSequence: '281474976710655' } as const;
    const entry = specOf({ ...TCP, protocol: 'dccp', dccp, labels: String(2n ** 128n - 1n) });
    expect(entry.labels).toBe(2n ** 128n - 1n);
    expect(entry.dccp?.handshakeSequence).toBe(2n ** 48n - 1n);
    expect(specOf({ ...TCP, labels: entry.toJSON().labels }).labels).toBe(entry.labels);
    for (const labels of ['', '-1', '0x1', '1n', '1.5', ' 1', '9'.repeat(40)]) {
      expect(() => specOf({ ...TCP, labels })).toThrow(/^spec\.labels: /);
    }
    expect(() => specOf({ ...TCP, labels: String(2n ** 128n) })).toThrow(RangeError);
  });

  it('with all that a request can say', () => {
    const spec = {
      ...TCP,
      zone: 5,
      mark: 0xffffffff,
      status: ['assured', 'seenReply'],
      tcp: { state: 'ESTABLISHED', original: { windowScale: 7, flags: 3 }, reply: { flags: 1 } },
      labels: (1n << 127n) | 1n,
      helper: 'ftp',
      master: { protocol: 'udp', ...INVERSE },
      sequenceAdjust: { reply: { correctionPosition: 1, offsetBefore: -2, offsetAfter: 3 } },
      synproxy: { initialSequence: 1, initialTimestamp: 2, timestampOffset: 0xffffffff },
    } as const satisfies EntrySpec;
    expect(specOf(spec).toJSON()).toMatchObject({
      zone: 5,
      mark: 0xffffffff,
      status: { bits: 0xe },
      tcp: {
        state: 'ESTABLISHED',
        original: { windowScale: 7, flags: 3, flagsMask: 255 },
        reply: { flags: 1, flagsMask: 255 },
      },
      labels: String(spec.labels),
      helper: 'ftp',
      master: { ...INVERSE, protocol: 'udp', protocolNumber: 17 },
      sequenceAdjust: spec.sequenceAdjust,
      synproxy: spec.synproxy,
    });
  });

  it.each<[string, EntrySpec['protocol'], object, object]>([
    [
      'a ping',
      'icmp',
      { icmp: { type: 8, code: 0, id: 7 } },
      { icmp: { type: 0, code: 0, id: 7 } },
    ],
    [
      'a timestamp',
      1,
      { icmp: { type: 13, code: 0, id: 7 } },
      { icmp: { type: 14, code: 0, id: 7 } },
    ],
    [
      'an ICMPv6 ping',
      'icmpv6',
      { icmp: { type: 128, code: 0, id: 7 } },
      { icmp: { type: 129, code: 0, id: 7 } },
    ],
    ['GRE', 'gre', { sourceKey: 1, destinationKey: 2 }, { sourceKey: 2, destinationKey: 1 }],
    ['a protocol without ports', 50, {}, {}],
  ])('with the inverse of %s', (_, protocol, original, reply) => {
    const spec = {
      protocol,
      original: { source: '10.0.0.1', destination: '10.0.0.2', ...original },
      timeout: 9,
    };
    expect(specOf(spec).reply).toMatchObject({
      source: '10.0.0.2',
      destination: '10.0.0.1',
      ...reply,
    });
  });

  it('with NAT: the kernel translates the inverse itself', () => {
    const nat = {
      source: { address: '192.0.2.1', port: 5000 },
      destination: { address: '10.9.9.9' },
    };
    const reply = {
      source: '10.9.9.9',
      destination: '192.0.2.1',
      sourcePort: 443,
      destinationPort: 5000,
    };
    const { entry, view } = written(specSlab({ ...TCP, reply, nat }));
    expect(entry.toJSON().reply).toEqual(INVERSE);
    const at = SLAB.firstEntry;
    expect(view.getUint16(at + SPEC.present, LITTLE_ENDIAN)).toBe(
      SPEC_PRESENT.sourceNat | SPEC_PRESENT.sourcePort | SPEC_PRESENT.destinationNat,
    );
    expect(view.getUint16(at + SPEC.sourcePort, LITTLE_ENDIAN)).toBe(5000);
    expect(view.getUint8(at + SPEC.sourceAddress)).toBe(192);
    expect(view.getUint8(at + SPEC.destinationAddress + 3)).toBe(9);
  });

  it('of an entry: its status without what is the kernel’s own', () => {
    const entry = entryWith({ ...TCP_TUPLES, id: 1, status: 0xffff, timeout: 60, mark: 3 });
    const spec = specOf(entry);
    // seenReply, assured, confirmed and fixedTimeout
    expect(spec.status.bits).toBe(0x40e);
    expect(spec.mark).toBe(3);
    expect(spec.timeout).toBe(60);
  });

  it('of an entry in its last second, which has 0 seconds left: it gets one', () => {
    expect(specOf(entryWith({ ...TCP_TUPLES, timeout: 0 })).timeout).toBe(1);
    expect(specOf({ ...TCP, timeout: 0 }).timeout).toBe(1);
    expect(expectationSpecOf({ ...EXPECTED, timeout: 0 })).toMatchObject({ timeout: 1 });
    // In a change the kernel ends the entry.
    expect(checkChanges({ timeout: 0 })).toMatchObject({ timeout: 0 });
  });

  it('of an offloaded entry, of which the kernel sends neither timeout nor state', () => {
    const offload = 1 << STATUS_FLAGS.indexOf('offload');
    const tcp = entryWith({ ...TCP_TUPLES, id: 1, status: offload | 0xe });
    const liberal = { flags: 8, flagsMask: 8 };
    for (const spec of [tcp, tcp.toJSON()]) {
      expect(specOf(spec as EntrySpec).toJSON()).toMatchObject({
        status: { bits: 0xe },
        timeout: 432_000,
        tcp: { state: 'ESTABLISHED', original: liberal, reply: liberal },
      });
    }
    const { original, reply } = TCP_TUPLES;
    const udp = entryWith({
      original: { ...original, protocol: 17 },
      reply: { ...reply, protocol: 17 },
      status: offload,
    });
    expect(specOf(udp)).toMatchObject({ timeout: 120, tcp: undefined });
    // What is named counts.
    const named = specOf({ ...tcp.toJSON(), timeout: 5, tcp: { state: 'CLOSE' } });
    expect(named).toMatchObject({ timeout: 5, tcp: { state: 'CLOSE' } });
  });

  it.each([
    ['the source', { source: { address: '192.0.2.1' } }, ['sourcePort']],
    ['the destination', { destination: { address: '10.9.9.9' } }, ['destinationPort']],
    [
      'both',
      { source: { address: '192.0.2.1' }, destination: { address: '10.9.9.9' } },
      ['sourcePort'],
    ],
  ] as const)(
    'of a ping whose id NAT of %s has changed: the kernel takes it for a port',
    (_, nat, [port]) => {
      const reply = { source: '10.9.9.9', destination: '192.0.2.1' };
      const icmp = { type: 0, code: 0, id: 4242 };
      const { entry, view } = written(specSlab({ ...PING, nat, reply: { ...reply, icmp } }));
      expect(entry.reply.icmp).toEqual({ type: 0, code: 0, id: 7 });
      const ends = Object.keys(nat).map((end) => SPEC_PRESENT[`${end as 'source'}Nat`]);
      const all = [...ends, SPEC_PRESENT[port]].reduce<number>((bits, bit) => bits | bit, 0);
      expect(view.getUint16(SLAB.firstEntry + SPEC.present, LITTLE_ENDIAN)).toBe(all);
      expect(view.getUint16(SLAB.firstEntry + SPEC[port], LITTLE_ENDIAN)).toBe(4242);
    },
  );

  it.each([
    ['source', { source: '10.9.9.9' }],
    ['destination', { destination: '192.0.2.1' }],
  ])('with a reply that has another %s', (_, end) => {
    const reply = { ...INVERSE, ...end };
    expect(specOf({ ...TCP, reply }).toJSON()).toMatchObject({ original: PORTS, reply });
  });

  it('of GRE behind NAT: the kernel leaves the keys of the reply as they are', () => {
    const original = {
      source: '10.0.0.1',
      destination: '10.0.0.2',
      sourceKey: 1,
      destinationKey: 2,
    };
    const reply = { source: '10.0.0.2', destination: '192.0.2.1', sourceKey: 3, destinationKey: 4 };
    const nat = { source: { address: '192.0.2.1' } };
    expect(specOf({ protocol: 'gre', original, reply, nat, timeout: 5 }).reply).toMatchObject({
      destination: '10.0.0.1',
      sourceKey: 3,
      destinationKey: 4,
    });
  });

  it('of each message that the kernel has sent', async () => {
    const folder = new URL('../fixtures/', import.meta.url);
    const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThan(40);
    for (const file of files) {
      // Of two zones, as no entry of a kernel is.
      if (file === 'everything.json') continue;
      const json = JSON.parse(await readFile(new URL(file, folder), 'utf8')) as EntryJson;
      const { timeout = json.status.offload ? undefined : 5 } = json;
      const make = () => specSlab({ ...json, timeout });
      expect(make, file).not.toThrow();
    }
  });

  it('behind others in the same memory, each with its strings', () => {
    const view = new DataView(new ArrayBuffer(3 * (SLAB.firstEntry + SPEC_BYTES)));
    const words = new Uint32Array(view.buffer);
    const places = [0, 1, 2].map((index) => index * (SLAB.firstEntry + SPEC_BYTES));
    const helpers = ['ftp', 'sip', 'h323'];
    for (const [index, at] of places.entries()) {
      const spec = checkSpec({ ...TCP, helper: helpers[index] }, 'spec');
      writeSpec({ view, words, at }, spec);
    }
    const read = places.map((at) =>
      written(view.buffer.slice(at, at + SLAB.firstEntry + SPEC_BYTES)),
    );
    expect(read.map(({ entry }) => entry.helper)).toEqual(helpers);
  });
});

describe('a wrong specification', () => {
  it.each([
    ['icmp', '8, 0, 13, 14, 15, 16, 17, 18'],
    ['icmpv6', '128, 129, 139, 140'],
  ] as const)('learns which types of %s the kernel tracks', (protocol, types) => {
    const spec = { ...PING, protocol, original: { ...ENDS, icmp: { type: 3, code: 0, id: 0 } } };
    expect(() => specOf(spec)).toThrow(
      `spec.original.icmp.type: must be one of ${types}: the kernel tracks no other type`,
    );
  });

  it.each<[string, unknown]>([
    ['spec', undefined],
    ['spec', null],
    ['spec', [TCP]],
    ['spec.protocol', { ...TCP, protocol: 'tpc' }],
    ['spec.original', { ...TCP, original: undefined }],
    ['spec.original.sourcePort', { ...TCP, original: { ...PORTS, sourcePort: undefined } }],
    ['spec.original.source', { ...TCP, original: { ...PORTS, source: '10.0.0' } }],
    [
      'spec.original.icmp.type',
      {
        protocol: 'icmp',
        original: { source: '1.1.1.1', destination: '2.2.2.2', icmp: { type: 3, code: 0, id: 0 } },
        timeout: 1,
      },
    ],
    [
      'spec.reply.source',
      { ...TCP, reply: { ...INVERSE, source: 'fd00::1', destination: 'fd00::2' } },
    ],
    ['spec.timeout', { ...TCP, timeout: undefined }],
    ['spec.timeout', { ...TCP, timeout: 1.5 }],
    ['spec.timeout', { ...TCP, timeout: -1 }],
    ['spec.timeout', { ...TCP, timeout: 2 ** 32 }],
    ['spec.timeot', { ...TCP, timeot: 5 }],
    ['spec.mark', { ...TCP, mark: -1 }],
    ['spec.mark', { ...TCP, mark: { value: 1, mask: 1 } }],
    ['spec.zone', { ...TCP, zone: 65536 }],
    ['spec.status[0]', { ...TCP, status: ['sourceNat'] }],
    ['spec.status', { ...TCP, status: 'assured' }],
    ['spec.tcp.state', { ...TCP, tcp: { state: 'LISTEN' } }],
    ['spec.tcp.original.windowScale', { ...TCP, tcp: { original: { windowScale: 15 } } }],
    ['spec.tcp', { ...TCP, protocol: 'udp', tcp: {} }],
    ['spec.sctp', { ...TCP, sctp: { state: 'CLOSED' } }],
    ['spec.sctp.state', { ...TCP, protocol: 'sctp', sctp: { originalTag: 1, replyTag: 2 } }],
    ['spec.labels', { ...TCP, labels: 5 }],
    ['spec.labels', { ...TCP, labels: 1n << 128n }],
    ['spec.helper', { ...TCP, helper: '' }],
    ['spec.helper', { ...TCP, helper: 'a-name-that-is-too-long' }],
    ['spec.master', { ...TCP, master: 'ftp' }],
    ['spec.master.sourcePort', { ...TCP, master: { source: '10.0.0.1', destination: '10.0.0.2' } }],
    ['spec.nat', { ...TCP, nat: 'source' }],
    ['spec.nat.sorce', { ...TCP, nat: { sorce: { address: '1.2.3.4' } } }],
    ['spec.nat.source.address', { ...TCP, nat: { source: { address: 'fd00::1' } } }],
    ['spec.nat.source.port', { ...TCP, nat: { source: { address: '1.2.3.4', port: 65536 } } }],
    ['spec.nat.source.port', { ...PING, nat: { source: { address: '1.2.3.4', port: 5 } } }],
    [
      'spec.nat.destination.port',
      { ...ESP, nat: { destination: { address: '1.2.3.4', port: 5 } } },
    ],
    ['spec.timeout', { ...TCP, timeout: undefined, status: { offload: false } }],
    [
      'spec.sequenceAdjust.original.offsetAfter',
      { ...TCP, sequenceAdjust: { original: { correctionPosition: 0, offsetBefore: 0 } } },
    ],
    ['spec.synproxy.initialTimestamp', { ...TCP, synproxy: { initialSequence: 1 } }],
  ])('%s is named: %o', (field, spec) => {
    const make = () => specSlab(spec as EntrySpec);
    expect(make).toThrow(new RegExp(`^${field.replace(/[.[\]]/g, '\\$&')}: `));
  });
});

describe('changes', () => {
  it('become a record of what is named', () => {
    const entry = changesOf({
      timeout: 5,
      status: ['assured'],
      tcp: { state: 'CLOSE' },
      helper: '',
    });
    expect(entry.timeout).toBe(5);
    expect(entry.status.bits).toBe(0x4);
    expect(entry.tcp).toMatchObject({ state: 'CLOSE' });
    expect(entry.helper).toBe('');
    expect([entry.mark, entry.labels]).toEqual([undefined, undefined]);
  });

  it('of a mark have a mask', () => {
    const at = SLAB.firstEntry + SPEC.markMask;
    const whole = written(changesSlab({ mark: 7 }));
    expect([whole.entry.mark, whole.view.getUint32(at, LITTLE_ENDIAN)]).toEqual([7, 0xffffffff]);
    const some = written(changesSlab({ mark: { value: 0x10, mask: 0xf0 } }));
    expect([some.entry.mark, some.view.getUint32(at, LITTLE_ENDIAN)]).toEqual([0x10, 0xf0]);
  });

  it.each<[EntryChanges['mark'], number, number]>([
    [{ toggle: 5 }, 5, 0],
    [{ value: 1, mask: 0xf, toggle: 0x50 }, 0x51, 0xf],
    [{ value: 0x80000001, mask: 0x8000000f, toggle: 0x40000000 }, 0xc0000001, 0x8000000f],
  ])('of a mark toggle bits outside the mask: %o', (mark, value, mask) => {
    const { entry, view } = written(changesSlab({ mark }));
    expect(entry.mark).toBe(value);
    expect(view.getUint32(SLAB.firstEntry + SPEC.markMask, LITTLE_ENDIAN)).toBe(mask);
  });

  it.each<[EntryChanges['labels'], bigint, number[]]>([
    [3n, 3n, Array<number>(16).fill(0xff)],
    ['3', 3n, Array<number>(16).fill(0xff)],
    [{ set: 1n }, 1n, [1, ...Array<number>(15).fill(0)]],
    [{ clear: 1n << 127n }, 0n, [...Array<number>(15).fill(0), 0x80]],
    [{ set: 1n, clear: 6n }, 1n, [7, ...Array<number>(15).fill(0)]],
  ])('of labels set and clear some, or replace all: %o', (labels, value, mask) => {
    const { entry, view } = written(changesSlab({ labels }));
    expect(entry.labels).toBe(value);
    expect([...new Uint8Array(view.buffer, SLAB.firstEntry + SPEC.labelsMask, 16)]).toEqual(mask);
  });

  it('of SCTP name no TCP', () => {
    const sctp = { state: 'CLOSED', originalTag: 1, replyTag: 2 } as const;
    expect(changesOf({ sctp }).sctp).toMatchObject(sctp);
  });

  it('of the state alone leave flags and window scale', () => {
    const { original, reply } = changesOf({ tcp: { state: 'CLOSE' } }).toJSON().tcp ?? {};
    expect([original, reply]).toEqual([{}, {}]);
    const scaled = changesOf({
      tcp: { state: 'CLOSE', original: { windowScale: 3 }, reply: { flags: 4 } },
    });
    expect(scaled.toJSON().tcp).toEqual({
      state: 'CLOSE',
      original: { windowScale: 3 },
      reply: { flags: 4, flagsMask: 0xff },
    });
  });

  it('are named in the order in which the kernel applies them', () => {
    const changes = checkChanges({ labels: 1n, mark: undefined, timeout: 1, helper: 'ftp' });
    expect(namedChanges(changes)).toEqual(['helper', 'timeout', 'labels']);
  });

  it.each<[string, unknown]>([
    ['changes', undefined],
    ['changes', null],
    ['changes', {}],
    ['changes', { mark: undefined }],
    ['changes', []],
    ['changes.marc', { marc: 1 }],
    ['changes.zone', { zone: 1 }],
    ['changes.timeout', { timeout: -1 }],
    ['changes.mark', { mark: '1' }],
    ['changes.mark.value', { mark: { value: 0x100, mask: 0xff } }],
    ['changes.mark.mask', { mark: { value: 1 } }],
    ['changes.mark.mask', { mark: { value: 1, toggle: 2 } }],
    ['changes.mark.toggle', { mark: { value: 1, mask: 0xf, toggle: 0x18 } }],
    ['changes.labels', { labels: { set: 3n, clear: 2n } }],
    ['changes.labels.clear', { labels: { set: 3n, clear: -1n } }],
    ['changes.tcp.state', { tcp: { state: 'xUNKNOWN(5)' } }],
    ['changes.tcp.state', { tcp: { state: 'UNKNOWN(5)x' } }],
    ['changes.tcp.state', { tcp: { state: 'UNKNOWN(256)' } }],
    ['changes.tcp.state', { tcp: { state: ['UNKNOWN(5)'] } }],
    ['changes.status[0]', { status: ['confirmed'] }],
    [
      'changes.sctp',
      { tcp: { state: 'CLOSE' }, sctp: { state: 'CLOSED', originalTag: 1, replyTag: 1 } },
    ],
  ])('that are wrong name %s: %o', (field, changes) => {
    const make = () => changesSlab(changes as EntryChanges);
    expect(make).toThrow(new RegExp(`^${field.replace(/[.[\]]/g, '\\$&')}: `));
  });
});
