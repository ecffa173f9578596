/**
 * Properties of what takes any text or any value: parsers, addresses, filters, command lines.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import {
  ConntrackError,
  type EntryFilter,
  type EntryJson,
  explainFilter,
  formatEntry,
  parseEntries,
} from 'conntrack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../src/cli/line/commands.js';
import { CONDITIONS, longOf, OPTION_NAMES, shapeOf } from '../../src/cli/line/options.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { expanded, filtersOfText, textOf, within } from '../../src/cli/top/filter-text.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { printable } from '../../src/core/printable.js';
import { specOf } from '../../src/entry/check-spec.js';
import { LabelNames, labelsIn } from '../../src/entry/label-names.js';
import { inodeOf } from '../../src/event/origin.js';
import { compileFilter } from '../../src/filter/compile.js';
import { numberIn } from '../../src/health/proc-number.js';
import { entriesIn, parseStatFile } from '../../src/health/stat-file.js';
import {
  addressFamily,
  formatIPv4,
  formatIPv6,
  sameAddress,
  writeAddress,
} from '../../src/record/ip-address.js';
import { holds, RUNS, text } from './property.js';
import { entryWith } from './records.js';

/** Returns the result, or `undefined` when it throws an error of one of these classes. */
function resultOr<T>(work: () => T, ...classes: readonly (new (...given: never[]) => Error)[]) {
  try {
    return work();
  } catch (error) {
    if (classes.some((one) => error instanceof one)) return undefined;
    throw error;
  }
}

const folder = new URL('../fixtures/', import.meta.url);
const lines = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .flatMap((file) => readFileSync(new URL(file, folder), 'utf8').split('\n'))
  .map((line) => line.replace(/^[^:]*: /, ''))
  .filter((line) => line !== '');

/** A line of the tool, with words left out, doubled, exchanged, or made of others. */
const nearlyLine = fc
  .tuple(
    fc.constantFrom(...lines),
    fc.array(
      fc.record({
        at: fc.nat(60),
        change: fc.constantFrom('drop', 'double', 'swap', 'replace', 'cut'),
        word: fc.oneof(text, fc.constantFrom(...lines.flatMap((line) => line.split(' ')))),
      }),
      { maxLength: 4 },
    ),
  )
  .map(([line, edits]) => {
    const words = line.split(' ');
    for (const { at, change, word } of edits) {
      const place = at % Math.max(1, words.length);
      const here = words[place] ?? '';
      if (change === 'drop') words.splice(place, 1);
      else if (change === 'double') words.splice(place, 0, here);
      else if (change === 'swap') words.push(...words.splice(place, 1));
      else if (change === 'replace') words[place] = word;
      else words[place] = here.slice(0, at % 7) + word.slice(0, 3);
    }
    return words.join(' ');
  });

const TYPE_ERRORS = [TypeError, RangeError] as const;

describe('text of tables', () => {
  it('any text is specifications, or an error that names its line', () => {
    holds(fc.array(fc.oneof(text, nearlyLine), { maxLength: 4 }), (all) => {
      let specs: readonly unknown[] = [];
      try {
        specs = parseEntries(all.join('\n'));
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        expect(error.message).toMatch(/^text: line \d+: /);
        // A terminal shows it as it is.
        expect(printable(error.message)).toBe(error.message);
      }
      for (const spec of specs) specOf(spec, 'spec');
    });
  });

  it('what save prints is read as it was', () => {
    const port = fc.nat(0xffff);
    holds(
      fc.record({
        addresses: fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6())),
        ports: fc.tuple(port, port),
        timeout: fc.integer({ min: 1, max: 0x7fffffff }),
        mark: fc.nat(0xffffffff),
        zone: port,
      }),
      ({ addresses: [source, destination], ports: [sourcePort, destinationPort], ...rest }) => {
        const ends = { source, destination, sourcePort, destinationPort, protocol: 17 };
        const reply = {
          ...{ source: destination, destination: source, protocol: 17 },
          ...{ sourcePort: destinationPort, destinationPort: sourcePort },
        };
        const entry = entryWith({ original: ends, reply, ...rest });
        // As the kernel would print the addresses.
        const { original } = JSON.parse(JSON.stringify(entry)) as EntryJson;
        const { timeout, mark } = rest;
        const [saved] = parseEntries(formatEntry(entry, { format: 'save' }));
        expect(saved).toMatchObject({ protocol: 'udp', original, timeout });
        const [listed] = parseEntries(formatEntry(entry));
        expect(listed).toMatchObject({ protocol: 'udp', original, timeout, mark });
      },
    );
  });
});

