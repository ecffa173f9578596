import { readdirSync, readFileSync } from 'node:fs';
import {
  type EntryJson,
  type EntrySpec,
  formatEntry,
  type ParseOptions,
  parseEntries,
  type Tuple,
} from 'conntrack';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { specOf } from '../../src/entry/check-spec.js';
import { entryWith, TCP_TUPLES } from './records.js';

const folder = new URL('../fixtures/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8');

/** What conntrack has printed of each fixture: see entry-text.test.ts. */
const fixtures = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .flatMap((file) => {
    const name = file.slice(0, -4);
    return read(file)
      .trimEnd()
      .split('\n')
      .map((line) => /^(.*?): (.*)$/.exec(line) ?? [])
      .filter(([, title = '']) => !title.startsWith('xml'))
      .map(([, title = '', text = '']): [string, string, string] => [name, title, text]);
  });

/** Of two zones, without a timeout, or with a state that has no word: no specification. */
const NO_SPECS = new Map([
  ['dccp-v6: save', /state: must be/],
  ['offloaded: save', /timeout: must be/],
  ['everything', /must be absent beside/],
  ['counters-huge', /timeout: must be/],
  ['counters-of-one-direction', /timeout: must be/],
  ['labels-short', /timeout: must be/],
  ['names-without-nul', /timeout: must be/],
  ['padded', /timeout: must be/],
  ['security-context', /timeout: must be/],
  ['tcp-unknown-state', /timeout: must be|state: must be/],
  ['unknown-attributes', /timeout: must be/],
]);

const labels = new Map(Array.from({ length: 128 }, (_, bit) => [bit, `bit-${bit}`] as const));
const NAMED_BITS = [0, 1, 9, 16, 124];

/** What a line of this kind has of an entry. */
function carried(json: EntryJson, title: string): Record<string, unknown> {
  const isSave = title === 'save';
  const { protocol, protocolNumber, timeout, original, status } = json;
  const { reply } = json;
  const flags = (['seenReply', 'assured', 'fixedTimeout'] as const).filter(
    (flag) => status[flag] && (isSave || flag !== 'fixedTimeout'),
  );
  const word = json.tcp?.state ?? json.sctp?.state ?? json.dccp?.state;
  const state = word?.startsWith('UNKNOWN') ? 'NONE' : word;
  const isPortless = protocol === 'dccp' && original.sourcePort === undefined && !isSave;
  const ports = isPortless ? { sourcePort: 0, destinationPort: 0 } : {};
  const zone = json.zone || undefined;
  const bits = NAMED_BITS.filter((bit) => (BigInt(json.labels ?? 0) >> BigInt(bit)) & 1n);
  return {
    protocol,
    protocolNumber: protocol === 'other' ? protocolNumber : undefined,
    original: { ...original, ...ports },
    reply: { ...reply, ...ports },
    timeout,
    status: flags.length > 0 ? flags : undefined,
    mark: isSave ? undefined : json.mark,
    zone,
    helper: isSave ? undefined : json.helper,
    labels:
      title.endsWith('with all') && bits.length > 0
        ? bits.reduce((all, bit) => all | (1n << BigInt(bit)), 0n)
        : undefined,
    tcp: protocol === 'tcp' && state ? tcpOf(state) : undefined,
    sctp: json.sctp && (isSave ? json.sctp : { state }),
    dccp: json.dccp && (isSave ? { state, role: json.dccp.role } : { state }),
    nat: json.nat,
  };
}

/** Without a check of the windows, as conntrack -A has the kernel create it. */
function tcpOf(state: string): object {
  const flags = ['TIME_WAIT', 'CLOSE', 'SYN_SENT2'].includes(state) ? 14 : 10;
  const direction = { flags, flagsMask: flags };
  return { state, original: direction, reply: direction };
}

describe('parseEntries() reads what conntrack prints of', () => {
  it.each(fixtures)('%s: %s', (name, title, text) => {
    const json = JSON.parse(read(`${name}.json`)) as EntryJson;
    const isOffloaded = json.status.offload;
    const no = NO_SPECS.get(`${name}: ${title}`) ?? NO_SPECS.get(name);
    if (no !== undefined) {
      expect(() => parseEntries(text, { labels })).toThrow(no);
      return;
    }
    const [spec] = parseEntries(text, { labels });
    expect(() => specOf(spec, 'spec')).not.toThrow();
    if (isOffloaded) {
      expect(spec).toMatchObject({ protocol: json.protocol, status: { offload: true } });
      return;
    }
    expect(spec).toEqual(carried(json, title));
  });
});

