import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isCutOff } from '../../src/core/elf.js';
import { libcOf, libcsOfProcess } from '../../src/core/libc.js';
import { run } from '../support/namespace.js';
import { describeWithTools } from '../support/requirements.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conntrack-libc-'));
  writeFileSync(join(folder, 'main.c'), 'int main(void) { return 0; }');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function compile(compiler: string, ...flags: string[]): string {
  const program = join(folder, 'program');
  run(compiler, ...flags, '-o', program, join(folder, 'main.c'));
  return program;
}

it('of this process is the one that Node.js reports', () => {
  const { header } = process.report.getReport() as unknown as {
    header: { glibcVersionRuntime?: string };
  };
  const expected = header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  expect(libcsOfProcess()).toEqual([expected]);
});

describe('the libc of a program', () => {
  it('of glibc', () => {
    expect(libcOf(compile('cc'))).toBe('glibc');
  });

  it('is not known of a static program', () => {
    expect(libcOf(compile('cc', '-static'))).toBeUndefined();
  });

  it.each([
    ['no file', () => join(folder, 'nothing')],
    ['an empty file', () => '/dev/null'],
    ['a script', () => join(folder, 'main.c')],
  ])('is not known of %s', (_what, path) => {
    expect(libcOf(path())).toBeUndefined();
  });

  describeWithTools('s390x-linux-gnu-g++')('of another byte order', () => {
    it('is not known, and its end is not missed', () => {
      const program = compile('s390x-linux-gnu-g++');
      expect(libcOf(program)).toBeUndefined();
      expect(isCutOff(program)).toBe(false);
    });
  });

  describeWithTools('musl-gcc')('of musl', () => {
    it('is musl', () => {
      expect(libcOf(compile('musl-gcc'))).toBe('musl');
    });
  });
});
