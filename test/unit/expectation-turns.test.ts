/** How long the event loop waits for expectations. */
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { listExpectations } from '../../src/expectation/requests.js';
import type { RequestQueue } from '../../src/request/queue.js';
import { expectationSlab } from './records.js';

test('a long list leaves the event loop to others after each 5 ms', async () => {
  const tuple = {
    ...{ source: '10.0.0.1', destination: '10.0.0.2' },
    ...{ sourcePort: 0, destinationPort: 1 },
  };
  const slab = expectationSlab({ protocol: 'tcp', tuple, master: tuple });
  const slabs = Array.from({ length: 100 }, () => slab);
  const requests = {
    ask: () => Promise.resolve({ slabs, failure: undefined }),
  } as unknown as RequestQueue;
  // A look at an expectation takes a millisecond.
  let milliseconds = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => milliseconds++);
  try {
    let turns = 0;
    const listing = listExpectations(requests);
    const progress = { isListed: false };
    void listing.then(() => {
      progress.isListed = true;
    });
    while (!progress.isListed) {
      await setImmediate();
      turns++;
    }
    expect(await listing).toHaveLength(100);
    // And one in which it ends.
    expect(turns).toBe(100 / 5 + 1);
  } finally {
    clock.mockRestore();
  }
});
