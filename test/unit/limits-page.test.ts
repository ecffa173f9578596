/**
 * docs/limits.md has every limit and default: each number is that of a constant, each constant has a
 * row, and what a function accepts begins and ends where the page says.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { watchOptionsOf } from '../../src/event/options.js';
import { filesOptionsOf } from '../../src/flow-log/files/options.js';
import { exportOptionsOf } from '../../src/flow-log/opentelemetry/options.js';
import { recorderOptionsOf } from '../../src/flow-log/options.js';
import { databaseOptionsOf } from '../../src/flow-log/sqlite/options.js';
import { topTalkersQueryOf } from '../../src/flow-log/sqlite/top-talkers.js';
import { totalsQueryOf } from '../../src/flow-log/sqlite/totals.js';
import { watchPressureOptionsOf } from '../../src/health/pressure.js';
import { flowGroups } from '../../src/metrics/flow-source.js';
import { countBy } from '../../src/mirror/groups.js';
import { mirrorOptionsOf } from '../../src/mirror/options.js';
import { tableRows } from './documents.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const filesIn = (folder: string, ending: RegExp) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => `${folder}${name}`);

/** Constants that bound nothing: what they are, by file. */
const NO_LIMITS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'numbers of the kernel, of Node.js and of formats': {
    'native/os/net_namespace.cc': ['clone_newnet', 'nsfs_magic'],
    'native/os/netlink_socket.cc': ['option_cap_ack', 'option_ext_ack'],
    'native/os/event_socket.cc': [
      ...['option_add_membership', 'option_broadcast_error', 'option_no_enobufs'],
      ...['option_listen_all_nsid', 'meminfo_rmem_alloc', 'meminfo_drops', 'meminfo_values'],
    ],
    'native/wire/byte_reader.h': ['header'],
    'native/wire/byte_writer.h': ['header_size'],
    'native/wire/message.cc': ['header_size', 'nfgenmsg_size'],
    'native/wire/filter_program.cc': [
      ...['LOAD_IMMEDIATE', 'LOAD_X_IMMEDIATE', 'LOAD_WORD', 'LOAD_HALF', 'LOAD_BYTE'],
      ...['LOAD_WORD_AT_X', 'LOAD_HALF_AT_X', 'LOAD_BYTE_AT_X', 'AND', 'JUMP', 'JUMP_IF_EQUAL'],
      ...['JUMP_IF_GREATER', 'JUMP_IF_NOT_LESS', 'RETURN', 'COPY_TO_X', 'FIND_ATTRIBUTE'],
      ...['FIND_NESTED', 'message_type_offset', 'family_offset', 'attributes_offset'],
      ...['payload_offset', 'pass'],
    ],
    'src/core/elf.ts': ['MAGIC', 'PT_INTERP'],
    'src/flow-log/opentelemetry/flow-exporter.ts': ['SUCCESS'],
    'src/flow-log/opentelemetry/log-record.ts': ['MOST_FIELDS'],
    'src/core/secure-execution.ts': ['AT_SECURE'],
    'src/health/read-stats.ts': ['EINVAL'],
    'src/flow-log/jetstream/errors.ts': ['OTHER_STREAM', 'TOO_LARGE'],
    'src/flow-log/jetstream/publisher.ts': ['NO_RESPONDERS', 'HEADER_BYTES'],
    'src/entry/check-changes.ts': ['ALL_LABELS'],
    'src/filter/network-matcher.ts': ['ALL_IPV6', 'MAPPED'],
    'src/cli/read/specs.ts': ['ALL_LABELS'],
    'src/filter/compile.ts': ['MOST'],
    'src/filter/network.ts': ['MAPPED_PREFIX'],
    'src/record/ip-address.ts': ['DOT', 'COLON'],
    'src/flow-log/sqlite/schema.ts': ['APPLICATION', 'VERSION'],
    'src/flow-log/sqlite/retention.ts': ['ANY_TIME'],
    'src/mirror/flow-key.ts': ['FIELDS', 'DOT', 'ZERO'],
  },
  'what an object in memory is made of': {
    'native/wire/encode.h': ['ASKED_TUPLE'],
    'native/wire/request_batch.h': ['silence'],
    'native/wire/filter_index.h': ['none'],
    // Both follow from others.
    'native/wire/recent_tuples.h': ['size'],
    'native/os/event_source.cc': ['far_from_empty'],
    'src/core/limits.ts': ['KIB', 'MIB'],
    'src/record/ip-address.ts': ['CACHE_BITS'],
    'src/record/words.ts': ['HIGH'],
    'src/mirror/ticks.ts': ['TICKS_PER_SECOND'],
    'src/mirror/slot-hash.ts': ['PARTS', 'PART_SHIFT', 'SMALLEST'],
    'src/mirror/flow-index.ts': ['LINK_WORDS', 'GROUP', 'NEXT', 'PREVIOUS', 'PAGE_GROUPS'],
    'src/mirror/flow-records.ts': ['PAGE_BITS', 'PAGE_SLOTS', 'NEVER'],
    'src/mirror/snapshots.ts': ['SMALL'],
    'src/mirror/dimensions.ts': ['KEY_WORDS', 'FAMILY_SHIFT'],
    'src/mirror/extensions.ts': ['PAGE_BITS', 'PAGE_PLACES'],
    'src/flow-log/earlier-flow.ts': ['NS_PER_MS'],
    'src/flow-log/files/lines.ts': ['NEWLINE'],
    'src/flow-log/files/recover.ts': ['LINES'],
    'src/flow-log/accounts.ts': ['PAGE_BITS', 'PAGE_MASK', 'NUMBER', 'PARTS', 'UNTIL', 'SEEN'],
    'src/cli/top/flow-counters.ts': ['SLOTS_A_FLOW', 'FEWEST'],
  },
  'the numbers of LIMITS: limits.test.ts compares them': {
    'native/addon/event_wrap.cc': ['most_slabs'],
    'native/addon/request_wrap.h': ['most_jobs'],
    'native/os/entry_changer.h': ['reported_at_once'],
    'native/os/event_queue.h': ['slab_bytes'],
    'native/os/event_reader.cc': ['guard_percent'],
    'native/os/event_socket.h': ['event_size', 'capacity'],
    'native/os/receive_ahead.h': ['capacity'],
    'native/os/silence.h': ['wait', 'patience'],
    'native/os/table_walk.h': ['parts'],
    'native/os/turn.h': ['length', 'longest'],
    'native/wire/request_batch.h': ['capacity'],
    'native/wire/slab.h': ['slab_size'],
  },
  'paths and values of the package alone': {
    'native/addon/file_functions.cc': ['longest_path', 'longest_value'],
  },
  'columns and rows of what is printed': {
    'src/cli/help.ts': ['NARROWEST', 'WIDEST', 'LEFT', '?? 80'],
    'src/cli/top/printed.ts': ['COLUMNS'],
    'src/cli/top/frame.ts': ['ABOVE', 'BELOW', 'BAR', 'TYPED'],
    'src/cli/top/columns.ts': ['GAP', 'ADDRESS', 'LONGEST'],
    'src/cli/top/screen.ts': ['?? 24', '?? 80'],
    'src/cli/doctor/private.ts': ['SHOWN'],
    'src/cli/print/event-table.ts': ['WIDE_FROM'],
    'src/cli/print/flow-table.ts': ['SHORTEST', 'BESIDE', 'NEEDED'],
    'src/cli/commands/settings.ts': ['WIDE_FROM', '?? 80'],
    'src/cli/commands/stats.ts': ['?? 80'],
    'src/cli/line/parse.ts': ['?? 1'],
    'src/cli/print/ask.ts': ['?? 24'],
    'src/cli/print/events.ts': ['?? 80'],
    'src/cli/print/expectations.ts': ['?? 80'],
  },
};

