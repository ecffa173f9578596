/** Records of flows come back from JSON as they were, and nothing else does. */
import { describe, expect, it } from 'vitest';
import { type FlowPart, type FlowRecord, parseFlowRecord } from '../../src/flow-log/flow-log.js';

const traffic = { original: { packets: 2, bytes: 120 }, reply: { packets: 1, bytes: 60 } };
const whole: FlowPart = {
  type: 'flow',
  flow: 'run-1',
  part: 3,
  outcome: 'deleted',
  deletedBy: { portId: 9, pid: 8, name: 'conntrack' },
  family: 'ipv4',
  protocol: 'udp',
  protocolNumber: 17,
  zone: 7,
  id: 4_294_967_295,
  original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 53 },
  reply: { source: '10.0.0.2', destination: '10.9.9.9', sourcePort: 53, destinationPort: 2 },
  nat: { source: { address: '10.9.9.9', port: 2 } },
  mark: 1,
  labels: '340282366920938463463374607431768211455',
  helper: 'ftp',
  state: 'ESTABLISHED',
  replied: true,
  start: new Date(1),
  end: new Date(20),
  durationMs: 19,
  from: new Date(10),
  to: new Date(20),
  traffic,
  total: { original: { packets: Number.MAX_SAFE_INTEGER, bytes: 0 }, reply: traffic.reply },
  counters: traffic,
  estimated: true,
  doubts: ['zeroed'],
};
const least: FlowPart = {
  type: 'flow',
  flow: 'run-2',
  part: 1,
  outcome: 'open',
  family: 'ipv6',
  protocol: 'icmpv6',
  protocolNumber: 58,
  zone: 0,
  id: 0,
  original: { source: '::1', destination: '::1', icmp: { type: 128, code: 0, id: 9 } },
  reply: { source: '::1', destination: '::1', icmp: { type: 129, code: 0, id: 9 } },
  replied: false,
  to: new Date(5),
  estimated: false,
};
const all: FlowRecord[] = [
  whole,
  least,
  { type: 'lost', cause: 'queue', count: 5, at: new Date(6) },
  { type: 'gap', from: new Date(1), to: new Date(2) },
  {
    type: 'notice',
    code: 'accounting-off',
    message: 'm',
    setting: 's',
    suggested: 1,
    at: new Date(3),
  },
];

it.each(all.map((record) => [record.type, record]))('a record comes back: %s', (_, record) => {
  expect(parseFlowRecord(JSON.stringify(record))).toEqual(record);
});

it('leaves out what this version does not know', () => {
  const text = JSON.stringify({ ...least, more: 1, original: { ...least.original, more: 1 } });
  expect(parseFlowRecord(text)).toEqual(least);
});

it('takes names of doubts and notices that this version does not know', () => {
  const text = JSON.stringify({ ...least, doubts: ['other'] });
  expect(parseFlowRecord(text)).toEqual({ ...least, doubts: ['other'] });
});

describe('refuses', () => {
  const REQUIRED = ['flow', 'part', 'outcome', 'family', 'protocol', 'zone', 'id', 'to'] as const;
  it.each([...REQUIRED, 'protocolNumber', 'original', 'reply', 'replied', 'estimated'] as const)(
    'a flow without %s',
    (name) => {
      const { [name]: _, ...rest } = whole;
      expect(() => parseFlowRecord(JSON.stringify(rest))).toThrow(`record.${name}: `);
    },
  );

  /** No field takes any of these; all that nat has may be absent. */
  it.each(Object.keys(whole).filter((name) => name !== 'type'))('%s of another kind', (name) => {
    for (const value of [null, Number.MAX_VALUE, [[]], ...(name === 'nat' ? [] : [{ a: 1 }])]) {
      const text = JSON.stringify({ ...whole, [name]: value });
      expect(() => parseFlowRecord(text)).toThrow(`record.${name}`);
    }
  });

  it.each([
    ['{', TypeError, /^json: must be the JSON of a record/],
    ['', TypeError, /^json: must be/],
    ['null', TypeError, /^record: must be a plain object/],
    ['[]', TypeError, /^record: must be a plain object/],
    ['{}', TypeError, /^record\.type: must be/],
    ['{"type":"flows"}', TypeError, /^record\.type: must be 'flow', .* did you mean 'flow'/],
    ['{"type":"constructor"}', TypeError, /^record\.type: must be/],
    ['{"type":"lost","cause":"kernel","count":-1,"at":"1970"}', RangeError, /^record\.count: /],
    [
      '{"type":"lost","cause":"kernel","count":1,"at":"now"}',
      TypeError,
      /^record\.at: must be a t/,
    ],
  ] as const)('%s', (text, kind, message) => {
    expect(() => parseFlowRecord(text)).toThrow(kind);
    expect(() => parseFlowRecord(text)).toThrow(message);
  });

  it('what is no string', () => {
    expect(() => parseFlowRecord(1 as never)).toThrow(/^json: must be a string/);
  });
});
