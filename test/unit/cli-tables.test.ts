/** Tables for people: of entries, of events, and the help. */
import { describe, expect, it, test } from 'vitest';
import { helpText, versionText } from '../../src/cli/help.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { EventTable } from '../../src/cli/print/event-table.js';
import { EventPrinter } from '../../src/cli/print/events.js';
import {
  FlowTable,
  markOf,
  natOf,
  protocolOf,
  stateOf,
  styleOfState,
} from '../../src/cli/print/flow-table.js';
import { shapeIn } from '../../src/cli/print/shape.js';
import { type Paint, plain } from '../../src/cli/print/style.js';
import { Writer } from '../../src/cli/print/writer.js';
import { sink, TERMINAL, worldOf } from './cli-world.js';
import { entryWith, TCP_TUPLES } from './records.js';

const same = (address: string) => address;
const SEEN_REPLY = 2;
const ASSURED = 4;
const coloured: Paint = (style, text) => `<${style} ${text}>`;
const rows = (text: string) => text.split('\n').map((row) => row.trimEnd());

describe('entries', () => {
  const tuple = { source: '10.0.0.1', destination: '10.0.0.2' };
  const of = (protocol: number, status: number, more: object = {}) =>
    entryWith({
      original: { ...tuple, protocol },
      reply: { source: '10.0.0.2', destination: '10.0.0.1', protocol },
      status,
      ...more,
    });

  test.each<[string, ReturnType<typeof of>, string, string | undefined]>([
    ['TCP', entryWith({ ...TCP_TUPLES, tcpState: 3, status: SEEN_REPLY }), 'ESTABLISHED', 'green'],
    ['a beginning', entryWith({ ...TCP_TUPLES, tcpState: 1, status: 0 }), 'SYN_SENT', 'yellow'],
    ['an end', entryWith({ ...TCP_TUPLES, tcpState: 7, status: 0 }), 'TIME_WAIT', 'yellow'],
    ['no answer', of(17, 0), 'UNREPLIED', 'yellow'],
    ['an answer', of(17, SEEN_REPLY), 'REPLIED', undefined],
    ['many answers', of(17, SEEN_REPLY | ASSURED), 'ASSURED', 'green'],
    ['an offloaded flow', of(17, SEEN_REPLY | (1 << 14)), 'OFFLOAD', undefined],
    ['one in hardware', of(17, SEEN_REPLY | (1 << 15)), 'OFFLOAD', undefined],
  ])('the state of %s', (_, entry, state, style) => {
    expect(stateOf(entry)).toBe(state);
    expect(styleOfState(state)).toBe(style);
  });

  it('have the protocol by its word or number, the mark as in rules, and NAT in words', () => {
    expect([protocolOf(of(6, 0)), protocolOf(of(99, 0))]).toEqual(['tcp', '99']);
    expect(markOf(255)).toBe('0xff');
    const nat = { source: { address: '1.2.3.4', port: 5 }, destination: { address: 'fd00::1' } };
    expect(natOf({ nat }, same)).toBe('from 1.2.3.4:5 to fd00::1');
    expect(natOf({ nat: { destination: { address: 'fd00::1', port: 5 } } }, same)).toBe(
      'to [fd00::1]:5',
    );
    expect(natOf({}, same)).toBe('');
  });

  const full = entryWith({
    ...TCP_TUPLES,
    ...{ tcpState: 3, status: SEEN_REPLY | ASSURED, timeout: 250, mark: 255, zone: 7, id: 9 },
    ...{ originalCounters: [10n, 2048n], replyCounters: [5n, 999n], helper: 'ftp' },
  });

  it('have as many columns as there is room for, the most wanted first', () => {
    const table = new FlowTable([full], 200, same, plain);
    expect(rows(`${table.head}\n${table.row(full)}`)).toEqual([
      'PROTO  STATE        SOURCE          DESTINATION   SENT  RECEIVED   LEFT  MARK  ZONE  HELPER  FLAGS    ID',
      'tcp    ESTABLISHED  10.0.0.1:40000  10.0.0.2:443  2.0K       999  4m10s  0xff     7  ftp     assured   9',
    ]);
    const narrow = new FlowTable([full], 70, same, plain);
    expect(rows(`${narrow.head}\n${narrow.row(full)}`)).toEqual([
      'PROTO  STATE        SOURCE          DESTINATION   SENT   LEFT  MARK',
      'tcp    ESTABLISHED  10.0.0.1:40000  10.0.0.2:443  2.0K  4m10s  0xff',
    ]);
    // Four columns are there in any case, and what has no room goes below.
    const least = new FlowTable([full], 40, same, plain);
    expect(rows(`${least.head}\n${least.row(full)}`)).toEqual([
      'PROTO  STATE        SOURCE          DESTINATION',
      'tcp    ESTABLISHED  10.0.0.1:40000',
      '                    10.0.0.2:443',
    ]);
  });

  it('are not all as wide as the longest address', () => {
    const source = '2001:db8:1111:2222:3333:4444:5555:6666';
    const long = entryWith({
      original: { ...TCP_TUPLES.original, source, destination: 'fd00::1' },
      reply: { ...TCP_TUPLES.reply, source: 'fd00::1', destination: source },
      ...{ tcpState: 3, status: SEEN_REPLY },
    });
    const short = entryWith({ ...TCP_TUPLES, tcpState: 3, status: SEEN_REPLY });
    const table = new FlowTable([short, long], 90, same, plain);
    expect(rows(`${table.head}\n${table.row(short)}\n${table.row(long)}`)).toEqual([
      'PROTO  STATE        SOURCE                         DESTINATION    ID',
      'tcp    ESTABLISHED  10.0.0.1:40000                 10.0.0.2:443    0',
      `tcp    ESTABLISHED  [${source}]:40000  [fd00::1]:443   0`,
    ]);
  });

  it('have colours, and what is rare in columns of its own', () => {
    const nat = entryWith({
      ...TCP_TUPLES,
      reply: { ...TCP_TUPLES.reply, destination: '9.9.9.9', destinationPort: 5 },
      ...{ tcpState: 1, status: ASSURED | (1 << 4), id: 9 },
      startTime: BigInt(Date.now() - 90_500) * 1_000_000n,
    });
    const names = (address: string) => (address === '9.9.9.9' ? 'router' : address);
    const table = new FlowTable([nat], 200, names, coloured);
    expect(table.head).toBe(
      '<bold PROTO>  <bold STATE>     <bold SOURCE>          <bold DESTINATION>   <bold NAT>' +
        '              <bold AGE>  <bold FLAGS>              <bold ID>',
    );
    expect(table.row(nat)).toBe(
      'tcp    <yellow SYN_SENT>  10.0.0.1:40000  10.0.0.2:443  <cyan from router:5>  1m30s' +
        '  <dim unreplied,assured>   <dim 9>',
    );
  });

  it('have no column that is empty', () => {
    const entry = entryWith({ ...TCP_TUPLES, tcpState: 3, status: SEEN_REPLY, id: 9 });
    const { head } = new FlowTable([entry], 200, same, plain);
    expect(head.split(/ +/)).toEqual(['PROTO', 'STATE', 'SOURCE', 'DESTINATION', 'ID']);
  });
});

