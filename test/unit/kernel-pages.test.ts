/** docs/kernel-side.md and docs/kernel-bugs.md name their tests and programs: these exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tableRows } from './documents.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const side = read('docs/kernel-side.md');
const bugs = read('docs/kernel-bugs.md');

/** The tests that a cell names: `` `file`: title ``, one after the other with semicolons. */
function testsIn(cell: string): { file: string; title: string }[] {
  return Array.from(cell.matchAll(/`(test\/[^`]+)`: ([^;]+)/g), ([, file = '', title = '']) => ({
    file,
    title: title.trim(),
  }));
}

/** Those of these tests that do not exist. */
const missing = (tests: readonly { file: string; title: string }[]) =>
  tests.filter(({ file, title }) => {
    if (!existsSync(new URL(file, root))) return true;
    // As a literal of the source has it.
    return !new RegExp(`['\`]${title.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')}`).test(read(file));
  });

describe('the page of the kernel’s side', () => {
  const claims = tableRows(side, '| claim | shown by |');

  it('has a test for each claim', () => {
    expect(claims.length).toBeGreaterThan(20);
    const untested = claims.filter(([, shown = '']) => testsIn(shown).length !== 1);
    expect(untested).toEqual([]);
    expect(missing(claims.flatMap(([, shown = '']) => testsIn(shown)))).toEqual([]);
  });

  it('has a date and a command for each measurement', () => {
    const measured = tableRows(side, '| what | when and where | command |');
    expect(measured.length).toBeGreaterThan(2);
    for (const [, when, command] of measured) {
      expect(when).toMatch(/^\d{4}-\d{2}-\d{2}, Linux \d/);
      expect(command).toContain('`');
    }
  });
});

describe('the page of faults', () => {
  const rows = tableRows(bugs, '| fault | seen on | not on | shown by |');

  it('has a program or a test for each', () => {
    expect(rows.length).toBeGreaterThan(10);
    for (const [fault, , , shown = ''] of rows) {
      const programs = Array.from(shown.matchAll(/`(tools\/kernel-bugs\/[^`]+)`/g));
      expect([fault, programs.length + testsIn(shown).length]).not.toEqual([fault, 0]);
    }
    expect(missing(rows.flatMap(([, , , shown = '']) => testsIn(shown)))).toEqual([]);
  });

  it('has each program, and what it printed', () => {
    const folder = 'tools/kernel-bugs/';
    const programs = readdirSync(new URL(folder, root))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => name.slice(0, -'.cc'.length));
    const named = rows.flatMap(([, , , shown = '']) =>
      Array.from(shown.matchAll(/`tools\/kernel-bugs\/([^`]+)\.cc`/g), ([, name]) => name),
    );
    expect(new Set(named)).toEqual(new Set(programs));
    const started = Array.from(bugs.matchAll(/^\$ .*kernel-bugs\/(\S+)$/gm), ([, name]) => name);
    expect(new Set(started)).toEqual(new Set(programs));
  });
});
