/** The values of options, from text: what they mean, and which are refused. */
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { parseLine } from '../../src/cli/line/parse.js';
import { filtersIn } from '../../src/cli/read/filters.js';
import { changesIn, keyIn, specIn } from '../../src/cli/read/specs.js';
import { inverse } from '../../src/cli/read/tuples.js';
import {
  labelsIn,
  markIn,
  natIn,
  networkIn,
  numberIn,
  portIn,
  protocolNumber,
  protocolNumbers,
  rangeIn,
  stateIn,
  statusIn,
  timeIn,
} from '../../src/cli/read/values.js';
import { UsageError } from '../../src/cli/usage-error.js';

const LABELS = new Map([
  ['web', 3],
  ['db', 127],
]);
const given = (line: string) => parseLine(line.split(' ')).given;
const filtersOf = (line: string) => filtersIn(parseLine(line.split(' ')), LABELS);
const specOf = (line: string) => specIn(given(line), LABELS);
const changesOf = (line: string) => changesIn(given(line), LABELS);

describe('a value', () => {
  test.each<[string, () => unknown, unknown]>([
    ['a number', () => numberIn('255', 255, 'X'), 255],
    ['a hexadecimal number', () => numberIn('0xFf', 255, 'X'), 255],
    ['a port', () => portIn('443', 'X'), 443],
    ['ports', () => portIn('1-1', 'X'), { from: 1, to: 1 }],
    ['a range', () => rangeIn('5-9', 'X'), { from: 5, to: 9 }],
    ['the end of a range', () => rangeIn('-9', 'X'), { from: undefined, to: 9 }],
    ['the beginning of a range', () => rangeIn('5-', 'X'), { from: 5, to: undefined }],
    ['a range of one', () => rangeIn('5', 'X'), { from: 5, to: 5 }],
    ['a time', () => timeIn('2026-01-31T12:00:00Z', 'X'), new Date(Date.UTC(2026, 0, 31, 12))],
    ['an address', () => networkIn('10.0.0.1', undefined, 'X'), '10.0.0.1'],
    ['a network', () => networkIn('10.255.255.255/12', undefined, 'X'), '10.240.0.0/12'],
    ['a network of no bits', () => networkIn('10.0.0.1/0', undefined, 'X'), '0.0.0.0/0'],
    ['a network of all bits', () => networkIn('10.0.0.1/32', undefined, 'X'), '10.0.0.1/32'],
    ['a mask', () => networkIn('10.1.2.3', '255.255.0.0', 'X'), '10.1.0.0/16'],
    ['a mask of all bits', () => networkIn('10.1.2.3', '255.255.255.255', 'X'), '10.1.2.3/32'],
    ['a mask of no bits', () => networkIn('10.1.2.3', '0.0.0.0', 'X'), '0.0.0.0/0'],
    ['IPv6', () => networkIn('fd00::1:2/127', undefined, 'X'), 'fd00:0:0:0:0:0:1:2/127'],
    ['its mask', () => networkIn('fd00:1:2::', 'ffff:ff00::', 'X'), 'fd00:0:0:0:0:0:0:0/24'],
    ['whole IPv6', () => networkIn('1:2:3:4:5:6:7:8/128', undefined, 'X'), '1:2:3:4:5:6:7:8/128'],
    [
      'IPv4 in IPv6',
      () => networkIn('::ffff:1.2.3.4/112', undefined, 'X'),
      '0:0:0:0:0:ffff:102:0/112',
    ],
    ['NAT', () => natIn('1.2.3.4', 'X'), { address: '1.2.3.4', port: undefined }],
    ['NAT with a port', () => natIn('1.2.3.4:80', 'X'), { address: '1.2.3.4', port: 80 }],
    ['NAT of IPv6', () => natIn('fd00::1', 'X'), { address: 'fd00::1', port: undefined }],
    ['NAT of IPv6 with a port', () => natIn('[fd00::1]:80', 'X'), { address: 'fd00::1', port: 80 }],
    ['a mark', () => markIn('7'), { value: 7, mask: undefined }],
    ['a mark with a mask', () => markIn('0x7/0xf'), { value: 7, mask: 15 }],
    ['a protocol', () => protocolNumber(['udp', 'TCP']), 6],
    ['a protocol by its number', () => protocolNumber(['255']), 255],
    ['protocols', () => protocolNumbers(['tcp,17']), [6, 17]],
    ['one protocol of several', () => protocolNumbers(['tcp']), 6],
    [
      'status bits',
      () => statusIn('SEEN_REPLY,assured,HWOFFLOAD,UNSET'),
      ['seenReply', 'assured', 'hardwareOffload'],
    ],
    ['a state', () => stateIn('time_wait', 6), 'TIME_WAIT'],
    ['a state of any protocol', () => stateIn('COOKIE_WAIT', undefined), 'COOKIE_WAIT'],
    ['an old state', () => stateIn('LISTEN', undefined), 'SYN_SENT2'],
    ['an old state of TCP', () => stateIn('LISTEN', 6), 'SYN_SENT2'],
    ['labels', () => labelsIn(['web,4', '0'], LABELS), 0b11001n],
    ['a label of two digits', () => labelsIn(['12'], LABELS), 1n << 12n],
    ['the last label', () => labelsIn(['db'], LABELS), 1n << 127n],
  ])('%s', (_, read, value) => {
    expect(read()).toEqual(value);
  });

  test.each<[string, () => unknown]>([
    ['X must be a number from 0 to 255, not "256"', () => numberIn('256', 255, 'X')],
    ['X must be a number from 0 to 255, not "0xg"', () => numberIn('0xg', 255, 'X')],
    ['X must be a number from 0 to 255, not " 5"', () => numberIn(' 5', 255, 'X')],
    ['X must be a number from 0 to 255, not ""', () => numberIn('', 255, 'X')],
    ['X must be a number from 0 to 65535, not "1-2-3"', () => portIn('1-2-3', 'X')],
    ['X must be a number from 0 to 65535, not ""', () => portIn('-2', 'X')],
    ['X ends before it begins: "2-1"', () => portIn('2-1', 'X')],
    ['X must be a number or a range', () => rangeIn('-', 'X')],
    ['X must be a number or a range', () => rangeIn('', 'X')],
    ['X must be a number or a range', () => rangeIn('5-6-7', 'X')],
    ['X must be a time such as', () => timeIn('5x', 'X')],
    ['X must be a time such as', () => timeIn('x5m', 'X')],
    ['X has two prefixes: "10.0.0.0/8/8"', () => networkIn('10.0.0.0/8/8', undefined, 'X')],
    ['X must be a number from 0 to 32, not "33"', () => networkIn('10.0.0.0/33', undefined, 'X')],
    ['X must be a number from 0 to 128, not "129"', () => networkIn('::/129', undefined, 'X')],
    ['X has two prefixes: "10.0.0.0/8/"', () => networkIn('10.0.0.0/8/', undefined, 'X')],
    ['the mask of X is not ipv4', () => networkIn('10.0.0.0', 'ffff::', 'X')],
    ['the mask of X must be an IPv4', () => networkIn('10.0.0.0', '255', 'X')],
    ['the mask of X has a hole: "255.0.255.0"', () => networkIn('1.1.1.1', '255.0.255.0', 'X')],
    ['X must be an IPv4 or IPv6 address, not "a"', () => natIn('a:80', 'X')],
    ['the port of X must be a number', () => natIn('1.2.3.4:x', 'X')],
    ['--mark has two masks: "1/2/3"', () => markIn('1/2/3')],
    ['the mask of --mark must be a number', () => markIn('1/x')],
    ['--protocol must be a number from 0 to 255, not "256"', () => protocolNumber(['256'])],
    ['--protocol has no word "constructor"', () => protocolNumber(['constructor'])],
    [`--status has no word "asured"; did you mean 'assured'?`, () => statusIn('asured')],
    ['--state has no word "COOKIE_WAIT"', () => stateIn('COOKIE_WAIT', 6)],
    ['--state has no word "LISTEN"', () => stateIn('LISTEN', 132)],
    ['--state has no word "NONE"', () => stateIn('NONE', 17)],
    [`no label is named "wbe"; did you mean 'web'?`, () => labelsIn(['wbe'], LABELS)],
    ['no label is named "128"', () => labelsIn(['128'], LABELS)],
    ['no label is named "5x"', () => labelsIn(['5x'], LABELS)],
    ['no label is named "x5"', () => labelsIn(['x5'], LABELS)],
  ])('%s', (message, read) => {
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  it('an age is so long ago', () => {
    // The clock of the machine may be set back in between.
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    for (const [text, seconds] of [
      ['30s', 30],
      ['2m', 120],
      ['2h', 7200],
      ['2d', 172_800],
    ] as const) {
      expect(Date.now() - timeIn(text, 'X').getTime()).toBe(seconds * 1000);
    }
  });
});

const empty = { original: {}, reply: {}, status: { all: [] } };

describe('a filter', () => {
  test.each<[string, unknown[]]>([
    [
      '--protocol tcp --source 10.0.0.0/8 --destination 10.0.0.2 --source-port 1-2 --destination-port 3',
      [
        {
          ...empty,
          protocol: 6,
          original: {
            ...{ source: '10.0.0.0/8', destination: '10.0.0.2' },
            ...{ sourcePort: { from: 1, to: 2 }, destinationPort: 3 },
          },
        },
      ],
    ],
    [
      '--reply-source fd00::1 --reply-destination fd00::2 --reply-source-port 1 --reply-destination-port 2',
      [
        {
          ...empty,
          family: 'ipv6',
          reply: {
            ...{ source: 'fd00::1', destination: 'fd00::2' },
            ...{ sourcePort: 1, destinationPort: 2 },
          },
        },
      ],
    ],
    [
      '--source-key 1 --destination-key 2 --reply-source-key 3 --reply-destination-key 4',
      [
        {
          ...empty,
          original: { sourceKey: 1, destinationKey: 2 },
          reply: { sourceKey: 3, destinationKey: 4 },
        },
      ],
    ],
    [
      '--icmp-type 8 --icmp-code 0 --icmp-id 5',
      [{ ...empty, original: { icmp: { type: 8, code: 0, id: 5 } } }],
    ],
    [
      '--original-zone 1 --reply-zone 2 --family ipv4',
      [{ ...empty, family: 'ipv4', original: { zone: 1 }, reply: { zone: 2 } }],
    ],
    [
      '--protocol sctp --state CLOSED --original-tag 1 --reply-tag 2',
      [{ ...empty, protocol: 132, state: 'CLOSED', sctp: { originalTag: 1, replyTag: 2 } }],
    ],
    ['--protocol dccp --role server', [{ ...empty, protocol: 33, dccp: { role: 'server' } }]],
    ['--labels web,0 --helper ftp', [{ ...empty, labels: { all: 9n }, helper: 'ftp' }]],
    ['--mark 5/7', [{ ...empty, mark: { value: 5, mask: 7 } }]],
    ['--mark 8/7', []],
    ['--mark 5 --not --mark 8/7', [{ ...empty, mark: 5 }]],
    [
      '--bytes 5- --packets -9',
      [
        {
          ...empty,
          counters: {
            total: { bytes: { from: 5, to: undefined }, packets: { from: undefined, to: 9 } },
          },
        },
      ],
    ],
    ['--packets 9', [{ ...empty, counters: { total: { packets: { from: 9, to: 9 } } } }]],
    [
      '--source-nat 1.2.3.4:80',
      [
        {
          ...empty,
          family: 'ipv4',
          status: { all: ['sourceNat'] },
          reply: { destination: '1.2.3.4', destinationPort: 80 },
        },
      ],
    ],
    [
      '--destination-nat 1.2.3.4:80',
      [
        {
          ...empty,
          family: 'ipv4',
          status: { all: ['destinationNat'] },
          reply: { source: '1.2.3.4', sourcePort: 80 },
        },
      ],
    ],
    [
      '--status assured --source-nat 1.2.3.4 --destination-nat',
      [
        {
          ...empty,
          family: 'ipv4',
          status: { all: ['assured', 'sourceNat', 'destinationNat'] },
          reply: { destination: '1.2.3.4' },
        },
      ],
    ],
    [
      '--any-nat fd00::1',
      [
        {
          ...empty,
          family: 'ipv6',
          status: { all: ['sourceNat'] },
          reply: { destination: 'fd00::1' },
        },
        {
          ...empty,
          family: 'ipv6',
          status: { all: ['destinationNat'] },
          reply: { source: 'fd00::1' },
        },
      ],
    ],
  ])('list %s', (options, filters) => {
    const family = /\b10\./.test(options) ? { family: 'ipv4' } : {};
    expect(filtersOf(`list ${options}`)).toEqual(
      filters.map((one) => ({ ...family, ...(one as object) })),
    );
  });

  test.each([
    ['--mask-source 255.0.0.0', 'the mask of --source needs --source'],
    ['--mask-destination 255.0.0.0', 'the mask of --destination needs --destination'],
    ['--security-mark 5', '--security-mark: no kernel of today sends that mark'],
    ['--any-nat --source-nat', '--any-nat stands beside neither --source-nat nor'],
    ['--any-nat --destination-nat', '--any-nat stands beside neither --source-nat nor'],
    ['--family ipv6 --source 10.0.0.1', '--source is ipv4, the rest ipv6'],
    ['--source ::1 --source-nat 1.2.3.4', '--source-nat is ipv4, the rest ipv6'],
    ['--family inet', '--family must be ipv4 or ipv6, not "inet"'],
    ['--role boss', '--role must be client or server, not "boss"'],
    ['--nat both', '--nat must be source or destination or any or none, not "both"'],
    ['--zone 65536', '--zone must be a number from 0 to 65535, not "65536"'],
    ['--icmp-type 256', '--icmp-type must be a number from 0 to 255, not "256"'],
  ])('list %s is refused', (options, message) => {
    expect(() => filtersOf(`list ${options}`)).toThrow(message);
  });
});

describe('a specification', () => {
  const ends = '--source 10.0.0.1 --destination 10.0.0.2';
  const original = { source: '10.0.0.1', destination: '10.0.0.2' };
  const reply = { source: '10.0.0.2', destination: '10.0.0.1' };
  const icmp = (type: number, id = 0) => ({ type, code: 0, id });

  test.each<[string, object]>([
    [`--protocol 7 ${ends}`, { protocol: 7, original }],
    [
      `--protocol udp ${ends} --source-port 1 --destination-port 2 --reply-source 10.0.0.9`,
      {
        protocol: 17,
        original: { ...original, sourcePort: 1, destinationPort: 2 },
        reply: { ...reply, source: '10.0.0.9', sourcePort: 2, destinationPort: 1 },
      },
    ],
    [
      `--protocol gre ${ends} --source-key 1 --destination-key 2 --reply-destination-key 9`,
      {
        protocol: 47,
        original: { ...original, sourceKey: 1, destinationKey: 2 },
        reply: { ...reply, sourceKey: 2, destinationKey: 9 },
      },
    ],
    [
      `--protocol icmp ${ends} --icmp-type 8 --icmp-code 0 --reply-source 10.0.0.2`,
      { protocol: 1, original: { ...original, icmp: icmp(8) }, reply: { ...reply, icmp: icmp(0) } },
    ],
    [
      '--protocol udp --reply-source 10.0.0.2 --reply-destination 10.0.0.1 --reply-source-port 2 --reply-destination-port 1',
      { protocol: 17, reply: { ...reply, sourcePort: 2, destinationPort: 1 } },
    ],
    [
      `--protocol 7 ${ends} --original-zone 3 --reply-zone 4`,
      { protocol: 7, original: { ...original, zone: 3 }, reply: { ...reply, zone: 4 } },
    ],
    [
      `--protocol tcp ${ends} --state ESTABLISHED`,
      {
        protocol: 6,
        original,
        tcp: {
          state: 'ESTABLISHED',
          original: { flags: 10, flagsMask: 10 },
          reply: { flags: 10, flagsMask: 10 },
        },
      },
    ],
    [
      `--protocol tcp ${ends} --state LISTEN`,
      {
        protocol: 6,
        original,
        tcp: {
          state: 'SYN_SENT2',
          original: { flags: 14, flagsMask: 14 },
          reply: { flags: 14, flagsMask: 14 },
        },
      },
    ],
    [
      `--protocol sctp ${ends} --state ESTABLISHED --original-tag 1 --reply-tag 2`,
      { protocol: 132, original, sctp: { state: 'ESTABLISHED', originalTag: 1, replyTag: 2 } },
    ],
    [
      `--protocol dccp ${ends} --state OPEN --role server`,
      { protocol: 33, original, dccp: { state: 'OPEN', role: 'server' } },
    ],
    [
      `--protocol 7 ${ends} --timeout 5 --mark 6 --zone 7 --status assured --labels web --helper ftp`,
      {
        ...{ protocol: 7, original, timeout: 5, mark: 6, zone: 7, status: ['assured'] },
        ...{ labels: 8n, helper: 'ftp' },
      },
    ],
    [`--protocol 7 ${ends} --labels web --labels-set 4`, { protocol: 7, original, labels: 16n }],
    [
      `--protocol tcp ${ends} --source-nat 1.2.3.4:80 --destination-nat 1.2.3.5`,
      {
        protocol: 6,
        original,
        nat: { source: { address: '1.2.3.4', port: 80 }, destination: { address: '1.2.3.5' } },
      },
    ],
    [
      `--protocol tcp ${ends} --source-nat 1.2.3.4 --reply-destination-port 5`,
      {
        protocol: 6,
        original,
        reply: { ...reply, destinationPort: 5 },
        nat: { source: { address: '1.2.3.4', port: 5 } },
      },
    ],
    [
      `--protocol tcp ${ends} --destination-nat 1.2.3.4 --reply-source-port 5`,
      {
        protocol: 6,
        original,
        reply: { ...reply, sourcePort: 5 },
        nat: { destination: { address: '1.2.3.4', port: 5 } },
      },
    ],
  ])('create %s', (options, wanted) => {
    const spec = Object.entries(specOf(`create ${options}`));
    // What is not there is as good as undefined.
    expect(Object.fromEntries(spec.filter(([, value]) => value !== undefined))).toEqual(wanted);
  });

  test.each([
    [`--protocol tcp ${ends} --original-tag 5`, 'tags of SCTP and the role of DCCP need --state'],
    [`--protocol tcp ${ends} --role client`, 'tags of SCTP and the role of DCCP need --state'],
    [`--protocol tcp ${ends} --status dying`, 'no program can set the status dying'],
    [`--protocol tcp ${ends} --reply-source ::1`, '--reply-source is ipv6, the rest ipv4'],
    [ends, '--protocol is missing'],
  ])('create %s is refused', (options, message) => {
    expect(() => specOf(`create ${options}`)).toThrow(message);
  });

  test.each([
    [1, 8, 0],
    [1, 0, 8],
    [1, 13, 14],
    [1, 17, 18],
    [58, 128, 129],
    [58, 140, 139],
    [58, 8, 8],
    [7, 8, 8],
  ])('the answer to type %2$d of protocol %1$d', (protocol, type, answer) => {
    const tuple = { ...original, icmp: icmp(type, 5) };
    expect(inverse(tuple, protocol)).toEqual({ ...reply, icmp: icmp(answer, 5) });
  });

  it('a key is of one tuple', () => {
    expect(keyIn(given(`get --protocol 7 ${ends} --zone 5`))).toEqual({
      protocol: 7,
      original,
      zone: 5,
    });
  });
});

describe('changes', () => {
  it('take a helper away, also of what has none', () => {
    const { given: options } = parseLine(['update', '--helper', '']);
    expect(changesIn(options, LABELS)).toEqual({ changes: { helper: '' }, unchanged: {} });
  });

  test.each<[string, object, object | undefined]>([
    ['--timeout 5', { timeout: 5 }, { timeout: { from: 5, to: 5 } }],
    ['--mark 5', { mark: 5 }, { mark: 5 }],
    ['--mark 5/7', { mark: { value: 5, mask: 7 } }, { mark: { value: 5, mask: 7 } }],
    ['--mark 13/7', { mark: { value: 5, mask: 7, toggle: 8 } }, undefined],
    [
      '--mark 0x80000000/0x80000000',
      { mark: { value: 2 ** 31, mask: 2 ** 31 } },
      { mark: { value: 2 ** 31, mask: 2 ** 31 } },
    ],
    ['--status assured', { status: ['assured'] }, { status: { all: ['assured'] } }],
    ['--helper ftp', { helper: 'ftp' }, { helper: 'ftp' }],
    ['--labels-set web', { labels: { set: 8n } }, undefined],
    ['--labels-clear web', { labels: { clear: 8n } }, undefined],
    ['--labels-clear', { labels: { clear: (1n << 128n) - 1n } }, undefined],
    [
      '--protocol tcp --state CLOSE',
      {
        tcp: {
          state: 'CLOSE',
          original: { flags: 14, flagsMask: 14 },
          reply: { flags: 14, flagsMask: 14 },
        },
      },
      { state: 'CLOSE' },
    ],
    [
      '--protocol sctp --state CLOSED --reply-tag 5',
      { sctp: { state: 'CLOSED', replyTag: 5 } },
      { state: 'CLOSED', sctp: { replyTag: 5 } },
    ],
  ])('update %s', (options, changes, unchanged) => {
    expect(changesOf(`update ${options}`)).toEqual({ changes, unchanged });
  });
});
