/**
 * `nf_conntrack_max` lowered under the count of a table that is watched and changed.
 */
import {
  createEntries,
  createEntry,
  deleteEntries,
  listEntries,
  mirrorTable,
  readPressure,
  updateEntries,
  upsertEntry,
} from 'conntrack';
import { expect, test } from 'vitest';
import { differenceOf } from '../soak/comparison.js';
import { eventually } from '../soak/eventually.js';
import { Ledger } from '../soak/ledger.js';
import { Listener } from '../soak/listener.js';
import { Neighbour } from '../soak/neighbour.js';
import { setting } from '../support/namespace.js';
import { describeInNamespaceIf } from '../support/requirements.js';
import { changeableLimit, setLimit } from './table-limit.js';

const FLOWS = 3000;
const LOWERED = 2000;

const limit = changeableLimit();

const flow = (number: number) =>
  ({
    protocol: 'udp',
    original: {
      source: '10.4.0.1',
      destination: '10.4.0.2',
      sourcePort: 1000 + number,
      destinationPort: 4,
    },
    timeout: 600,
    status: ['seenReply', 'assured'],
  }) as const;

describeInNamespaceIf(typeof limit === 'number' ? undefined : limit)('a lowered limit', () => {
  test('refuses new flows with ENOMEM, and nothing else is wrong', async () => {
    setting('events', 1);
    await using neighbour = new Neighbour();
    const ledger = new Ledger();
    ledger.created += (await neighbour.create(0, FLOWS)).changed;
    await using mirror = await mirrorTable({ indexes: ['address'] });
    const before = ledger.events;
    const stream = new Listener('stream');
    const exact = async () => {
      expect(await differenceOf(mirror)).toBeUndefined();
      const wrong = await eventually(async () => {
        await stream.stream.caughtUp();
        const events = ledger.events - before;
        return stream.accounted === events ? undefined : `${stream.accounted} of ${events} events`;
      });
      expect(wrong).toBeUndefined();
      expect(stream.problem()).toBeUndefined();
    };
    const putBack = await setLimit(limit as number, LOWERED);
    try {
      expect(await readPressure()).toMatchObject({
        entries: FLOWS,
        maxEntries: LOWERED,
        utilization: FLOWS / LOWERED,
        level: 'critical',
      });
      // Flows that are assured make no room for new ones.
      expect(await neighbour.create(FLOWS, 500)).toEqual({ changed: 0, refused: 500 });
      const results = await createEntries(Array.from({ length: 400 }, (_, index) => flow(index)));
      expect(new Set(results.map(({ error }) => error && 'code' in error && error.code))).toEqual(
        new Set(['ENOMEM']),
      );
      await expect(createEntry(flow(0))).rejects.toMatchObject({ code: 'ENOMEM' });
      await expect(upsertEntry(flow(0))).rejects.toMatchObject({ code: 'ENOMEM' });
      expect(await listEntries()).toHaveLength(FLOWS);
      await exact();

      // What is there can be changed and deleted.
      const { updated } = await updateEntries({ protocol: 'udp' }, { mark: 3 });
      expect(updated).toBe(FLOWS / 2);
      ledger.updated += updated;
      const { deleted } = await deleteEntries({ mark: 3 });
      expect(deleted).toBe(FLOWS / 2);
      await exact();

      // Up to the limit there is room again.
      const more = await createEntries(Array.from({ length: 800 }, (_, index) => flow(index)));
      ledger.created += more.filter(({ entry }) => entry !== undefined).length;
      expect((await readPressure()).entries).toBe(LOWERED);
      await exact();
    } finally {
      await putBack();
      expect(Number(setting('max'))).toBe(limit);
    }
    expect((await createEntry(flow(5000))).assured).toBe(true);
    ledger.created++;
    await exact();
    await stream.close();
  });
});
