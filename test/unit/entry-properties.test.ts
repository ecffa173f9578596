/**
 * Properties of entries with any values: what their views, JSON, lines and specifications have.
 */
import { inspect } from 'node:util';
import {
  type Entry,
  type EntryJson,
  type EntrySpec,
  formatEntry,
  parseEntries,
  STATUS_FLAGS,
} from 'conntrack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../src/core/printable.js';
import { specOf } from '../../src/entry/check-spec.js';
import { entriesOf } from '../../src/entry/entries.js';
import { ENTRY_FORMATS } from '../../src/entry/format.js';
import { SPEC_BYTES, writeSpec } from '../../src/entry/spec-writer.js';
import { SLAB } from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';
import { slabFor } from '../../src/request/place.js';
import { holds, text } from './property.js';
import { type EntryValues, entryWith, type TupleValues } from './records.js';

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const flags = fc.tuple(uint8, uint8);
const counters = fc.tuple(uint64, uint64);
const triple = fc.tuple(uint32, uint32, uint32);
/** The decoder ends a name at its first NUL. */
const name = text.map((any) => any.replaceAll('\0', ''));
/** From 2001 to 2286: in nanoseconds. */
const time = fc.bigInt({ min: 10n ** 18n, max: 10n ** 19n });

const ends = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()));
const protocol = fc.oneof(fc.constantFrom(1, 6, 17, 33, 47, 50, 58, 132, 136), uint8);

/** A tuple with any of the fields that some protocol has, as a kernel of the future may send it. */
const anyTuple: fc.Arbitrary<TupleValues> = fc
  .tuple(
    ends,
    protocol,
    fc.record(
      {
        sourcePort: uint16,
        destinationPort: uint16,
        icmpId: uint16,
        icmpType: uint8,
        icmpCode: uint8,
        zone: uint16,
      },
      { requiredKeys: [] },
    ),
  )
  .map(([[source, destination], number, rest]) => ({
    source,
    destination,
    protocol: number,
    ...rest,
  }));

const values: { [Name in keyof EntryValues]-?: fc.Arbitrary<NonNullable<EntryValues[Name]>> } = {
  original: anyTuple,
  reply: anyTuple,
  status: uint32,
  id: uint32,
  mark: uint32,
  timeout: uint32,
  use: uint32,
  zone: uint16,
  tcpState: uint8,
  tcpOriginalWindowScale: uint8,
  tcpReplyWindowScale: uint8,
  tcpOriginalFlags: flags,
  tcpReplyFlags: flags,
  sctpState: uint8,
  sctpOriginalTag: uint32,
  sctpReplyTag: uint32,
  dccpState: uint8,
  dccpRole: uint8,
  dccpHandshakeSequence: uint64,
  originalCounters: counters,
  replyCounters: counters,
  startTime: time,
  stopTime: time,
  eventTime: time,
  labels: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  helper: name,
  securityContext: name,
  master: anyTuple,
  originalSequenceAdjust: triple,
  replySequenceAdjust: triple,
  synproxy: fc.constant(true),
  synproxyNotZero: triple,
  final: fc.constant(true),
  unknownAttributes: uint16,
};
const anyValues = fc.record(values, {
  requiredKeys: ['original', 'reply', 'status', 'id'],
}) as fc.Arbitrary<EntryValues>;

/** Fails where a terminal obeys a character of the text, but for the ends of its lines. */
function isPrintable(shown: string): void {
  for (const line of shown.split('\n')) expect(printable(line)).toBe(line);
}