describe('connlabel.conf', () => {
  const labelLines = fc
    .array(fc.tuple(fc.nat(130), fc.constantFrom(' ', '\t', ''), fc.oneof(text, fc.lorem())))
    .map((rows) => rows.map((row) => row.join('')).join('\n'));

  it('any text is labels with names of their own, or an error that names its line', () => {
    let taken = 0;
    holds(fc.oneof(text, labelLines), (content) => {
      const named = resultOr(() => labelsIn(content, 'readLabelNames', '/a/file'), ConntrackError);
      const labels = new LabelNames(named ?? []);
      expect(labels.byBit.size).toBe(named?.length ?? 0);
      for (const [bit, name] of named ?? []) {
        taken++;
        expect(content.split('\n').join(' ')).toContain(name);
        expect(labels.bits(name)).toBe(1n << BigInt(bit));
        expect(labels.names(1n << BigInt(bit))).toEqual([name]);
      }
      if (named !== undefined) return;
      expect(() => labelsIn(content, 'readLabelNames', '/a/file')).toThrow(
        /^readLabelNames: \/a\/file, line \d+: /,
      );
    });
    expect(taken).toBeGreaterThan(RUNS / 50);
  });
});

describe('files of /proc', () => {
  const statLines = fc
    .array(fc.array(fc.oneof(fc.constantFrom('entries', 'found', 'drop', '0000000a'), text)), {
      maxLength: 5,
    })
    .map((rows) => rows.map((row) => row.join(' ')).join('\n'));

  it('any text is counters that are numbers', () => {
    holds(fc.oneof(text, statLines), (content) => {
      for (const { other, ...counters } of parseStatFile(content)) {
        for (const value of [...Object.values(counters), ...Object.values(other)]) {
          expect(Number.isInteger(value) && value >= 0).toBe(true);
        }
      }
      for (const value of [entriesIn(content), numberIn(content)]) {
        expect(value === undefined || (Number.isInteger(value) && value >= 0)).toBe(true);
      }
      const inode = inodeOf(content, 5);
      expect(inode === undefined || typeof inode === 'string').toBe(true);
    });
  });
});

describe('addresses', () => {
  const place = () => {
    const slab = new ArrayBuffer(16);
    return { view: new DataView(slab), words: new Uint32Array(slab) };
  };

  it('IPv6 is printed as the URL parser prints it', () => {
    holds(fc.ipV6(), (address) => {
      const { view, words } = place();
      writeAddress(view, 0, address);
      const printed = formatIPv6(words, 0);
      expect(sameAddress(printed, address)).toBe(true);
      const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
      // RFC 5952 leaves addresses of IPv4 in IPv6 to their reader.
      if (!printed.includes('.')) expect(printed).toBe(canonical);
    });
  });

  it('IPv4 is printed as it was read', () => {
    holds(fc.ipV4(), (address) => {
      const { view, words } = place();
      writeAddress(view, 0, address);
      expect(formatIPv4(words, 0)).toBe(address);
    });
  });

  it('any text is an address if node:net takes it, but for scopes', () => {
    const parts = fc.array(fc.constantFrom(...'0123456789abcdef:.%/-xg '.split('')), {
      maxLength: 45,
    });
    holds(
      fc.oneof(
        text,
        parts.map((all) => all.join('')),
        fc.ipV4(),
        fc.ipV6(),
      ),
      (given) => {
        const family = isIP(given);
        const expected = family === 0 || given.includes('%') ? undefined : `ipv${family}`;
        expect(addressFamily(given)).toBe(expected);
      },
    );
  });
});

describe('text for a terminal', () => {
  it('has nothing that a terminal obeys, and stays so', () => {
    holds(text, (given) => {
      const shown = printable(given);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect(printable(shown)).toBe(shown);
    });
  });
});

