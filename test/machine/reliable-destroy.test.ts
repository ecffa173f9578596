/**
 * A reader of reliable DESTROY events that has stopped: entries whose event found no room stay in
 * the table, until they would fill it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type ConntrackEvent, watchEvents } from 'conntrack';
import { expect, test } from 'vitest';
import { createMany } from '../kernel/populate.js';
import { run, setting } from '../support/namespace.js';
import { describeInNamespaceIf } from '../support/requirements.js';
import { changeableLimit, setLimit } from './table-limit.js';

const LIMIT = 20_000;

const limit = changeableLimit();

describeInNamespaceIf(typeof limit === 'number' ? undefined : limit, 'conntrack')(
  'reliableDestroy',
  () => {
    test('a reader that has stopped does not fill the table', async () => {
      const putBack = await setLimit(limit as number, LIMIT);
      try {
        const stream = watchEvents({
          events: ['destroy'],
          receiveBufferBytes: 4096,
          queueBytes: 65_536,
          reliableDestroy: true,
        });
        // Parked in two parts: without the guard the second one would find the table full.
        const parts = [0.6 * LIMIT, 0.25 * LIMIT];
        for (const [index, count] of parts.entries()) {
          createMany(index * LIMIT, count);
          run('conntrack', '-F');
        }
        while (Number(setting('count')) > 0) await turn();

        let told = 0;
        const events: ConntrackEvent[] = [];
        const total = 0.85 * LIMIT;
        for await (const event of stream) {
          events.push(event);
          told += event.type === 'lost' ? event.count : event.type === 'destroy' ? 1 : 0;
          if (told >= total) break;
        }
        expect(told).toBe(total);
        const [ended] = events.filter((event) => event.type === 'reliability-ended');
        expect(ended?.maxEntries).toBe(LIMIT);
        expect(ended?.entries).toBeGreaterThan(LIMIT * 0.75);
      } finally {
        await putBack();
        expect(Number(setting('max'))).toBe(limit);
      }
    });
  },
);
