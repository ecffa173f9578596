/**
 * The mirror's follower on the real kernel: whatever happens to the table, and however much is
 * lost, it equals a fresh dump when the load pauses.
 */
import {
  Conntrack,
  createEntries,
  deleteEntries,
  type Entry,
  type EntryKey,
  type EntrySpec,
  flushEntries,
  listEntries,
  updateEntries,
} from 'conntrack';
import { expect, test } from 'vitest';
import { FLOW } from '../../src/mirror/flow-records.js';
import { FlowTable } from '../../src/mirror/flow-table.js';
import { Follower } from '../../src/mirror/follower.js';
import { Snapshots } from '../../src/mirror/snapshots.js';
import { TableSync } from '../../src/mirror/table-sync.js';
import { setting } from '../support/namespace.js';
import { Random } from '../support/random.js';
import { describeInNamespace } from '../support/requirements.js';

/** How long the table changes; `CONNTRACK_CHURN_SECONDS=600` for ten minutes. */
const SECONDS = Number(process.env.CONNTRACK_CHURN_SECONDS ?? 4);
const SEED = Number(process.env.CONNTRACK_SEED ?? Date.now() % 1e6);

/** What a dump and events agree upon: a flow that events told of has no counters and no `use`. */
const known = ({ zone, original, reply, id, mark, status, labels, tcp }: Entry) =>
  JSON.stringify([
    zone,
    ...[original, reply],
    ...[id, mark ?? 0, status.bits, String(labels ?? 0n), tcp?.state],
  ]);

class Mirror {
  readonly table = new FlowTable();
  readonly follower = new Follower(this.table, {
    added: () => undefined,
    changed: (_, change) => {
      change();
    },
    removed: () => undefined,
  });
  private readonly snapshots = new Snapshots();

  readonly keyOf = (slot: number): EntryKey => {
    const { protocolNumber, original, zone } = this.entryAt(slot);
    return { protocol: protocolNumber, original, ...(zone !== 0 && { zone }) };
  };

  lines(): string[] {
    const { records } = this.table;
    const lines: string[] = [];
    for (let slot = 0; slot < records.end; slot++) {
      if (records.has(slot, FLOW.taken) && !records.has(slot, FLOW.ended)) {
        lines.push(known(this.entryAt(slot)));
      }
    }
    return lines.sort();
  }

  private entryAt(slot: number): Entry {
    return this.snapshots.entryOf(this.table.record(slot), 0);
  }
}

describeInNamespace('conntrack')('a mirror of a table that changes', () => {
  test.each([
    ['default buffers', undefined],
    ['a buffer that overruns', 4096],
  ])('equals a fresh dump when the load pauses, with %s', async (_, receiveBufferBytes) => {
    setting('events', 1);
    const random = new Random(SEED);
    const specOf = (number: number): EntrySpec => {
      const isIPv6 = number % 3 === 0;
      const original = {
        source: isIPv6 ? `2001:db8::${number.toString(16)}` : `10.0.${number >> 8}.${number & 255}`,
        destination: isIPv6 ? '2001:db8::ffff' : '192.0.2.1',
        sourcePort: 1000,
        destinationPort: 53,
      };
      const isTcp = number % 2 === 0;
      return {
        protocol: isTcp ? 'tcp' : 'udp',
        original,
        timeout: 100 + random.below(600),
        mark: random.below(4),
        ...(number % 7 === 0 && { zone: 1 + (number % 2) }),
        ...(number % 5 === 0 && !isIPv6 && { nat: { source: { address: '198.51.100.1' } } }),
        ...(isTcp && {
          tcp: { state: random.below(2) === 0 ? 'ESTABLISHED' : 'SYN_SENT' } as const,
        }),
      };
    };
    const some = (count: number) => Array.from({ length: count }, () => specOf(random.below(2000)));
    const act = async () => {
      const what = random.below(100);
      if (what < 50) await createEntries(some(1 + random.below(200)));
      else if (what < 75)
        await updateEntries({ mark: random.below(4), protocol: 'tcp' }, { mark: random.below(4) });
      else if (what < 97)
        await deleteEntries({
          mark: random.below(4),
          protocol: random.of(['udp', 'tcp'] as const),
        });
      else if (what < 98) await flushEntries();
      else if (what < 99) await flushEntries({ family: 'ipv6' });
      else for (const end = performance.now() + 100; performance.now() < end; );
    };
    await createEntries(some(500));
    await using handle = await Conntrack.open();
    const mirror = new Mirror();
    const sync = new TableSync(handle, mirror.follower, mirror.keyOf, receiveBufferBytes);
    const end = performance.now() + 500 * SECONDS;
    let pauses = 0;
    do {
      const busy = (async () => {
        for (let actions = 0; actions < 20; actions++) await act();
      })();
      await sync.settle();
      await busy;
      await sync.settle();
      const expected = (await listEntries()).map(known).sort().join('\n');
      // The last events may still be on their way.
      await expect
        .poll(
          async () => {
            await sync.settle();
            return mirror.lines().join('\n') === expected;
          },
          { message: `seed ${SEED}`, timeout: 5000 },
        )
        .toBe(true);
      pauses++;
    } while (performance.now() < end);
    expect(pauses).toBeGreaterThan(0);
    await sync.close();
    if (receiveBufferBytes !== undefined) expect(sync.dumps).toBeGreaterThan(1);
  });
});