const LINE =
  'udp      17 59 src=10.0.0.1 dst=10.0.0.2 sport=5353 dport=53 [UNREPLIED] ' +
  'src=10.0.0.2 dst=10.0.0.1 sport=53 dport=5353 mark=0 use=1';
const SAVE =
  '-A -t 59 -u UNSET -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p udp --sport 5353 ' +
  '--dport 53 --reply-port-src 53 --reply-port-dst 5353';

const one = (line: string, options?: ParseOptions): EntrySpec => {
  const [spec] = parseEntries(line, options);
  if (spec === undefined) throw new Error(`nothing in ${line}`);
  return spec;
};

describe('parseEntries()', () => {
  it('reads both formats, with blank lines, comments and any ends of lines', () => {
    const text = `# saved\n\n${LINE}\r\n  \t\n${SAVE}\n  # end\nipv4     2 ${LINE}`;
    const specs = parseEntries(text);
    expect(specs).toHaveLength(3);
    expect(specs[1]).toEqual({ ...specs[0], mark: undefined });
    expect(specs[2]).toEqual(specs[0]);
    expect(parseEntries('')).toEqual([]);
    expect(parseEntries('\n\n')).toEqual([]);
  });

  it('reads long names of options, and those that the tool does not print', () => {
    expect(
      one(
        '--add --timeout 5 --status SEEN_REPLY --src 10.0.0.1 --dst 10.0.0.2 --proto 17 ' +
          '--orig-port-src 1 --orig-port-dst 2 --mark 7 --zone 3 --family ipv4 --secmark 1 ' +
          '--label-add a,b',
        {
          labels: new Map([
            [0, 'a'],
            [127, 'b'],
          ]),
        },
      ),
    ).toEqual({
      protocol: 'udp',
      original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 },
      timeout: 5,
      status: ['seenReply'],
      mark: 7,
      zone: 3,
      labels: (1n << 127n) | 1n,
    });
  });

  it('takes a reply that is not the inverse for NAT, of ports and ids, too', () => {
    const ports = LINE.replace('sport=53 dport=5353', 'sport=53 dport=1024');
    expect(one(ports).nat).toEqual({ source: { address: '10.0.0.1', port: 1024 } });
    const both = LINE.replace('src=10.0.0.2 dst=10.0.0.1', 'src=10.0.0.9 dst=192.0.2.1');
    expect(one(both).nat).toEqual({
      source: { address: '192.0.2.1', port: 5353 },
      destination: { address: '10.0.0.9', port: 53 },
    });
    const ping = (id: number) =>
      'icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 ' +
      `src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=${id} mark=0 use=1 id=999`;
    expect(one(ping(8)).nat).toEqual({ source: { address: '10.0.0.1' } });
    expect(one(ping(8)).reply?.icmp).toEqual({ type: 0, code: 0, id: 8 });
    expect(one(ping(7)).nat).toBeUndefined();
    expect(one(SAVE).nat).toBeUndefined();
    const savedPorts = SAVE.replace('--reply-port-dst 5353', '--reply-port-dst 1024');
    expect(one(savedPorts).nat).toEqual({ source: { address: '10.0.0.1', port: 1024 } });
    // Where the address differs, the option tells.
    const reply = {
      source: '10.0.0.9',
      destination: '10.0.0.1',
      sourcePort: 53,
      destinationPort: 5353,
    };
    expect(one(SAVE.replace('-r 10.0.0.2', '-r 10.0.0.9'))).toMatchObject({ reply });
    expect(one(SAVE.replace('-r 10.0.0.2', '-r 10.0.0.9')).nat).toBeUndefined();
    expect(one(SAVE.replace('-r 10.0.0.2', '-g 10.0.0.9'))).toMatchObject({
      reply,
      nat: { destination: { address: '10.0.0.9', port: 53 } },
    });
    const spelled = SAVE.replaceAll('10.0.0.1', 'fd00:0::1').replaceAll('10.0.0.2', 'FD00::2');
    expect(one(spelled.replace('-q fd00:0::1', '-q fd00::1')).nat).toBeUndefined();
  });

  it('numbers the line of the first error', () => {
    expect(() => parseEntries(`${LINE}\n\n#\n${LINE} what\n${LINE} else`)).toThrow(
      new TypeError('text: line 4: it: has the unknown word "what"'),
    );
    expect(() => parseEntries(`\n${SAVE.replace('59', '4294967296')}`)).toThrow(
      new RangeError('text: line 2: -t: must be an integer from 0 to 4294967295, not 4294967296'),
    );
  });

  it.each<[string, string]>([
    [`    [NEW] ${LINE}`, 'it: is an event of conntrack -E'],
    [`[1700000000.000001]\t    [NEW] ${LINE}`, 'it: is an event of conntrack -E'],
    ['[DESTROY] tcp      6 src=10.0.0.1', 'it: is an event of conntrack -E'],
    ['<?xml version="1.0" encoding="utf-8"?>', 'it: is XML'],
    [
      'conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.',
      'it: begins as no line',
    ],
    ['hello', 'it: begins as no line'],
    ['tcp', 'it: begins as no line'],
    [LINE.replace('17', '6'), 'the protocol: 6 is "tcp", not "udp"'],
    [LINE.replace('17', '256'), 'the protocol number: must be an integer from 0 to 255'],
    [`ipv6     2 ${LINE}`, 'ipv6: must have the number 10, not "2"'],
    [`ipv6     10 ${LINE}`, 'src: is no address of the family ipv6'],
    [LINE.replace('59 ', ''), 'entry.timeout: must be'],
    [LINE.replace('59', '59 ESTABLISHED'), 'it: has the unknown word "ESTABLISHED"'],
    [LINE.replace('udp      17 59', 'tcp      6 59 OPEN'), "entry.tcp.state: must be 'NONE'"],
    [LINE.replace('sport=5353 ', ''), 'entry.original.sourcePort: protocol 17 requires it'],
    [LINE.replace('sport=5353', 'sport=5353 sport=5353'), 'sport: stands twice in a direction'],
    [LINE.replace('sport=5353', 'sport=0x10'), 'sport: must be a number, not "0x10"'],
    [LINE.replace('sport=5353', 'sport=65536'), 'sport: must be an integer from 0 to 65535'],
    [LINE.replace('src=10.0.0.1', 'src=10.0.0'), 'entry.original.source: must be an IPv4 or IPv6'],
    [LINE.replace('src=10.0.0.2', 'src=fd00::1'), 'entry.reply.destination: must have the address'],
    [LINE.replace('src=10.0.0.2', ''), 'dst: stands twice in a direction'],
    [`${LINE} src=10.0.0.1`, 'src: stands more than twice'],
    [LINE.split(' [')[0] ?? '', 'it: lacks the addresses (src=, dst=) of two directions'],
    [`${LINE} mark=1`, 'mark: stands twice'],
    [`${LINE} [UNREPLIED]`, '[UNREPLIED]: stands twice'],
    [`${LINE} mark`, 'it: has the unknown word "mark"'],
    [`${LINE} constructor=1`, 'it: has the unknown word "constructor=1"'],
    [`${LINE} __proto__=1`, 'it: has the unknown word "__proto__=1"'],
    [`${LINE} helper=`, 'entry.helper: must be a string of 1 to 15 bytes'],
    [`${LINE} helper=a b`, 'it: has the unknown word "b"'],
    [`${LINE} labels=a`, 'labels: the label "a" needs options.labels'],
    [`${LINE} zone=1 zone-orig=2`, 'entry.original.zone: must be absent beside entry.zone'],
    [`${LINE} delta-time=-1`, 'delta-time: must be a bigint'],
    [`${LINE} [start=yesterday]`, 'it: has the unknown word "[start=yesterday]"'],
    [SAVE.replace('-A', '-D'), 'it: must begin with -A or -I, not with "-D"'],
    [SAVE.replace('-A ', ''), 'it: must begin with -A or -I, not with "-t"'],
    [SAVE.replace(' -p udp', ''), '-p: is missing'],
    [SAVE.replace(' -p udp', ' -p __proto__'), '-p: must be a number or one of icmp, tcp'],
    [SAVE.replace(' -t 59', ''), 'entry.timeout: must be'],
    [SAVE.replace(' -s 10.0.0.1', ''), '-s: is missing'],
    [SAVE.replace('-s 10.0.0.1', '-s 10.0.0.1/8'), '-s: must be an IPv4 or IPv6 address'],
    [`${SAVE} -t 5`, '-t: stands behind -t'],
    [`${SAVE} --timeout 5`, '--timeout: stands behind -t'],
    [`${SAVE} -m`, '-m: lacks its value'],
    [`${SAVE} -m 1/1`, '-m: must be a number, not "1/1"'],
    [`${SAVE} --state OPEN`, '--state: protocol 17 does not have it'],
    [`${SAVE} --orig-vtag 1`, '--state: is missing'],
    [`${SAVE} --reply-prot-src 1`, "--reply-prot-src\"; did you mean '--reply-port-src'?"],
    [`${SAVE} -j 10.0.0.1`, 'it: has the unknown option "-j"'],
    [`${SAVE} -g 10.0.0.3`, '-g: contradicts -r'],
    [SAVE.replace('UNSET', 'UNSET,DYING'), '-u: must be a list of UNSET'],
    [SAVE.replace('UNSET', ','), '-u: must be a list of UNSET'],
    [`${SAVE} --label-add a`, '--label-add: the label "a" needs options.labels'],
    [`${SAVE} -f ipv6`, '-f: must be the family of the addresses'],
    [
      '-A -t 5 -s 10.0.0.1 -d 10.0.0.2 -p icmp --icmp-type 3 --icmp-code 0 --icmp-id 1',
      'entry.original.icmp.type: must be one of 8, 0',
    ],
    ['-A -t 5 -s 10.0.0.1 -d 10.0.0.2 -p icmp --icmp-type 8', 'entry.original.icmp.code: must be'],
    [
      '-A -t 5 -s 10.0.0.1 -d 10.0.0.2 -p dccp --state (null) --role client',
      'entry.dccp.state: must be',
    ],
  ])('refuses %j', (line, message) => {
    expect(() => parseEntries(line)).toThrow(message);
    expect(() => parseEntries(line)).toThrow(/^text: line 1: /);
  });

  it('reads words however far apart, and no comment', () => {
    const [list, save] = [one(LINE), one(SAVE)];
    expect(one(`  ${LINE.replaceAll(/ (?=\S)/g, '   ')}\t`)).toEqual(list);
    expect(one(`  ${SAVE.replaceAll(' ', ' \t ')} `)).toEqual(save);
    expect(parseEntries(`#${LINE}\n # ${SAVE}\n#\n\n`)).toEqual([]);
  });

  it('refuses labels that it does not know', () => {
    const options = { labels: new Map([[1, 'b']]) };
    expect(one(`${LINE} labels=b`, options).labels).toBe(2n);
    expect(one(`${LINE} labels`, options).labels).toBeUndefined();
    expect(() => one(`${LINE} labels=a`, options)).toThrow('"a" is not in options.labels');
    expect(() => one(LINE, { labels: new Map([[128, 'b']]) })).toThrow(
      'options.labels: must be a Map of bits from 0 to 127, not 128',
    );
    expect(() => one(LINE, { labels: new Map([[1, 'b\n']]) })).toThrow('options.labels.get(1)');
    expect(() => one(LINE, { labels: [] as never })).toThrow('options.labels: must be a Map');
  });

  it('refuses no text, and too long ones', () => {
    expect(() => parseEntries(Buffer.from(LINE) as never)).toThrow('text: must be a string');
    expect(() => parseEntries('x'.repeat(LIMITS.textCharacters + 1))).toThrow(
      /^text: must have at most 268435456 characters, not 268435457; restoreEntries\(\)/,
    );
    const long = `\n${LINE} secctx=${'x'.repeat(2 ** 20)}`;
    expect(() => parseEntries(long)).toThrow(
      /^text: line 2: its length: must be at most 65536 characters, not \d+$/,
    );
  });

  it('never shows control characters, nor a long word, in an error', () => {
    for (const line of [`${LINE} \u001b[2J`, `\u202e${LINE}`, `-A \u0007`, `${LINE} mark=\u009b`]) {
      expect(() => parseEntries(line)).toThrow(/^[\x20-\x7e]*$/);
    }
    try {
      parseEntries(`${LINE} ${'w'.repeat(60_000)}`);
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(200);
    }
  });

  it('takes time that grows with the length, whatever the line', () => {
    for (const part of ['=', ' ', 'a=', '[', ' [start=Mon Jan  1 ', '-', '0', 'src=', ',', '\t']) {
      const line = part.repeat(Math.floor(LIMITS.lineCharacters / part.length));
      const begun = performance.now();
      for (const text of [line, `${LINE} ${line}`, `-A ${line}`, `${LINE} labels=${line}`]) {
        expect(() => {
          parseEntries(text.slice(0, LIMITS.lineCharacters), { labels });
        }, part).toSatisfy((run: () => void) => {
          try {
            run();
          } catch (error) {
            return error instanceof TypeError || error instanceof RangeError;
          }
          return true;
        });
      }
      expect(performance.now() - begun, part).toBeLessThan(500);
    }
  });

  it('reads back what formatEntry() prints of any entry', () => {
    const random = generator(17);
    const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
    for (let round = 0; round < 2000; round++) {
      const isV6 = random(2) === 0;
      const address = () =>
        isV6 ? `2001:db8::${(1 + random(3)).toString(16)}` : `192.0.2.${1 + random(3)}`;
      const protocol = pick([6, 17, 132, 33, 47, 136, 50, isV6 ? 58 : 1]);
      const tuple = (): Omit<Tuple, 'source' | 'destination'> => {
        if (protocol === 50) return {};
        if (protocol === 47) return { sourceKey: random(65536), destinationKey: random(65536) };
        return { sourcePort: random(65536), destinationPort: random(65536) };
      };
      const flow = { source: address(), destination: address(), protocol };
      const ids = { icmpId: random(65536), icmpCode: 0 };
      const [there, back] =
        protocol === 1 || protocol === 58
          ? [
              { ...flow, ...ids, icmpType: protocol === 1 ? 8 : 128 },
              { ...flow, ...ids, icmpType: protocol === 1 ? 0 : 129 },
            ]
          : [
              { ...flow, ...tuple() },
              { ...flow, source: address(), destination: address(), ...tuple() },
            ];
      if (protocol === 1 || protocol === 58) {
        back.source = there.destination;
        back.destination = there.source;
      }
      const status = 0x8 | (random(2) * 0x2) | (random(2) * 0x4) | (random(2) * 0x400) | 0x180;
      const entry = entryWith({
        ...TCP_TUPLES,
        original: there as never,
        reply: back as never,
        id: random(2 ** 31),
        status,
        timeout: 1 + random(1000),
        use: 1,
        ...(random(2) ? { zone: 1 + random(65535) } : {}),
        ...(random(2) ? { mark: random(2 ** 31) } : {}),
        ...(random(2) ? { labels: BigInt(1 + random(2 ** 30)) } : {}),
        ...(random(2) ? { helper: pick(['ftp', 'sip', 'h323']) } : {}),
        ...(random(2) ? { startTime: 1_700_000_000_000_000_000n } : {}),
        ...(random(2) ? { originalCounters: [1n, 2n], replyCounters: [3n, 4n] } : {}),
        ...(protocol === 6 ? { tcpState: random(10) } : {}),
        ...(protocol === 132
          ? {
              sctpState: random(8),
              sctpOriginalTag: random(2 ** 31),
              sctpReplyTag: random(2 ** 31),
            }
          : {}),
        ...(protocol === 33 ? { dccpState: random(10), dccpRole: random(2) } : {}),
      });
      const options = { id: random(2) === 0, timestamps: random(2) === 0, labels };
      for (const format of ['line', 'extended', 'save'] as const) {
        const line = formatEntry(entry, format === 'save' ? { format } : { ...options, format });
        const spec = one(line, { labels });
        const expected = carried(entry.toJSON(), format);
        if (format !== 'save') expected.labels = entry.labels;
        // Its bits are random here, its tuples are what a line has.
        delete expected.nat;
        const { nat: _, ...rest } = spec;
        expect(rest, line).toEqual(expected);
        expect(() => specOf(spec, 'spec'), line).not.toThrow();
      }
    }
  });
});

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
