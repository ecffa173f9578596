import { describe, expect, it } from 'vitest';
import { entriesIn, parseStatFile } from '../../src/health/stat-file.js';

/** Lines of hexadecimal numbers, as wide as the kernel prints them. */
const file = (header: string, ...lines: number[][]) =>
  [
    header,
    ...lines.map((line) => line.map((value) => value.toString(16).padStart(8, '0')).join(' ')),
    '',
  ].join('\n');

const LINUX_6_18 =
  'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';
const LINUX_5_10 =
  'entries  clashres found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';
const LINUX_5_4 =
  'entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';

/** 1, 2, 3, ... for as many columns as the header has. */
const counting = (header: string) => header.split(/ +/).map((_, index) => index + 1);

describe('/proc/net/stat/nf_conntrack', () => {
  it('of Linux 6.18: columns by their names, those that hold nothing left out', () => {
    expect(parseStatFile(file(LINUX_6_18, counting(LINUX_6_18)))).toEqual([
      {
        cpu: 0,
        clashResolve: 2,
        found: 3,
        invalid: 5,
        chainTooLong: 8,
        insert: 9,
        insertFailed: 10,
        drop: 11,
        earlyDrop: 12,
        error: 13,
        expectNew: 14,
        expectCreate: 15,
        expectDelete: 16,
        searchRestart: 17,
        other: {},
      },
    ]);
  });

  it('of Linux 5.10: there is no chainlength yet', () => {
    const [cpu] = parseStatFile(file(LINUX_5_10, counting(LINUX_5_10)));
    expect(cpu).toMatchObject({ clashResolve: 2, insert: 9, searchRestart: 17, other: {} });
    expect(cpu).not.toHaveProperty('chainTooLong');
    expect(cpu).not.toHaveProperty('ignore');
  });

  it('of Linux 5.4: ignored packets were counted, clashes were not', () => {
    const [cpu] = parseStatFile(file(LINUX_5_4, counting(LINUX_5_4)));
    expect(cpu).toMatchObject({ found: 3, ignore: 6, insert: 9, other: {} });
    expect(cpu).not.toHaveProperty('clashResolve');
  });

  it('a line for each processor, up to what 32 bits hold', () => {
    const cpus = parseStatFile(file('entries found drop', [9, 1, 2], [9, 0xffffffff, 0]));
    expect(cpus).toEqual([
      { cpu: 0, found: 1, drop: 2, other: {} },
      { cpu: 1, found: 0xffffffff, drop: 0, other: {} },
    ]);
  });

  it('columns that are not known are kept by their name, in any order', () => {
    const [cpu] = parseStatFile(file('novel drop entries found', [0x10, 2, 9, 3]));
    expect(cpu).toEqual({ cpu: 0, drop: 2, found: 3, other: { novel: 16 } });
  });

  it('what is missing at the end of a line, or is no number, is absent', () => {
    expect(parseStatFile('entries found drop\n00000001 00000002\n')).toEqual([
      { cpu: 0, found: 2, other: {} },
    ]);
    expect(parseStatFile('entries found\n00000001 zz\n')).toEqual([{ cpu: 0, other: {} }]);
  });

  it.each(['', '\n', LINUX_6_18])('no line for a processor: %j', (text) => {
    expect(parseStatFile(text)).toEqual([]);
    expect(entriesIn(text)).toBeUndefined();
  });

  it('each line begins with the entries of the table', () => {
    expect(entriesIn(file(LINUX_6_18, [0x1f0], [0x1f0]))).toBeUndefined();
    expect(entriesIn(file(LINUX_6_18, [0x1f0, 1], [0x1f0, 2]))).toBe(0x1f0);
    expect(entriesIn(file('found entries', [1, 2]))).toBeUndefined();
    expect(entriesIn('1\n')).toBeUndefined();
  });

  it('files of two kernels by turns', () => {
    for (const header of [LINUX_6_18, LINUX_5_4, LINUX_6_18]) {
      const [cpu] = parseStatFile(file(header, counting(header)));
      expect(cpu?.ignore).toBe(header === LINUX_5_4 ? 6 : undefined);
    }
  });
});
