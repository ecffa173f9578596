import { type Entry, entryKey } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { entriesOf } from '../../src/entry/entries.js';
import { type EntryValues, SlabBuilder, TCP_TUPLES } from './records.js';

function entryWith(values: EntryValues): Entry {
  const [entry] = entriesOf([new SlabBuilder().add({ ...TCP_TUPLES, id: 7, ...values }).slab]);
  return entry as Entry;
}

const { original } = TCP_TUPLES;
const bare = { source: '10.0.0.1', destination: '10.0.0.2', protocol: 50 };
const ping = { ...bare, protocol: 1, icmpId: 1, icmpType: 8, icmpCode: 0 };
const call = { ...bare, protocol: 47, sourceKey: 1, destinationKey: 2 };

describe('entryKey() is the same for', () => {
  it.each<{ what: string; values: EntryValues }>([
    { what: 'another state', values: { tcpState: 3, status: 14, timeout: 5, mark: 6 } },
    { what: 'other counters', values: { originalCounters: [1n, 2n], replyCounters: [3n, 4n] } },
    { what: 'a start time, which NEW events lack', values: { startTime: 5n } },
    { what: 'NAT', values: { reply: { ...TCP_TUPLES.reply, destination: '192.0.2.1' } } },
  ])('an entry with $what', ({ values }) => {
    expect(entryKey(entryWith(values))).toBe(entryKey(entryWith({})));
  });

  it.each<EntryValues>([
    {},
    { zone: 5 },
    { original: { ...original, zone: 5 } },
    { original: ping },
    { original: call },
    { original: bare },
    { original: { ...original, source: 'fd00::1', destination: 'fd00::2' } },
  ])('the JSON of the entry with %o', (values) => {
    const entry = entryWith(values);
    const json = JSON.parse(JSON.stringify(entry)) as Entry;
    expect(entryKey(json)).toBe(entryKey(entry));
    expect(entryKey(entry.toJSON())).toBe(entryKey(entry));
  });
});

it('entryKey() differs where two entries differ in any part that names a flow', () => {
  const keys = [
    {},
    { id: 8 },
    { zone: 5 },
    { original: { ...original, protocol: 17 } },
    { original: { ...original, source: '10.0.0.3' } },
    { original: { ...original, destination: '10.0.0.3' } },
    { original: { ...original, sourcePort: 443 } },
    { original: { ...original, destinationPort: 40000 } },
    { original: { ...original, zone: 6 } },
    { original: ping },
    { original: { ...ping, icmpId: 2 } },
    { original: { ...ping, icmpType: 0 } },
    { original: { ...ping, icmpCode: 1 } },
    { original: call },
    { original: { ...call, sourceKey: 2 } },
    { original: { ...call, destinationKey: 1 } },
    { original: bare },
    { original: { ...bare, protocol: 51 } },
  ].map((values) => entryKey(entryWith(values)));
  expect(new Set(keys).size).toBe(keys.length);
});

it.each([undefined, null, 5, 'text', {}, { id: 1 }, { original }, { ...entryWith({}) }, () => 1])(
  'entryKey() refuses %o',
  (value) => {
    expect(() => entryKey(value as never)).toThrow(TypeError);
    expect(() => entryKey(value as never)).toThrow(
      /^entry: must be an entry, or what its toJSON\(\) returns, not /,
    );
  },
);
