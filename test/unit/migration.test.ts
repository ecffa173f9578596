/** docs/migration: what other libraries offer, beside what this package does. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as conntrack from 'conntrack';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES, commandOf } from '../../src/cli/line/commands.js';
import { OPTION_NAMES, shapeOf } from '../../src/cli/line/options.js';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const folder = 'docs/migration';
const files = readdirSync(at(folder)).sort();
const textOf = (file: string) => readFileSync(at(`${folder}/${file}`), 'utf8');

/** The tables of a page: the text of the cells of each row, without separators. */
function tablesOf(file: string): string[][][] {
  const tables = textOf(file).match(/^\|.*(?:\n\|.*)*/gm) ?? [];
  return tables.map((table) =>
    table
      .split('\n')
      .filter((line) => !/^[-:| ]+$/.test(line))
      .map((line) => line.replace(/^\||\|$/g, '').split('|'))
      .map((cells) => cells.map((cell) => cell.trim())),
  );
}

const rowsOf = (file: string) => tablesOf(file).flat();

/** The names in the first column of a page. */
const theirsOn = (file: string) => rowsOf(file).flatMap(([cell = '']) => namesIn(cell));

function namesIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name.replace(/\(\)$/, ''));
}

/** Of the package, types included. */
function exportedNames(): string[] {
  const root = at('dist/index.d.ts').pathname;
  const program = ts.createProgram([root], { noLib: true, types: [] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(root);
  const module = source && checker.getSymbolAtLocation(source);
  return module ? checker.getExportsOfModule(module).map(({ name }) => name) : [];
}

const peers = readdirSync(new URL('peers', import.meta.url)).map((file) =>
  file.replace('.txt', ''),
);

/** The names of a library in Go or Python: test/unit/peers. */
function namesOfPeer(peer: string): string[] {
  const list = readFileSync(new URL(`peers/${peer}.txt`, import.meta.url), 'utf8');
  return list.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('the pages for those who come from elsewhere', () => {
  const cellsOfOurs = files.flatMap(rowsOf).map(([first = '', second = '', ...more]) =>
    // The page of all has ours in the first column.
    more.length === 0 ? `${first} ${second}` : second,
  );
  const ours = cellsOfOurs.flatMap(namesIn);

  it('are one for each peer, and one that leads to them', () => {
    const pages = ['index.md', 'conntrack-command.md', 'libnetfilter-conntrack.md'];
    expect(files).toEqual([...pages, ...peers.map((peer) => `${peer}.md`)].sort());
    const index = textOf('index.md');
    for (const file of files) if (file !== 'index.md') expect(index).toContain(`(${file})`);
  });

  it('name every value that the package exports', () => {
    // Its methods are the functions.
    const values = Object.keys(conntrack).filter((name) => name !== 'Conntrack');
    expect(values.filter((name) => !ours.includes(name))).toEqual([]);
    expect(ours).toContain('Conntrack.open');
  });

  it('name nothing of the package that it does not export', () => {
    const exported = exportedNames();
    expect(exported).toContain('EntrySpec');
    const ofLanguage = ['TypeError', 'RangeError', 'AbortSignal', 'Date'];
    const methods = Object.getOwnPropertyNames(conntrack.Conntrack.prototype);
    const known = [...exported, ...methods, ...ofLanguage];
    const pages = files.filter((file) => file !== 'index.md').flatMap(rowsOf);
    const cells = pages.filter((row) => row.length === 3).map(([, cell = '']) => cell);
    const functions = cells.flatMap((cell) =>
      Array.from(cell.matchAll(/`(\w+)\(\)`/g), ([, name = '']) => name),
    );
    const types = cells.flatMap(namesIn).filter((name) => /^[A-Z]\w*[a-z]\w*$/.test(name));
    // Of the object that readLabelNames() returns.
    const ofLabels = ['names', 'bits'];
    expect(functions.length).toBeGreaterThan(100);
    expect(
      [...functions, ...types].filter((name) => ![...known, ...ofLabels].includes(name)),
    ).toEqual([]);
  });

  it.each([...files, '../comparison.md'])(
    '%s has no empty cell, and a cell for each head',
    (file) => {
      const tables = tablesOf(file);
      expect(tables.length).toBeGreaterThan(1);
      for (const [head = [], ...rows] of tables) {
        expect(head.length).toBeLessThanOrEqual(4);
        expect(rows.filter((row) => row.length !== head.length || row.includes(''))).toEqual([]);
      }
    },
  );

  it.each(files.filter((file) => file !== 'index.md'))(
    '%s begins with a program before and one after, and the version of the other',
    (file) => {
      const [beginning = ''] = textOf(file).split('\n## ');
      const languages = Array.from(beginning.matchAll(/^```(\w+)$/gm), ([, name]) => name);
      expect(languages).toEqual([expect.stringMatching(/^(javascript|c|go|python)$/), 'ts']);
      expect(beginning).toMatch(/\b\d+\.\d+(\.\d+)?\b|\bat [0-9a-f]{7,}\b/);
      expect(beginning).toMatch(/\b20\d\d-\d\d-\d\d\b/);
    },
  );

  it.each(peers)('no name of %s is forgotten, and none is made up', (peer) => {
    const names = namesOfPeer(peer);
    const theirs = theirsOn(`${peer}.md`);
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !theirs.includes(name))).toEqual([]);
    const types = new Set(names.flatMap((name) => name.split('.').slice(0, 1)));
    const madeUp = theirs
      .filter((name) => /^[A-Z]\w*\.\w+$/.test(name) && types.has(name.split('.')[0] ?? ''))
      .filter((name) => !names.includes(name));
    expect(madeUp).toEqual([]);
  });

  it('no command and no option of conntrack(8) is forgotten', () => {
    const theirs = theirsOn('conntrack-command.md');
    const letters = COMMAND_NAMES.flatMap((name) => commandOf(name).old?.split(', ') ?? []);
    const options = OPTION_NAMES.map(shapeOf).flatMap(({ old, letter }) => [
      ...(old ?? []).map((name) => `--${name}`),
      ...(old === undefined || letter === undefined ? [] : [`-${letter}`]),
    ]);
    expect(letters.length).toBeGreaterThan(8);
    expect(options.length).toBeGreaterThan(60);
    expect([...letters, ...options].filter((name) => !theirs.includes(name))).toEqual([]);
  });

  const cHeader = (library: string) =>
    `/usr/include/libnetfilter_${library}/libnetfilter_${library}.h`;

  /** Whether a test of the header of a library can run; CI has every header. */
  function hasHeader(library: string): boolean {
    if (existsSync(cHeader(library)) || process.env.CONNTRACK_TEST_STRICT === '1') return true;
    console.log(`skipped: apt-get install libnetfilter-${library}-dev`);
    return false;
  }

  it.each(['conntrack', 'cttimeout'])(
    'no function, query or attribute of libnetfilter_%s is forgotten',
    (library) => {
      if (!hasHeader(library)) return;
      const header = readFileSync(cHeader(library), 'utf8');
      const matches = header.matchAll(
        /\b(nf(?:ct|exp)_\w+)(?=\s*\((?!\*))|\b(?:ATTR_|NFCT_Q_)\w+/g,
      );
      const declared = Array.from(matches, ([name]) => name);
      const theirs = theirsOn('libnetfilter-conntrack.md');
      expect(declared.length).toBeGreaterThan(10);
      expect(declared.filter((name) => !theirs.includes(name))).toEqual([]);
    },
  );

  it('the program in C compiles', () => {
    if (!hasHeader('conntrack')) return;
    const [, program = ''] = /^```c\n(.*?)^```$/ms.exec(textOf('libnetfilter-conntrack.md')) ?? [];
    expect(program).toContain('nfct_catch');
    const flags = ['-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c', '-'];
    const { stderr, status } = spawnSync('cc', flags, { input: program, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