describe('events', () => {
  // 2026-01-31 12:59:58.007 of the time zone of the process.
  const time = new Date(2026, 0, 31, 12, 59, 58, 7);
  const eventTimeNs = BigInt(time.getTime()) * 1_000_000n;
  const entry = entryWith({
    ...{ ...TCP_TUPLES, tcpState: 3, status: SEEN_REPLY },
    ...{ originalCounters: [10n, 2048n], replyCounters: [5n, 999n] },
  });
  const event = { type: 'destroy', entry, originPortId: 0, eventTimeNs } as const;

  test.each([
    [
      124,
      'TIME          EVENT    PROTO   STATE        SOURCE                        DESTINATION                       SENT  RECEIVED',
      '12:59:58.007  DESTROY  tcp     ESTABLISHED  10.0.0.1:40000                10.0.0.2:443                      2.0K       999',
    ],
    [
      123,
      'TIME      EVENT    PROTO  STATE        SOURCE                DESTINATION',
      '12:59:58  DESTROY  tcp    ESTABLISHED  10.0.0.1:40000        10.0.0.2:443',
    ],
  ])('have the columns of a terminal of %i', (columns, head, row) => {
    const table = new EventTable(columns, plain, same);
    expect(rows(`${table.head}\n${table.row(event)}`)).toEqual([head, row]);
  });

  it('have colours', () => {
    const table = new EventTable(80, coloured, same);
    const colourOf = (type: 'new' | 'update' | 'destroy') =>
      table
        .row({ ...event, type })
        .slice(0, 38)
        .trimEnd();
    expect((['new', 'update', 'destroy'] as const).map(colourOf)).toEqual([
      '<dim 12:59:58>  <green NEW>      tcp',
      '<dim 12:59:58>  <blue UPDATE>   tcp',
      '<dim 12:59:58>  <magenta DESTROY>  tcp',
    ]);
  });

  it('without a time are of now', () => {
    const table = new EventTable(80, plain, same);
    expect(table.row({ type: 'new', entry, originPortId: 0 })).toMatch(/^\d\d:\d\d:\d\d {2}NEW/);
  });

  const printed = async (
    line: string,
    events: readonly object[],
    facts = {},
    env: NodeJS.ProcessEnv = { NO_COLOR: '1' },
  ) => {
    const world = worldOf({ out: sink(facts), env });
    const { given } = parseLine(line.split(' '));
    const printer = new EventPrinter(world, new Writer(world.out), given, new Map());
    await printer.begin();
    await printer.print(events as never, Number.POSITIVE_INFINITY);
    await printer.end({ received: 1 } as never);
    return world.out.text();
  };

  test.each([
    ['watch', /^ \[UPDATE\] tcp /],
    ['watch --output timestamp', /^\[\d{10}\.\d{6}\] +\[UPDATE\] tcp /],
    ['watch --output save', /^-U /],
    ['watch --output xml', /<flow type="update">/],
    ['watch --json', /"type":"update".*\n\{"type":"end","received":1\}\n$/],
  ])('%s', async (line, expected) => {
    expect(await printed(line, [{ ...event, type: 'update' }])).toMatch(expected);
  });

  it('tell a notice and a loss', async () => {
    const notice = { type: 'destroy-unreliable', entries: 8, maxEntries: 10 };
    expect(await printed('watch', [notice])).toBe(
      ' [NOTICE] from here on destroy events can be lost: the table has 8 of at most 10 entries\n',
    );
    const loss = { type: 'lost', cause: 'queue', count: 1 };
    expect(await printed('watch', [loss])).toBe(
      '   [LOST] 1 event lost here: the output was too slow, and the queue full: see --queue-bytes\n',
    );
    expect(await printed('watch --output xml', [loss])).toMatch(/\n<!-- \[LOST\] .* -->\n$/);
  });

  it('have colours on a terminal, unless --no-color is given', async () => {
    const loss = { type: 'lost', cause: 'queue', count: 1 };
    expect(await printed('watch --output line', [loss], TERMINAL, {})).toContain('\u001b[31m');
    expect(await printed('watch --no-color', [loss], TERMINAL, {})).not.toContain('\u001b');
  });

  it('begin with the head of their table on a terminal', async () => {
    expect(await printed('watch', [], TERMINAL)).toMatch(/^TIME {6}EVENT/);
    expect(await printed('watch', [], TERMINAL)).not.toContain('SENT');
    expect(await printed('watch', [], { ...TERMINAL, columns: 200 })).toContain('SENT');
    expect(await printed('watch --output table', [])).toBe(await printed('watch', [], TERMINAL));
    expect(await printed('watch', [])).toBe('');
    expect(await printed('watch --output xml', [])).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n',
    );
  });
});

