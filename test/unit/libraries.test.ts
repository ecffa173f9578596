/** docs/libraries.md: what other libraries offer, and what this package does. */
import { existsSync, readFileSync } from 'node:fs';
import * as conntrack from 'conntrack';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const page = readFileSync(at('docs/libraries.md'), 'utf8');
const isSeparator = (row: string) => /^\|[-|]+\|$/.test(row);
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| |') && !isSeparator(line))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

const namesIn = (cell: string) =>
  Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name.replace(/\(\)$/, ''));

/** Of the package, types included. */
function exportedNames(): string[] {
  const root = at('dist/index.d.ts').pathname;
  const program = ts.createProgram([root], { noLib: true, types: [] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(root);
  const module = source && checker.getSymbolAtLocation(source);
  return module ? checker.getExportsOfModule(module).map(({ name }) => name) : [];
}

describe('the page of other libraries', () => {
  const ours = rows.flatMap((cells) => namesIn(cells.at(-1) ?? ''));

  it('names every value that the package exports', () => {
    // Its methods are the functions.
    const values = Object.keys(conntrack).filter((name) => name !== 'Conntrack');
    expect(values.filter((name) => !ours.includes(name))).toEqual([]);
    expect(ours).toContain('Conntrack.open');
  });

  it('names nothing of the package that it does not export', () => {
    const exported = exportedNames();
    expect(exported).toContain('EntrySpec');
    const functions = rows.flatMap((cells) =>
      Array.from((cells.at(-1) ?? '').matchAll(/`(\w+)\(\)`/g), ([, name = '']) => name),
    );
    const types = ours.filter((name) => /^[A-Z]\w+$/.test(name));
    const methods = Object.getOwnPropertyNames(conntrack.Conntrack.prototype);
    const known = [...exported, ...methods];
    expect(functions.length).toBeGreaterThan(30);
    expect([...functions, ...types].filter((name) => !known.includes(name))).toEqual([]);
  });

  it('has something in every cell: names, or a reason', () => {
    for (const row of rows) {
      expect(row, row[0]).toHaveLength(5);
      for (const cell of row.slice(1)) {
        const hasReason = /^not offered\b|^not needed: ./.test(cell);
        expect(hasReason || namesIn(cell).length > 0 || cell, row[0]).toBe(true);
      }
    }
    expect(rows.length).toBeGreaterThan(40);
  });

  it.each(['conntrack', 'cttimeout'])('names every function of libnetfilter_%s', (library) => {
    const header = `/usr/include/libnetfilter_${library}/libnetfilter_${library}.h`;
    if (!existsSync(header) && process.env.CONNTRACK_TEST_STRICT !== '1') {
      console.log(`skipped: apt-get install libnetfilter-${library}-dev`);
      return;
    }
    const declared = Array.from(
      readFileSync(header, 'utf8').matchAll(/\b(nf(?:ct|exp)_\w+)\s*\((?!\*)/g),
      ([, name = '']) => name,
    );
    const theirs = rows.flatMap(([, cell = '']) => namesIn(cell));
    expect(declared.length).toBeGreaterThan(10);
    expect(declared.filter((name) => !theirs.includes(name))).toEqual([]);
  });
});
