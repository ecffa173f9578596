/** Command lines, from words to options. */
import { describe, expect, it, test } from 'vitest';
import { COMMAND_NAMES, commandOf } from '../../src/cli/line/commands.js';
import { ACCEPTED } from '../../src/cli/line/compat.js';
import { longOf, OPTION_NAMES, type OptionName, shapeOf } from '../../src/cli/line/options.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { filtersIn, filtersOfUpdate } from '../../src/cli/read/filters.js';
import { changesIn, keyIn, specIn } from '../../src/cli/read/specs.js';
import { UsageError } from '../../src/cli/usage-error.js';

const wordsOf = (line: string) => line.split(' ').filter((word) => word !== '');
const parse = (line: string) => parseLine(wordsOf(line));
const messageOf = (line: string) => {
  try {
    parse(line);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  return 'no error';
};

describe('the same line in the words of the API and with the letters of conntrack(8)', () => {
  test.each([
    ['-L -p tcp --dport 443', 'list --protocol tcp --destination-port 443'],
    ['-L -ptcp --dport=443', 'list --protocol=tcp --destination-port=443'],
    ['--dump --proto tcp --state ESTABLISHED', 'list --protocol tcp --state ESTABLISHED'],
    ['-L -s 10.0.0.0/8 -u ASSURED', 'list --source 10.0.0.0/8 --status ASSURED'],
    ['-L dying -f ipv6', 'list dying --family ipv6'],
    ['-L -n 192.0.2.1 -g', 'list --source-nat 192.0.2.1 --destination-nat'],
    [
      '-G -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2',
      [
        'get --protocol udp --source 10.0.0.1 --destination 10.0.0.2',
        '--source-port 1 --destination-port 2',
      ].join(' '),
    ],
    ['-D -m 1/1 -w 5', 'delete --mark 1/1 --zone 5'],
    ['-E -e NEW -b 1000', 'watch --events NEW --receive-buffer-bytes 1000'],
    ['-L expect -o id', 'expect list --output id'],
    ['-A -p udp -t 5', 'create --if-absent --protocol udp --timeout 5'],
    ['-U -s 10.0.0.1 -m 7', 'update --source 10.0.0.1 --mark 7'],
    ['-C', 'count'],
    // Two names of one option begin so.
    ['-L --prot tcp', 'list --protocol tcp'],
    ['-I -p tcp --state NONE', 'create --protocol tcp --state NONE'],
  ])('%s', (letters, words) => {
    const { isLetter: _letters, ...ofLetters } = parse(letters);
    const { isLetter: _words, ...ofWords } = parse(words);
    expect(ofLetters).toEqual(ofWords);
  });

  it('but for tags of SCTP, which the tool takes for numbers of the host', () => {
    expect(parse('-L -p sctp --orig-vtag 0x01020304').given.originalTag).toEqual(['67305985']);
    expect(parse('list --original-tag 7').given.originalTag).toEqual(['7']);
  });
});

describe('refuses', () => {
  test.each([
    ['', 'no command'],
    ['lst', `unknown command "lst"; did you mean 'list'?`],
    [
      'list --destnation-port 1',
      `unknown option --destnation-port; did you mean '--destination-port'?`,
    ],
    ['list -X', 'unknown option -X'],
    ['list --source', '--source lacks its value: ADDRESS[/PREFIX]'],
    ['list --json=yes', '--json takes no value'],
    ['list stray more', '"more" belongs to no option of list'],
    ['count --events new', 'count does not take --events; watch does'],
    ['list --or --mark 1 --not', 'no condition stands behind --or, --not or --where'],
    ['-L -D', '-D beside another command'],
    ['-L nat', 'unknown table "nat"'],
    ['-D dying', '-D has no table dying'],
    ['-U expect', '-U has no table expect'],
    ['-L -t 5', '-L does not take --timeout'],
    ['-L --dport 5', '--dport needs --protonum tcp or udp or udplite or sctp or dccp'],
    ['-I -p tcp -t 5', '-I needs --state'],
    ['-I -p sctp --state CLOSED', '-I needs --orig-vtag'],
    ['-A -p sctp --state CLOSED --orig-vtag 1', '-A needs --reply-vtag'],
    ['-A -p dccp --state NONE', '-A needs --role'],
    ['-L --orig-port', '--orig-port may be any of --orig-port-src, --orig-port-dst'],
    ['-L --icmpv6 5', '--icmpv6 may be any of --icmpv6-type, --icmpv6-code, --icmpv6-id'],
    [
      '-L --icmp 5',
      '--icmp may be any of --icmp-type, --icmpv6-type, --icmp-code, --icmpv6-code, --icmp-id, --icmpv6-id',
    ],
    ['-L --reliable-destroy', 'list does not take --reliable-destroy; watch does'],
    ['-L unconfirmed', 'there is no table unconfirmed: newer kernels have no such list'],
  ])('%s', (line, message) => {
    expect(messageOf(line)).toBe(message);
  });
});

it('reads options of no letter beside a letter', () => {
  expect(parse('-L --json --names --netns blue').given).toEqual({
    json: [''],
    names: [''],
    netns: ['blue'],
  });
});

it('-R has a file, and other letters have none', () => {
  for (const line of ['-R file', '-Rfile', '--load-file file']) {
    expect(parse(line)).toMatchObject({ command: 'load', words: ['file'], isLetter: true });
  }
  expect(messageOf('-R')).toBe('-R lacks its value: FILE');
  expect(parse('-L').words).toEqual([]);
});

it('--help of a command wins over what else is wrong', () => {
  expect(parse('count --events new --help')).toMatchObject({ command: 'help', words: ['count'] });
  expect(parse('-h')).toMatchObject({ command: 'help', words: [] });
  expect(parse('help list')).toMatchObject({ command: 'help', words: ['list'] });
  expect(parse('--help')).toMatchObject({ command: 'help', words: [] });
  expect(parse('version')).toMatchObject({ command: 'version', words: [] });
});

const NO_LABELS = new Map<string, number>();

describe('filters', () => {
  const filtersOf = (line: string) => filtersIn(parse(line), NO_LABELS);
  const empty = { original: {}, reply: {}, status: { all: [] } };

  test.each<[string, unknown[]]>([
    ['list', [empty]],
    ['list --protocol tcp,udp', [{ ...empty, protocol: [6, 17] }]],
    [
      'list --port 1000-2000 --address 10.0.0.1/8',
      [{ ...empty, port: { from: 1000, to: 2000 }, address: '10.0.0.0/8' }],
    ],
    ['list --state time_wait,CLOSE', [{ ...empty, state: ['TIME_WAIT', 'CLOSE'] }]],
    ['list --assured no --nat none', [{ ...empty, assured: false, nat: 'none' }]],
    [
      'list --timeout -60 --bytes 1000-',
      [{ ...empty, timeout: { to: 60 }, counters: { total: { bytes: { from: 1000 } } } }],
    ],
    ['list --protocol sctp --state closed', [{ ...empty, protocol: 132, state: 'CLOSED' }]],
    [
      'list --protocol tcp,sctp --state closed',
      [{ ...empty, protocol: [6, 132], state: 'CLOSED' }],
    ],
    ['list --timeout 5', [{ ...empty, timeout: { from: 5, to: 5 } }]],
    [
      'list --mark 1 --or --mark 2 --not --zone 3 --not --id 4',
      [
        { ...empty, mark: 1 },
        {
          ...empty,
          mark: 2,
          not: [
            { ...empty, zone: 3 },
            { ...empty, id: 4 },
          ],
        },
      ],
    ],
    ['list --mark 0x10/0xf', []],
    [
      'list --any-nat',
      [
        { ...empty, status: { all: ['sourceNat'] } },
        { ...empty, status: { all: ['destinationNat'] } },
      ],
    ],
    [
      'list --status SEEN_REPLY,hardwareOffload',
      [{ ...empty, status: { all: ['seenReply', 'hardwareOffload'] } }],
    ],
  ])('%s', (line, filters) => {
    expect(filtersOf(line)).toEqual(filters);
  });

  test.each([
    ['list --state ESTABLISHD', `--state has no word "ESTABLISHD"; did you mean 'ESTABLISHED'?`],
    ['list --port 70000', '--port must be a number from 0 to 65535, not "70000"'],
    ['list --port 9-5', '--port ends before it begins: "9-5"'],
    ['list --protocol tpc', `--protocol has no word "tpc"; did you mean 'tcp'?`],
    ['list --source 10.0.0', '--source must be an IPv4 or IPv6 address, not "10.0.0"'],
    ['list --source 10.0.0.1 --destination ::1', '--destination is ipv6, the rest ipv4'],
    ['list --protocol sctp --state SYN_SENT', '--state has no word "SYN_SENT"'],
    ['list --protocol tcp,sctp --state OPENN', `--state has no word "OPENN"; did you mean 'OPEN'?`],
    ['list --assured maybe', '--assured must be yes or no, not "maybe"'],
    ['list --labels web', 'no label is named "web"'],
    ['list --timeout x', '--timeout must be a number or a range such as 5-9, 5- or -9, not "x"'],
    [
      'list --started-after x',
      [
        '--started-after must be a time such as 2026-01-31T12:00:00Z or an age such as 10m, not "x"',
      ].join(''),
    ],
  ])('%s', (line, message) => {
    expect(() => filtersOf(line)).toThrow(new UsageError(message));
  });

  it('ages', () => {
    const before = Date.now() - 600_000;
    const [filter] = filtersOf('list --started-before 10m');
    const time = filter?.startedBefore as Date;
    expect(time.getTime()).toBeGreaterThanOrEqual(before);
    expect(time.getTime()).toBeLessThanOrEqual(Date.now() - 600_000);
  });

  it('before --where of update the state is a change', () => {
    const update = (line: string) => filtersOfUpdate(parse(line), NO_LABELS);
    expect(update('update --port 5 --mark 1')).toEqual([{ ...empty, port: 5 }]);
    expect(update('update --mark 1 --where --mark 2 --or --zone 3')).toEqual([
      { ...empty, mark: 2 },
      { ...empty, zone: 3 },
    ]);
    expect(update('update --mark 1 --port 5 --where --mark 2 --or --zone 3')).toEqual([
      { ...empty, port: 5, mark: 2 },
      { ...empty, port: 5, zone: 3 },
    ]);
  });
});

it('changes, specifications and keys', () => {
  const labels = new Map([['web', 3]]);
  const { given } = parse(
    'update --timeout 5 --mark 1/3 --labels-set web --labels-clear 4 --port 1',
  );
  expect(changesIn(given, labels).changes).toEqual({
    timeout: 5,
    mark: { value: 1, mask: 3 },
    labels: { set: 8n, clear: 16n },
  });
  expect(() => changesIn(parse('update --port 1').given, labels)).toThrow('update changes nothing');
  const flow =
    '--protocol udp --source 10.0.0.1 --destination 10.0.0.2 --source-port 1 --destination-port 2';
  const original = {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: 1,
    destinationPort: 2,
  };
  expect(keyIn(parse(`get ${flow} --zone 4 --id 5`).given)).toEqual({
    protocol: 17,
    original,
    id: 5,
    zone: 4,
  });
  expect(
    specIn(parse(`create ${flow} --timeout 9 --helper sip --labels web`).given, labels),
  ).toEqual({
    protocol: 17,
    original,
    reply: undefined,
    timeout: 9,
    helper: 'sip',
    labels: 8n,
  });
});

describe('the tables', () => {
  it('no two options have a name or a letter in common', () => {
    const names = OPTION_NAMES.flatMap((name) => {
      const { old = [], letter } = shapeOf(name);
      const own = new Set([longOf(name), ...old]);
      return [...own, ...(letter === undefined ? [] : [`-${letter}`])];
    });
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('every option belongs to a command', () => {
    const used = new Set<OptionName>(COMMAND_NAMES.flatMap((name) => commandOf(name).options));
    // That of -I expect, which the kernel has no use for.
    expect(OPTION_NAMES.filter((name) => !used.has(name))).toEqual(['maskDestinationPort']);
  });

  it('a command takes what the tool takes with its letter', () => {
    const missing = (
      Object.keys(ACCEPTED.conntrack) as (keyof typeof ACCEPTED.conntrack)[]
    ).flatMap((letter) => {
      const command = COMMAND_NAMES.find((name) => name === (letter === 'add' ? 'create' : letter));
      if (command === undefined) return [];
      const accepted = ACCEPTED.conntrack[letter] ?? [];
      return accepted.filter((name) => !commandOf(command).options.includes(name));
    });
    // What -D takes and the command refuses; what an update has in its conditions.
    expect(missing).toEqual([]);
  });

  it.each(COMMAND_NAMES)('the examples of %s are lines', (name) => {
    for (const example of commandOf(name).examples) {
      const [line = ''] = example.split(/ [|>] /);
      expect(() => parse(line)).not.toThrow();
    }
  });
});