describe('the shape of an output', () => {
  const shapeOf = (line: string, facts = {}) => {
    const { given } = parseLine(line.split(' '));
    return shapeIn(given, sink(facts));
  };

  test.each<[string, object]>([
    ['list', { format: 'line', id: false, timestamps: false, labels: false, time: false }],
    ['list --output id,labels', { format: 'line', id: true, labels: true }],
    ['list --output timestamps', { timestamps: true, time: false }],
    ['list --output ktimestamp', { timestamps: true, time: false }],
    ['list --output timestamp', { timestamps: false, time: true }],
    ['list --output extended --output id', { format: 'extended', id: true }],
    ['list --output xml,extended', { format: 'xml' }],
    ['list --output json', { format: 'json' }],
    ['list --json', { format: 'json' }],
    ['list --json --output json', { format: 'json' }],
    ['list --output save', { format: 'save' }],
  ])('%s', (line, shape) => {
    expect(shapeOf(line)).toMatchObject(shape);
  });

  it('is a table on a terminal, unless something else is asked for', () => {
    expect(shapeOf('list', TERMINAL).format).toBe('table');
    expect(shapeOf('list --output id', TERMINAL).format).toBe('line');
    expect(shapeOf('list --output table').format).toBe('table');
  });

  test.each([
    ['list --output jsn', `--output has no word "jsn"; did you mean 'json'?`],
    ['list --output save,id', '--output save stands alone'],
    ['list --output table,line', '--output line stands beside no other format'],
    ['list --json --output xml', '--output xml stands beside no other format'],
  ])('%s is refused', (line, message) => {
    expect(() => shapeOf(line)).toThrow(message);
  });
});

