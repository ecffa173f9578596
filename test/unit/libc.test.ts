import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
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

/**
 * A file of a header, two segments, of which the second names a loader, the name, and two sections:
 * with so many segments in its header, and cut to so many bytes.
 */
function fileOf({ segments = 2, bytes = LENGTH }: { segments?: number; bytes?: number }): string {
  const program = Buffer.alloc(LENGTH + 1);
  program.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  program.writeBigUInt64LE(64n, 32);
  program.writeUInt16LE(56, 54);
  program.writeUInt16LE(segments, 56);
  program.writeBigUInt64LE(BigInt(SECTIONS), 40);
  program.writeUInt16LE(64, 58);
  program.writeUInt16LE(2, 60);
  program.writeUInt32LE(1, 64);
  program.writeUInt32LE(3, 64 + 56);
  program.writeBigUInt64LE(BigInt(NAME), 64 + 56 + 8);
  program.writeBigUInt64LE(BigInt(LOADER.length), 64 + 56 + 32);
  program.write(LOADER, NAME);
  const path = join(folder, 'made');
  writeFileSync(path, program.subarray(0, bytes));
  return path;
}

const LOADER = '/lib/ld-musl-x86_64.so.1\0';
const NAME = 64 + 2 * 56;
const SECTIONS = NAME + LOADER.length;
const LENGTH = SECTIONS + 2 * 64;

it.each([
  ['whole', LENGTH, false],
  ['with something behind it', LENGTH + 1, false],
  ['without its last byte', LENGTH - 1, true],
  ['without its last section', LENGTH - 64, true],
  ['without its sections', SECTIONS, true],
])('a file %s misses its end, or not', (_, bytes, isMissed) => {
  expect(isCutOff(fileOf({ bytes }))).toBe(isMissed);
});

it('a file that was looked at is not left open', () => {
  const path = fileOf({});
  isCutOff(path);
  libcOf(path);
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // That of the folder.
      return undefined;
    }
  });
  expect(open).not.toContain(path);
});

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

  it.each([
    ['the loader in its last segment', 2, 'musl'],
    ['one behind its segments', 1, undefined],
  ])('is that of %s', (_what, segments, libc) => {
    expect(libcOf(fileOf({ segments }))).toBe(libc);
  });

  describeWithTools('musl-gcc')('of musl', () => {
    it('is musl', () => {
      expect(libcOf(compile('musl-gcc'))).toBe('musl');
    });
  });
});