/** A number as code has it. */
function numberIn(expression: string): number {
  const text = expression.replace(/(?<=\d)['_](?=\d)/g, '').replace(/(?<=\d)n\b/g, '');
  const [, first, operator, second, minus = '0'] =
    /^(0x\w+|[\d.]+)(?: (<<|\*\*) (\d+))?(?: - (\d+))?$/.exec(text.trim()) ?? [];
  const [one, other] = [Number(first), Number(second)];
  const value = operator === undefined ? one : (operator === '<<' ? 2 : one) ** other;
  return (operator === '<<' ? one * value : value) - Number(minus);
}

/** Constants that are numbers, and defaults that have no name. */
function constantsIn(file: string): string[] {
  const patterns = file.startsWith('src/')
    ? [/^(?:export )?const (\w+)(?:: number)? = [-(]?\d/gm, /(\?\? [1-9][\d_]*)/g]
    : [/constexpr (?:\w+ )?(?:int|size_t|u?int\d+_t) (\w+) = \d/g];
  const text = read(file);
  return patterns.flatMap((pattern) => Array.from(text.matchAll(pattern), ([, name = '']) => name));
}

const page = read('docs/limits.md');
const headers = Array.from(
  page.matchAll(/^\| (?:what|option) \|.*constants \|$/gm),
  ([line]) => line,
);
const sections = page.split(/^## /m).slice(1);

interface Row {
  readonly name: string;
  readonly numbers: readonly number[];
  readonly least: number | undefined;
  readonly most: number | undefined;
  readonly constants: readonly string[];
}

const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20 };
function numberOf(cell: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^([\d.,]+)(?: (KiB|MiB|ms|%))?$/.exec(cell ?? '') ?? [];
  if (cell !== undefined && cell !== '' && digits === undefined) throw new Error(`"${cell}"`);
  return digits === undefined ? undefined : Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? 1);
}

const rows: readonly Row[] = sections.flatMap((section) => {
  const header = headers.find((line) => section.includes(line));
  if (header === undefined) throw new Error(`no table in ${section.slice(0, 40)}`);
  const columns = header
    .slice(2, -2)
    .split('|')
    .map((name) => name.trim());
  return tableRows(section, header).map((cells) => {
    const cell = (name: string) => cells[columns.indexOf(name)];
    const [least, most] = [numberOf(cell('least')), numberOf(cell('most'))];
    const first = numberOf(cell('number') ?? cell('default'));
    return {
      name: cells[0] ?? '',
      numbers: [first, least, most].filter((number) => number !== undefined),
      least,
      most,
      constants: Array.from((cell('constants') ?? '').matchAll(/`([^`]+)`/g), ([, it = '']) => it),
    };
  });
});

/** The value of a constant of the page. */
function constant(named: string): number {
  const [file, name] = named.split(': ');
  if (name === undefined) return LIMITS[named as keyof typeof LIMITS];
  const pattern = new RegExp(`\\b${name}(?:: number)?(?: =|:) ([^,;}]*\\d[^,;}]*)`);
  return numberIn(pattern.exec(read(file ?? ''))?.[1] ?? `no ${named}`);
}

describe('a number of the page', () => {
  test.each(rows.filter(({ constants }) => constants.length > 0))('$name', (row) => {
    const values = row.constants.map(constant);
    for (const value of values) expect(row.numbers).toContain(value);
    // What a function accepts is compared below.
    const [first] = row.numbers;
    if (row.least !== first) expect(values).toContain(first);
  });

  test('a stream has no delay by default', () => {
    expect(rows.find(({ name }) => name.startsWith('`maxDelay`'))?.numbers[0]).toBe(
      watchOptionsOf().maxDelay,
    );
  });

  /** `RangeError` for what is beyond. */
  const exporter = { export: () => undefined, shutdown: async () => undefined };
  const OPTIONS: Readonly<Record<string, (value: number) => unknown>> = {
    '`receiveBufferBytes`': (value) => [
      watchOptionsOf({ receiveBufferBytes: value }),
      mirrorOptionsOf({ receiveBufferBytes: value }),
      recorderOptionsOf({ receiveBufferBytes: value }),
    ],
    '`queueBytes`': (value) => [
      watchOptionsOf({ queueBytes: value }),
      mirrorOptionsOf({ queueBytes: value }),
      recorderOptionsOf({ queueBytes: value }),
    ],
    '`maxDelay`': (value) => watchOptionsOf({ maxDelay: value }),
    '`maxEntries`': (value) => mirrorOptionsOf({ maxEntries: value }),
    '`recheckInterval`': (value) => mirrorOptionsOf({ recheckInterval: value }),
    '`interval`': (value) => recorderOptionsOf({ interval: value }),
    '`fileBytes`': (value) => filesOptionsOf({ directory: '.', fileBytes: value }),
    '`fileTime`': (value) => filesOptionsOf({ directory: '.', fileTime: value }),
    '`batchSize`': (value) => exportOptionsOf({ exporter, batchSize: value }),
    '`timeoutMs`': (value) => exportOptionsOf({ exporter, timeoutMs: value }),
    '`keepFor`': (value) => databaseOptionsOf({ path: 'f', keepFor: value }),
    '`keepBytes`': (value) => databaseOptionsOf({ path: 'f', keepBytes: value }),
    '`limit` of `topTalkers`': (value) =>
      topTalkersQueryOf({ by: 'zone', limit: value }, 'options'),
    '`every`': (value) => totalsQueryOf({ every: value }),
    '`limit` of `countBy`': (value) => countBy(undefined as never, 'state', { limit: value }),
    '`limit` of a group': (value) => flowGroups([{ by: 'state', limit: value }], 'groups'),
    '`intervalMs`': (value) => watchPressureOptionsOf({ intervalMs: value }),
  };
  const outcome = (accept: (value: number) => unknown, value: number) => {
    try {
      accept(value);
      return 'accepted';
    } catch (error) {
      return error instanceof RangeError ? 'refused' : 'accepted';
    }
  };

  test.each(rows.filter(({ most }) => most !== undefined))('$name: its ends', (row) => {
    const { name, least = Number.NaN, most = Number.NaN } = row;
    const [, accept] = Object.entries(OPTIONS).find(([option]) => name.startsWith(option)) ?? [];
    if (accept === undefined) throw new Error(`no function takes ${name}`);
    expect([least - 1, least, most, most + 1].map((value) => outcome(accept, value))).toEqual([
      ...['refused', 'accepted', 'accepted', 'refused'],
    ]);
  });
});

it('every constant is on the page, or bounds nothing', () => {
  const named = rows.flatMap(({ constants }) => constants);
  const exempt = Object.values(NO_LIMITS).flatMap((files) =>
    Object.entries(files).flatMap(([file, names]) => names.map((name) => `${file}: ${name}`)),
  );
  const sources = [
    ...filesIn('src/', /\.ts$/).filter((file) => file !== 'src/record/layout.ts'),
    // Numbers of the protocol, and what is generated from them.
    ...filesIn('native/', /\.(h|cc)$/).filter((file) => !/gyp|uapi\.h|shapes\.h/.test(file)),
  ];
  const found = sources.flatMap((file) => constantsIn(file).map((name) => `${file}: ${name}`));
  expect(found.filter((one) => ![...named, ...exempt].includes(one))).toEqual([]);
  expect(exempt.filter((one) => !found.includes(one))).toEqual([]);
  expect(Object.keys(LIMITS).filter((name) => !named.includes(name))).toEqual([]);
});