describe('the help', () => {
  it('lists commands with their letters, and the options of one', () => {
    const world = worldOf({ out: sink({ columns: 60 }) });
    const all = helpText([], world);
    expect(all).toMatch(/^Usage: conntrack-js COMMAND \[OPTION\.\.\.\]\n\nReads and changes /);
    expect(all).toMatch(/^ {2}list +print the entries of the table \(-L\)$/m);
    expect(all).not.toMatch(/^ {2}load/m);
    const one = helpText(['list'], world);
    expect(one).toMatch(
      /^Usage: conntrack-js list \[dying\] \[OPTION\.\.\.\]\n {7}conntrack-js -L \[/,
    );
    expect(one).toMatch(/^Print the entries of the table\.$/m);
    expect(one).toMatch(/^Conditions:$/m);
    expect(one).toMatch(/^ {2}-p, --protocol \S+/m);
    expect(one).toMatch(/^Examples:\n {2}conntrack-js list --protocol tcp/m);
    for (const text of [all, one.split('Examples:')[0] ?? '']) {
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    }
    expect(() => helpText(['lst'], world)).toThrow(`unknown command "lst"; did you mean 'list'?`);
  });

  it('is as wide as its terminal, between 60 and 100 columns', () => {
    const widest = (columns: number | undefined) =>
      Math.max(
        ...helpText([], worldOf({ out: sink(columns === undefined ? {} : { columns }) }))
          .split('\n')
          .map(({ length }) => length),
      );
    expect(widest(20)).toBe(widest(60));
    expect(widest(60)).toBeLessThanOrEqual(60);
    expect(widest(undefined)).toBe(widest(80));
    expect(widest(80)).toBeGreaterThan(widest(60));
    expect(widest(300)).toBe(widest(100));
  });

  it('has a version', () => {
    expect(versionText()).toMatch(/^conntrack-js \d+\.\d+\.\d+/);
  });
});
