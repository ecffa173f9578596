/**
 * A table of everything: saved in each format, flushed, restored. A larger one:
 * CONNTRACK_TABLE_ENTRIES=100000 npm test -- --project kernel table-transfer
 */
import { createReadStream, createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  createEntries,
  type EntryJson,
  type EntrySpec,
  flushEntries,
  formatEntry,
  listEntries,
  restoreEntries,
  writeEntries,
} from 'conntrack';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SPEC_FIELDS } from '../../src/entry/check-spec.js';
import { listText, restoreText } from '../support/conntrack-tool.js';
import { LONG, many } from '../support/emulation.js';
import { hasFeature } from '../support/kernel-features.js';
import { nft } from '../support/namespace.js';
import { NOT_IN_SAVE } from '../support/not-in-save.js';
import { describeInNamespace } from '../support/requirements.js';
import { mixedSpecs } from './mixed-entries.js';

const SIZE = Number(process.env.CONNTRACK_TABLE_ENTRIES ?? many(20_000));

/** What the kernel sets itself: of an entry that was restored, anew. */
const SET_BY_KERNEL = new Set(['id', 'use']);

type Table = ReadonlyMap<string, Fields>;

/** The entries of the table, or some of them, by what nobody can change of them. */
async function readTable(isOfIt = (_: EntryJson): boolean => true): Promise<Table> {
  const table = new Map<string, Fields>();
  for (const entry of await listEntries()) {
    const json = entry.toJSON();
    const { protocolNumber, zone, original } = json;
    if (isOfIt(json)) table.set(JSON.stringify([protocolNumber, zone, original]), { ...json });
  }
  return table;
}

/** The paths at which two tables differ, each with an example. */
type Differences = Partial<Record<string, string>>;

function differences(before: Table, after: Table, seconds: number): Differences {
  const found: Differences = {};
  const compare = (key: string, path: string, was: unknown, is: unknown): void => {
    const isSame =
      path === 'timeout'
        ? Math.abs(Number(is) - Number(was)) <= seconds
        : JSON.stringify(was) === JSON.stringify(is);
    if (!isSame) found[path] ??= `${key}: ${JSON.stringify(was)} -> ${JSON.stringify(is)}`;
  };
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [had, has] = [before.get(key), after.get(key)];
    if (had === undefined || has === undefined) {
      found.entry ??= `${key} is ${had ? 'not there any more' : 'new'}`;
      continue;
    }
    for (const field of namesIn(had, has)) {
      const [was, is] = [had[field], has[field]];
      if (SET_BY_KERNEL.has(field)) continue;
      if (!isObject(was) || !isObject(is)) compare(key, field, was, is);
      else
        for (const name of namesIn(was, is)) compare(key, `${field}.${name}`, was[name], is[name]);
    }
  }
  return found;
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => value instanceof Object;

const namesIn = (...objects: Fields[]) => new Set(objects.flatMap((one) => Object.keys(one)));

const secondsSince = (begun: number) => Math.ceil((performance.now() - begun) / 1000) + 1;

/** The tool has no word for this state, so that nobody can read its line. */
const WITHOUT_WORD = 'HEARTBEAT_SENT';

/** What the kernel sets where there is something of what `-o save` lacks. */
const FOLLOWING = ['bits', 'expected', 'sequenceAdjust', 'helper'].map((bit) => `status.${bit}`);

/**
 * What conntrack -R makes of a line as restoreEntries() does. It ends at the first line that the
 * kernel refuses, such as one with EXPECTED; of two translations it loses the port of the source,
 * and where only a port is another one, it makes no NAT.
 */
function isTakenByTool({ sctp, master, nat, original }: EntryJson): boolean {
  if (sctp?.state === WITHOUT_WORD || master !== undefined) return false;
  if (nat?.source !== undefined) return nat.destination === undefined;
  return nat?.destination?.address !== original.destination;
}

/** What is at these paths, and below them. */
const isAt = (paths: readonly string[]) => (path: string) =>
  paths.some((one) => path === one || path.startsWith(`${one}.`));

/** These differences are those that `-o save` makes. */
function expectLossOfSave(found: Differences): void {
  const lost = NOT_IN_SAVE.filter((path) => hasFeature('dccp') || !path.startsWith('dccp.'));
  const paths = Object.keys(found);
  expect(lost.filter((path) => !paths.some(isAt([path])))).toEqual([]);
  const isLost = isAt([...lost, ...FOLLOWING]);
  expect(Object.entries(found).filter(([path]) => !isLost(path))).toEqual([]);
}

