/** The names of labels on the command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConntrackError } from 'conntrack';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, test, vi } from 'vitest';
import { parseLine } from '../../src/cli/line/parse.js';
import { labelsFor, readLabels } from '../../src/cli/read/labels.js';

let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conntrack-labels-'));
  path = join(folder, 'connlabel.conf');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

vi.mock('../../src/entry/label-names.js', async (original) => {
  const names = await original<typeof import('../../src/entry/label-names.js')>();
  return { ...names, readLabelNames: () => names.readLabelNames(path) };
});

beforeEach(() => {
  writeFileSync(path, '3 web\n127 last\n');
});
afterEach(() => {
  rmSync(path, { recursive: true, force: true });
});

const NAMES = {
  byBit: new Map([
    [3, 'web'],
    [127, 'last'],
  ]),
  bits: new Map([
    ['web', 3],
    ['last', 127],
  ]),
};
const NONE = { byBit: new Map(), bits: new Map() };

test.each([
  ['list --labels web', NAMES],
  ['list --output id,labels', NAMES],
  ['list --output id --output labels', NAMES],
  ['list --mark 1 --or --labels web', NAMES],
  ['list --not --labels web', NAMES],
  ['update --labels-set web', NAMES],
  ['update --labels-clear web', NAMES],
  ['list', NONE],
  ['list --output id', NONE],
  ['list --mark 1 --or --mark 2 --not --zone 5', NONE],
])('%s: reads them where it is about labels', async (line, labels) => {
  expect(await labelsFor(parseLine(line.split(' ')))).toEqual(labels);
});

it('without a file no label has a name', async () => {
  rmSync(path);
  expect(await readLabels()).toEqual(NONE);
});

it('a file that cannot be read is an error', async () => {
  writeFileSync(path, 'no number');
  await expect(readLabels()).rejects.toBeInstanceOf(ConntrackError);
});
