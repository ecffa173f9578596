/** Names of labels, and the file that has them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LabelNames, readLabelNames } from 'conntrack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { linked } from '../support/error-link.js';

let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conntrack-labels-'));
  path = join(folder, 'connlabel.conf');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function labelsOf(content: string): Promise<LabelNames> {
  writeFileSync(path, content);
  return readLabelNames(path);
}

const FILE = `# comment
0 eth0-in
1\teth0-out  # the other one

 7   with space
127 last`;

describe('names of labels', () => {
  it('become bits, and bits names', async () => {
    const labels = await labelsOf(FILE);
    expect(labels.bits()).toBe(0n);
    expect(labels.bits('eth0-in')).toBe(1n);
    expect(labels.bits('eth0-out', 'with space', 'last', 'last')).toBe(
      (1n << 1n) | (1n << 7n) | (1n << 127n),
    );
    expect(labels.names(labels.bits('last', 'eth0-in'))).toEqual(['eth0-in', 'last']);
    expect(labels.names(undefined)).toEqual([]);
  });

  it('are numbers where there is no name, both ways', async () => {
    const labels = await labelsOf(FILE);
    for (let bit = 0; bit < 128; bit++) {
      expect(labels.bits(String(bit))).toBe(1n << BigInt(bit));
      expect(labels.bits(...labels.names(1n << BigInt(bit)))).toBe(1n << BigInt(bit));
    }
    expect(labels.names(1n << 9n)).toEqual(['9']);
    expect((await labelsOf('3 5')).bits('5')).toBe(1n << 3n);
  });

  it.each<[unknown, typeof TypeError | typeof RangeError, RegExp]>([
    ['eth0in', TypeError, /^label: no label is named 'eth0in'; did you mean 'eth0-in'\?$/],
    ['128', RangeError, /^label: must be from 0 to 127, not 128$/],
    ['', TypeError, /^label: must be a string of 1 to 255 bytes/],
    [5, TypeError, /^label: must be a string/],
    ['constructor', TypeError, /^label: no label is named/],
    ['a\u001bb', TypeError, /^label: no label is named 'a\\u001bb'/],
  ])('%j is none', async (name, type, message) => {
    const labels = await labelsOf(FILE);
    expect(() => labels.bits(name as string)).toThrow(type);
    expect(() => labels.bits(name as string)).toThrow(message);
  });

  it('come of a set of labels alone', async () => {
    const labels = await labelsOf(FILE);
    expect(() => labels.names(1 as unknown as bigint)).toThrow(/^labels: must be a bigint/);
    expect(() => labels.names(1n << 128n)).toThrow(RangeError);
  });
});

describe('connlabel.conf', () => {
  it.each([
    ['x web', 1],
    ['128 web', 1],
    ['1', 1],
    ['# fine\n1 web\n1 db', 3],
    ['1 web\n2 web', 2],
    ['1 web\n-2 db', 2],
  ])('%j is refused by its line', async (content, line) => {
    await expect(labelsOf(content)).rejects.toMatchObject({
      code: 'EINVAL',
      operation: 'readLabelNames',
      message: expect.stringContaining(`connlabel.conf, line ${line}: `) as string,
    });
  });

  it('that is not there is told with what to do', async () => {
    await expect(readLabelNames(join(folder, 'none'))).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'stat',
      hint: linked('ENOENT', 'Write it: a number from 0 to 127 and a name per line.'),
    });
  });

  it('is a file, and a small one', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    for (const one of [folder, fifo, '/dev/zero']) {
      await expect(readLabelNames(one)).rejects.toMatchObject({ code: 'EINVAL' });
    }
    const large = `${'#'.repeat(LIMITS.labelFileBytes)}\n`;
    await expect(labelsOf(large)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(labelsOf(large.slice(2))).resolves.toBeDefined();
  });

  it.each([5, '', 'a\0b', null])('%j is no path', async (wrong) => {
    await expect(readLabelNames(wrong as string)).rejects.toThrow(/^path: must be a string/);
  });
});
