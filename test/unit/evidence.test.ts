/** The evidence of a diagnosis where /proc shows less. */
import { expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import type { EntryStream } from '../../src/entry/stream.js';
import { findingsOf } from '../../src/health/diagnose.js';
import { gatherEvidence } from '../../src/health/evidence.js';
import type { TableStats } from '../../src/health/stats.js';

const ENOENT = 2;
const RMEM_MAX = '/proc/sys/net/core/rmem_max';

const addon = vi.hoisted(() => ({
  granted: 0,
  files: new Map<string, string>(),
  grantedReceiveBuffer: () => ({ bytes: addon.granted }),
  readFiles: (_: unknown, paths: readonly string[]) =>
    paths.map((path) => {
      const text = addon.files.get(path);
      return text === undefined ? { failure: { errno: ENOENT, syscall: 'open' } } : { text };
    }),
}));
vi.mock('../../src/core/load-addon.js', () => ({ loadAddon: () => addon }));

const stats = {
  source: 'netlink',
  entries: 0,
  maxEntries: 100,
  cpus: [],
  total: { other: {} },
} as unknown as TableStats;

const empty = {
  readStats: async () => stats,
  readSettings: async () => ({}),
  streamEntries: () => ({ batches: async function* () {} }) as unknown as EntryStream,
};

const capOf = async () =>
  findingsOf(await gatherEvidence(empty, undefined)).find(
    ({ code }) => code === 'receive-buffer-capped',
  );

test('a capped receive buffer is found with the file of its limit, and without', async () => {
  addon.granted = 425_984;
  addon.files.set(RMEM_MAX, '212992\n');
  expect(await capOf()).toMatchObject({ current: 212_992, evidence: { granted: 425_984 } });

  addon.files.clear();
  const found = await capOf();
  expect(found).toMatchObject({ evidence: { granted: 425_984 }, suggested: 32 << 20 });
  expect(found).not.toHaveProperty('current');

  addon.granted = LIMITS.receiveBufferBytes;
  expect(await capOf()).toBeUndefined();
});
