import { readdirSync, readFileSync } from 'node:fs';
import { type EntryJson, type FormatOptions, formatEntry } from 'conntrack';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hostileValues } from './hostile-values.js';
import { entryWith, TCP_TUPLES } from './records.js';

// What conntrack 1.4.7 has printed for each recorded message: test/fixtures/make/print.py.

const folder = new URL('../fixtures/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => file.slice(0, -4));

/** As in print.py. */
const NOW = 1_700_000_100_000;
const labels = new Map([0, 1, 9, 16, 124].map((bit) => [bit, `bit-${bit}`]));
const ALL = { id: true, timestamps: true, labels } as const;

const OPTIONS: Record<string, FormatOptions | undefined> = {
  line: undefined,
  extended: { format: 'extended' },
  save: { format: 'save' },
  xml: { format: 'xml' },
  'line with all': { format: 'line', ...ALL },
  'extended with all': { format: 'extended', ...ALL },
  'xml with all': { format: 'xml', ...ALL },
};

/** The tool prints counters of one direction; this package, in which both belong together, none. */
const withoutCounters = (text: string) =>
  text.replace(/ packets=\d+ bytes=\d+|<counters>.*?<\/counters>/g, '');

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
  vi.stubEnv('TZ', 'UTC');
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('formatEntry() prints what conntrack prints of', () => {
  it('each fixture', () => {
    const all = readdirSync(folder).filter((file) => file.endsWith('.hex'));
    expect(all.map((file) => file.slice(0, -4))).toEqual(names);
  });

  it.each(names)('%s', (name) => {
    const entry = JSON.parse(read(`${name}.json`)) as EntryJson;
    const lines = read(`${name}.txt`).trimEnd().split('\n');
    expect(lines.map((line) => line.split(': ', 1)[0])).toEqual(Object.keys(OPTIONS));
    for (const line of lines) {
      const [title = ''] = line.split(': ', 1);
      const text = line.slice(title.length + 2);
      const expected = name === 'counters-of-one-direction' ? withoutCounters(text) : text;
      expect(`${title}: ${formatEntry(entry, OPTIONS[title])}`).toBe(`${title}: ${expected}`);
    }
  });
});

const FLOW = { ...TCP_TUPLES, status: 0x198, id: 7 } as const;

describe('formatEntry()', () => {
  it('takes an entry, and prints the line of String(entry)', () => {
    const entry = entryWith({ ...FLOW, zone: 0, startTime: 1_600_000_000_000_000_000n });
    expect(formatEntry(entry)).toBe(String(entry));
    expect(formatEntry(entry)).toContain(' zone=0 delta-time=');
    expect(formatEntry(entry, { format: 'save' })).toContain(' -w 0 ');
    expect(formatEntry(entry, { format: 'xml' })).toContain('<zone>0</zone>');
  });

  it('prints of JSON the same as of its entry', () => {
    const entry = entryWith({
      ...FLOW,
      zone: 9,
      tcpState: 3,
      mark: 5,
      use: 1,
      timeout: 7,
      labels: 3n,
      helper: 'ftp',
      originalCounters: [2n ** 64n - 1n, 1n],
      replyCounters: [2n ** 53n, 2n],
    });
    const json = JSON.parse(JSON.stringify(entry)) as EntryJson;
    for (const options of Object.values(OPTIONS)) {
      expect(formatEntry(json, options)).toBe(formatEntry(entry, options));
    }
  });

  it('takes an entry of another copy of the package', () => {
    const entry = entryWith({ ...FLOW, tcpState: 3 });
    const prototype = { [Symbol.for('conntrack.view')]: 'an entry' };
    const other = Object.assign(Object.create(prototype) as object, entry.toJSON());
    expect(formatEntry(other)).toBe(String(entry));
  });

  it('prints times in the time zone of the process', () => {
    vi.stubEnv('TZ', 'America/New_York');
    const entry = entryWith({ ...FLOW, startTime: 1_700_000_000_000_000_000n });
    expect(formatEntry(entry, { timestamps: true })).toContain('[start=Tue Nov 14 17:13:20 2023]');
    const early = entryWith({ ...FLOW, startTime: 1_696_300_000_000_000_000n });
    expect(formatEntry(early, { timestamps: true })).toContain('[start=Mon Oct  2 22:26:40 2023]');
  });

  it('escapes what a terminal would obey, and in XML markup', () => {
    const entry = entryWith({
      ...FLOW,
      helper: '\u001b[2J',
      securityContext: '</secctx>&\u202e\n',
    });
    expect(formatEntry(entry)).toContain(String.raw` secctx=</secctx>&\u202e\u000a`);
    expect(formatEntry(entry)).toContain(String.raw` helper=\u001b[2J`);
    const xml = formatEntry(entry, { format: 'xml' });
    expect(xml).toContain(String.raw`<secctx>&lt;/secctx&gt;&amp;\u202e\u000a</secctx>`);
    expect(xml).toContain(String.raw`<helper>\u001b[2J</helper>`);
    const named = entryWith({ ...FLOW, labels: 1n });
    expect(formatEntry(named, { format: 'xml', labels: new Map([[0, '<b>']]) })).toContain(
      '<label>&lt;b&gt;</label>',
    );
  });

  it('prints no label without a name', () => {
    const entry = entryWith({ ...FLOW, labels: (1n << 127n) | 2n });
    expect(formatEntry(entry, { labels: new Map([[127, 'top']]) })).toMatch(/ labels=top$/);
    expect(formatEntry(entry, { labels: new Map() })).toMatch(/ labels$/);
    expect(formatEntry(entry)).not.toContain('labels');
    expect(formatEntry(entryWith(FLOW), { labels })).not.toContain('labels');
  });

  it.each<[string, () => unknown, string]>([
    ['no entry', () => formatEntry(null as never), 'entry: must be an entry, or what its toJSON()'],
    [
      'the spread of an entry',
      () => formatEntry({ ...entryWith(FLOW) }),
      'entry.protocol: is missing',
    ],
    [
      'a format',
      () => formatEntry(entryWith(FLOW), { format: 'jsn' as never }),
      "options.format: must be 'line', 'extended', 'save' or 'xml'",
    ],
    [
      'an option beside save',
      () => formatEntry(entryWith(FLOW), { format: 'save', id: true }),
      "options.id: must be absent beside format: 'save'",
    ],
    [
      'labels',
      () => formatEntry(entryWith(FLOW), { labels: { 1: 'a' } as never }),
      'options.labels: must be a Map of bits to names',
    ],
    [
      'a label with a space',
      () => formatEntry(entryWith({ ...FLOW, labels: 2n }), { labels: new Map([[1, 'a b']]) }),
      'options.labels.get(1): must be a name',
    ],
    [
      'an address',
      () =>
        formatEntry({
          ...entryWith(FLOW).toJSON(),
          original: { source: '10.0.0.1 mark=7', destination: '10.0.0.2' },
        }),
      'entry.original.source: must be an IPv4 or IPv6 address',
    ],
    [
      'a state',
      () =>
        formatEntry({
          ...entryWith({ ...FLOW, tcpState: 3 }).toJSON(),
          tcp: { state: 'UNKNOWN(1) mark=7' as never, original: {}, reply: {} },
        }),
      'entry.tcp.state: must be',
    ],
  ])('refuses %s', (_what, call, message) => {
    expect(call).toThrow(message);
  });

  it('names the field of whatever is wrong', () => {
    const json = entryWith({
      ...FLOW,
      tcpState: 3,
      originalCounters: [1n, 1n],
      replyCounters: [1n, 1n],
    }).toJSON();
    for (const name of Object.keys(json)) {
      const isPrinted = !['protocol', 'assured', 'unknownAttributes', 'nat'].includes(name);
      if (!isPrinted) continue;
      for (const [, value] of hostileValues()) {
        try {
          expect(typeof formatEntry({ ...json, [name]: value })).toBe('string');
        } catch (error) {
          expect(error).toSatisfy((one) => one instanceof TypeError || one instanceof RangeError);
          expect((error as Error).message).toMatch(new RegExp(`^entry\\.${name}\\b`));
        }
      }
    }
  });
});
