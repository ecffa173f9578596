/**
 * The memory that saving and restoring take. Of a larger table:
 * CONNTRACK_TABLE_ENTRIES=1000000 CONNTRACK_TEST_MACHINE=1 npm test -- --project quiet transfer
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countEntries, createEntries, flushEntries } from 'conntrack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mixedSpecs } from '../kernel/mixed-entries.js';
import { createMany } from '../kernel/populate.js';
import { changeableLimit, setLimit } from '../machine/table-limit.js';
import { runNode } from '../support/child.js';
import { many } from '../support/emulation.js';
import { nft, setting } from '../support/namespace.js';
import { describeInNamespaceIf } from '../support/requirements.js';

const SIZE = Number(process.env.CONNTRACK_TABLE_ENTRIES ?? many(100_000));
/** Of those, a twentieth are of every kind: some have masters. */
const mixedIn = (size: number) => mixedSpecs(size / 20);
/** A table of a tenth of the size takes as much. */
const SMALL = SIZE / 10;
/** Mebibytes. */
const MOST = 220;
const MORE = 60;
const PATIENCE = 60_000 + SIZE / 2;

const program = fileURLToPath(new URL('transfer.mjs', import.meta.url));

/** The maximum of a machine with more than 4 GiB is 262,144. */
const isLarge = SIZE > 200_000;
const limit = isLarge ? changeableLimit() : 0;

interface Done {
  readonly entries?: number;
  readonly created?: number;
  readonly failed?: number;
  readonly seconds: number;
  readonly peakMib: number;
}

describeInNamespaceIf(typeof limit === 'number' ? undefined : limit, 'nft')(
  `${SIZE} entries, saved and restored`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'conntrack-transfer-'));
    const file = join(folder, 'table');
    let putBack = () => Promise.resolve();

    beforeAll(async () => {
      if (isLarge) putBack = await setLimit(limit as number, SIZE + SIZE / 10);
      nft(`table inet t {
        chain c { type filter hook output priority 0; meta mark 99 ct label set 5; }
        chain nat { type nat hook postrouting priority 0; }
      }`);
    });

    afterAll(async () => {
      rmSync(folder, { recursive: true });
      await flushEntries();
      await putBack();
      if (isLarge) expect(Number(setting('max'))).toBe(limit);
    });

    async function fill(size: number): Promise<void> {
      await flushEntries();
      const results = await createEntries(mixedIn(size));
      expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
      createMany(0, size - results.length);
    }

    /** Does it in a process of its own. */
    async function run(work: string): Promise<Done> {
      const ended = await runNode([program, work, file], {}, PATIENCE);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      return JSON.parse(ended.stdout) as Done;
    }

    test.each(['write', 'save'])(
      '%s: takes as much memory as of a small table',
      async (work) => {
        const peaks: number[] = [];
        for (const size of [SMALL, SIZE]) {
          await fill(size);
          const saved = await run(work);
          await flushEntries();
          const restored = await run('restore');
          for (const [name, { seconds, peakMib }] of [
            [work, saved] as const,
            ['restore', restored] as const,
          ]) {
            console.log(`${size} entries: ${name}: ${seconds} s, at most ${peakMib} MiB`);
          }
          // Of the mixed ones -o save has no word for a state of SCTP.
          const failed = work === 'save' ? (restored.failed ?? 0) : 0;
          expect(restored).toMatchObject({ created: size - failed, existed: 0, failed });
          expect(await countEntries()).toBe(size - failed);
          peaks.push(Math.max(saved.peakMib, restored.peakMib));
        }
        const [ofSmall = 0, ofAll = 0] = peaks;
        expect(ofAll).toBeLessThan(MOST);
        expect(ofAll - ofSmall).toBeLessThan(MORE);
      },
      4 * PATIENCE,
    );
  },
);