describe('any entry', () => {
  it('has the values of its record, and no other', () => {
    holds(anyValues, (record) => {
      const entry = entryWith(record);
      const { status = 0, id, mark, timeout, use, labels, zone = 0 } = record;
      expect(entry).toMatchObject({ id, mark, timeout, use, labels, zone });
      expect(entry.status.bits).toBe(status);
      for (const [bit, flag] of STATUS_FLAGS.entries()) {
        expect(entry.status[flag]).toBe((status & (1 << bit)) !== 0);
      }
      expect(entry.startTimeNs).toBe(record.startTime);
      expect(entry.stopTimeNs).toBe(record.stopTime);
      const { originalCounters, replyCounters } = record;
      const both = originalCounters && replyCounters && [originalCounters[1], replyCounters[1]];
      const { original, reply } = entry.counters ?? {};
      expect(original && reply && [original.bytesBig, reply.bytesBig]).toEqual(both);
      expect(entry.final).toBe(record.final === true);
      expect(entry.unknownAttributes).toBe(record.unknownAttributes ?? 0);
      expect(entry.original).toMatchObject(
        record.original?.sourcePort === undefined ? {} : { sourcePort: record.original.sourcePort },
      );
    });
  });

  it('is JSON that JSON keeps', () => {
    holds(anyValues, (record) => {
      const json = entryWith(record).toJSON();
      expect(JSON.parse(JSON.stringify(json))).toEqual(json);
      expect(Object.values(json)).not.toContain(undefined);
    });
  });

  it('prints what no terminal obeys, and of its JSON the same', () => {
    holds(anyValues, (record) => {
      const entry = entryWith(record);
      const json = JSON.parse(JSON.stringify(entry)) as EntryJson;
      isPrintable(String(entry));
      isPrintable(inspect(entry));
      for (const format of ENTRY_FORMATS) {
        const options = { format, ...(format !== 'save' && { timestamps: true, id: true }) };
        const shown = formatEntry(entry, options);
        isPrintable(shown);
        // JSON does not know whether the kernel sent a zone of 0, or when it was read.
        if (record.zone === 0 || record.startTime !== undefined) continue;
        expect(formatEntry(json, options)).toBe(shown);
      }
    });
  });
});

/** What a kernel sends of a flow that a specification can make. */
const realValues: fc.Arbitrary<EntryValues> = fc
  .record({
    ends,
    protocol: fc.constantFrom(6, 17),
    ports: fc.tuple(uint16, uint16),
    status: fc.constant(0x188),
    id: uint32,
    timeout: fc.integer({ min: 1, max: 0x7fffffff }),
    mark: uint32,
    zone: uint16,
    labels: fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }),
    tcpState: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ ends: [source, destination], protocol: number, ports, tcpState, ...rest }) => {
    const [sourcePort, destinationPort] = ports;
    const tuple = { source, destination, sourcePort, destinationPort, protocol: number };
    const inverse = {
      ...{ source: destination, destination: source, protocol: number },
      ...{ sourcePort: destinationPort, destinationPort: sourcePort },
    };
    return { original: tuple, reply: inverse, ...rest, ...(number === 6 && { tcpState }) };
  });

/** The entry that the record of a specification describes. */
function described(spec: EntrySpec): Entry {
  const { slab, ...place } = slabFor(SPEC_BYTES);
  writeSpec(place, specOf(spec, 'spec'));
  new DataView(slab).setUint32(SLAB.count, 1, LITTLE_ENDIAN);
  return entriesOf([slab])[0] as Entry;
}

describe('the specification of an entry', () => {
  it('describes the flow, whether it is the entry, its JSON, or text of it', () => {
    holds(realValues, (record) => {
      const entry = entryWith(record);
      const { original, reply, timeout, mark, zone, labels, tcp } = entry.toJSON();
      const flow = { original, reply, timeout, mark, zone };
      const json = JSON.parse(JSON.stringify(entry)) as EntrySpec;
      for (const spec of [entry as object as EntrySpec, json]) {
        const found = described(spec).toJSON();
        expect(found).toMatchObject({ ...flow, labels });
        expect(found.tcp?.state).toBe(tcp?.state);
      }
      // The tool prints no labels without their names, and a mark in one format alone.
      for (const format of ['save', 'extended'] as const) {
        const [spec] = parseEntries(formatEntry(entry, { format }));
        const found = described(spec as EntrySpec).toJSON();
        expect(found).toMatchObject({ original, reply, timeout });
        if (format === 'extended') expect(found.mark ?? 0).toBe(mark);
        expect(found.tcp?.state).toBe(tcp?.state);
      }
    });
  });
});
