/**
 * What reading must reach, and whether it did.
 */
import { costFigures, delayFigures, type Report, ratio, type TableResult } from './results.js';

export interface Target {
  what: string;
  /** How many entries the table must have. */
  entries: number;
  /** At most. */
  limit: number;
  /** `undefined`: not measured. */
  value: number | undefined;
  met: boolean | undefined;
}

type Measure = (table: TableResult) => number | undefined;

const SMALL = 100_000;
const MIDDLE = 250_000;
const LARGE = 1_000_000;

const AT_LARGE: readonly (readonly [what: string, limit: number, measure: Measure])[] = [
  [
    'stream, all read: time over the floor',
    1.1,
    (table) => costFigures(table, 'stream-read')?.readRatio,
  ],
  [
    'stream, visited: main thread, ns an entry',
    40,
    (table) => costFigures(table, 'stream-visit')?.mainThreadNanosecondsAnEntry,
  ],
  [
    'stream, all read: main thread, ns an entry',
    200,
    (table) => costFigures(table, 'stream-read')?.mainThreadNanosecondsAnEntry,
  ],
  [
    'stream, all read: event-loop delay p99, ms',
    3,
    (table) => delayFigures(table, 'stream-read')?.delayP99,
  ],
  [
    'stream, all read: event-loop delay max, ms',
    15,
    (table) => delayFigures(table, 'stream-read')?.delayMax,
  ],
  [
    'stream, all read: resident growth, MiB',
    32,
    (table) => costFigures(table, 'stream-read')?.residentGrowthMiB,
  ],
  ['listEntries(): time over the floor', 1.35, (table) => costFigures(table, 'list')?.readRatio],
  [
    'listEntries(): resident growth, MiB',
    320,
    (table) => costFigures(table, 'list')?.residentGrowthMiB,
  ],
];

/** Whole processes are compared, so that our start-up counts. */
const FASTER_THAN = [
  ['libnetfilter_conntrack', 'libnetfilter_conntrack', LARGE],
  ['conntrack-tool', 'conntrack -L', LARGE],
  ['pyroute2', 'pyroute2', MIDDLE],
] as const;

/** Figures that must not grow with the table. */
const GROWTH: readonly (readonly [what: string, from: number, limit: number, measure: Measure])[] =
  [
    [
      'stream, all read: resident growth, 1,000,000 over 250,000 entries',
      MIDDLE,
      1.1,
      (table) => costFigures(table, 'stream-read')?.residentGrowthMiB,
    ],
    [
      // Over the floor, because the floor grows, too: chains get longer, caches too small.
      'stream, all read: time over the floor, 1,000,000 over 100,000 entries',
      SMALL,
      1.15,
      (table) => costFigures(table, 'stream-read')?.readRatio,
    ],
  ];

export function checkTargets({ tables }: Report): Target[] {
  const at = (entries: number, measure: Measure) => {
    const table = tables.find((candidate) => candidate.entries === entries);
    return table === undefined ? undefined : measure(table);
  };
  return [
    ...AT_LARGE.map(([what, limit, measure]) => target(what, LARGE, limit, at(LARGE, measure))),
    ...FASTER_THAN.map(([key, name, entries]) => {
      const value = at(entries, (table) =>
        ratio(table, ['stream-read', 'processSeconds'], [key, 'processSeconds']),
      );
      return target(`stream, all read: process time over ${name}`, entries, 1, value);
    }),
    ...GROWTH.map(([what, from, limit, measure]) => {
      const [small, large] = [at(from, measure), at(LARGE, measure)];
      const value = small === undefined || large === undefined ? undefined : large / small;
      return target(what, LARGE, limit, value);
    }),
  ];
}

function target(what: string, entries: number, limit: number, value: number | undefined): Target {
  return { what, entries, limit, value, met: value === undefined ? undefined : value <= limit };
}