describeInNamespace('conntrack', 'nft')(`a table of ${SIZE} entries of every kind`, () => {
  const specs = mixedSpecs(SIZE);
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-table-'));
  const file = join(folder, 'table');

  beforeAll(() => {
    nft(`table inet t {
      chain c { type filter hook output priority 0; meta mark 99 ct label set 5; }
      chain nat { type nat hook postrouting priority 0; }
    }`);
  });

  beforeEach(async () => {
    await flushEntries();
    const results = await createEntries(specs);
    expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
  }, LONG);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test(
    'has every field that a create can set',
    async () => {
      const fields = new Set<string>();
      for (const entry of (await readTable()).values()) {
        for (const field of Object.keys(entry)) fields.add(field);
      }
      const missing = SPEC_FIELDS.filter((field) => !fields.has(field));
      expect(missing).toEqual(hasFeature('dccp') ? [] : ['dccp']);
    },
    LONG,
  );

  /** What came of a table that was saved, flushed and restored. */
  async function afterwards(
    save: () => Promise<void>,
    restore: () => Promise<void>,
    isOfIt?: (entry: EntryJson) => boolean,
  ): Promise<Differences> {
    const begun = performance.now();
    const before = await readTable(isOfIt);
    await save();
    await flushEntries();
    expect(await listEntries()).toEqual([]);
    await restore();
    const after = await readTable(isOfIt);
    return differences(before, after, secondsSince(begun));
  }

  test(
    'comes back from NDJSON as it was',
    async () => {
      const save = async () => {
        const writable = createWriteStream(file);
        expect(await writeEntries(writable)).toEqual({ entries: SIZE });
        writable.end();
        await finished(writable);
      };
      const restore = async () => {
        expect(await restoreEntries(createReadStream(file))).toEqual({
          ...{ created: SIZE, existed: 0, failed: 0, failures: [] },
        });
      };
      expect(await afterwards(save, restore)).toEqual({});
    },
    LONG,
  );

  test(
    'comes back from JSON as it was',
    async () => {
      let json = '';
      const save = async () => {
        json = JSON.stringify(await listEntries());
      };
      const restore = async () => {
        const results = await createEntries(JSON.parse(json) as EntrySpec[]);
        expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
      };
      expect(await afterwards(save, restore)).toEqual({});
    },
    LONG,
  );

  const withoutWord = specs.filter(({ sctp }) => sctp?.state === WITHOUT_WORD).length;

  const linesOf = async () =>
    (await listEntries()).map((entry) => formatEntry(entry, { format: 'save' }));

  /** Restores lines, of which those of the state without a word are wrong. */
  async function restoreLines(lines: readonly string[]): Promise<void> {
    const text = Readable.from(lines.map((line) => `${line}\n`));
    const { failures, ...counts } = await restoreEntries(text);
    expect(counts).toEqual({ created: SIZE - withoutWord, existed: 0, failed: withoutWord });
    for (const { error } of failures) expect(error.message).toContain('not "(null)"');
  }

  const hasWord = ({ sctp }: EntryJson) => sctp?.state !== WITHOUT_WORD;

  test(
    'comes back from -o save, but for what that lacks',
    async () => {
      let lines: string[] = [];
      const save = async () => {
        lines = await linesOf();
      };
      expectLossOfSave(await afterwards(save, () => restoreLines(lines), hasWord));
    },
    LONG,
  );

  test(
    'comes back from conntrack -L -o save',
    async () => {
      let lines: string[] = [];
      const save = () => {
        lines = listText('save');
        return Promise.resolve();
      };
      expectLossOfSave(await afterwards(save, () => restoreLines(lines), hasWord));
    },
    LONG,
  );

  test(
    'conntrack -R makes the same of -o save',
    async () => {
      const entries = (await listEntries()).filter((entry) => isTakenByTool(entry.toJSON()));
      expect(entries.length).toBeGreaterThan(SIZE * 0.7);
      const lines = entries.map((entry) => formatEntry(entry, { format: 'save' }));
      writeFileSync(file, lines.join('\n'));
      const begun = performance.now();
      await flushEntries();
      restoreText(file);
      const theirs = await readTable();
      expect(theirs.size).toBe(lines.length);
      await flushEntries();
      await restoreEntries(createReadStream(file));
      expect(differences(theirs, await readTable(), secondsSince(begun))).toEqual({});
    },
    LONG,
  );
});