/** A name of a filter's field, or another. */
const FIELDS = [
  ...['family', 'protocol', 'original', 'reply', 'source', 'destination', 'sourcePort', 'port'],
  ...['destinationPort', 'address', 'state', 'status', 'mark', 'zone', 'labels', 'helper', 'nat'],
  ...[
    'timeout',
    'counters',
    'total',
    'bytes',
    'packets',
    'startedAfter',
    'not',
    'id',
    'all',
    'any',
  ],
  ...['none', 'from', 'to', 'value', 'mask', 'icmp', 'type', 'code', 'assured', 'sctp', 'dccp'],
];

const leaf = fc.oneof(
  ...[fc.nat(70_000), fc.ipV4(), fc.ipV6(), fc.boolean(), fc.bigInt(), fc.date(), text],
  fc.constantFrom('ipv4', 'ipv6', 'tcp', 'udp', 'ESTABLISHED', 'seenReply', '10.0.0.0/8', 'any'),
  fc.constantFrom(undefined, null, Number.NaN, -1, 2 ** 53),
);

const { value: filterLike } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.dictionary(fc.constantFrom(...FIELDS), tie('value'), { maxKeys: 4 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

describe('filters', () => {
  it('any value is a filter, or a TypeError or RangeError that names its field', () => {
    let taken = 0;
    holds(filterLike, (value) => {
      const filter = value as EntryFilter;
      try {
        const { records } = compileFilter(filter);
        expect((records?.byteLength ?? 0) % 8).toBe(0);
        explainFilter(filter);
        taken++;
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        expect(error.message).toMatch(/^filters?(?:\[|\.|: )/);
        expect(printable(error.message)).toBe(error.message);
      }
    });
    // Were none taken, this would try nothing.
    expect(taken).toBeGreaterThan(RUNS / 50);
  });
});

const optionWords = OPTION_NAMES.flatMap((name) => {
  const { letter, old = [] } = shapeOf(name);
  return [longOf(name), ...old].map((long) => `--${long}`).concat(letter ? [`-${letter}`] : []);
});

const words = fc.array(
  fc.oneof(
    fc.constantFrom(...optionWords, '--or', '--not', '--where', '-L', '-D', '-E', '--'),
    fc.constantFrom('tcp', '10.0.0.1', '443', '7/0xf', 'ESTABLISHED', 'source', '5-9'),
    text,
  ),
  { maxLength: 8 },
);

describe('command lines', () => {
  it('any words are a command line, or a UsageError', () => {
    holds(fc.constantFrom(...COMMAND_NAMES, ''), words, (command, rest) => {
      const line = resultOr(() => parseLine([command, ...rest]), UsageError);
      if (line !== undefined) expect(line.alternatives.length).toBeGreaterThan(0);
    });
  });

  const meant = [
    ...['tcp', 'udp', '443', '10.0.0.0/8', '2001:db8::1', 'established', 'mark 7', 'not', 'or'],
    ...['source 10.0.0.1', '--state CLOSE', 'nat any', '--address 10.0.0.1', '-p tcp', 'any-nat'],
  ];
  const typed = fc
    .array(
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...meant) },
        { weight: 1, arbitrary: fc.constantFrom(...CONDITIONS.map(longOf)) },
        { weight: 1, arbitrary: words.map((all) => all.join(' ')) },
      ),
      { maxLength: 6 },
    )
    .map((all) => all.join(' '));

  it('any text is a filter of top, or a UsageError; its longer form means the same', () => {
    let taken = 0;
    holds(typed, (given) => {
      const filters = resultOr(() => filtersOfText(given, new Map()), UsageError);
      if (filters === undefined) return;
      taken++;
      const longer = expanded(given);
      expect(expanded(longer)).toBe(longer);
      expect(filtersOfText(longer, new Map())).toEqual(filters);
      expect(textOf(parseLine(['top', ...longer.split(' ')]).alternatives)).not.toBe('');
      // Each alternative has the conditions that are put into all.
      const narrowed = filtersOfText(within(given, { all: ['--id', '77'] }), new Map()) ?? [];
      for (const filter of narrowed) expect(filter.id).toBe(77);
      for (const filter of filters) resultOr(() => compileFilter(filter), ...TYPE_ERRORS);
    });
    expect(taken).toBeGreaterThan(RUNS / 50);
  });
});
