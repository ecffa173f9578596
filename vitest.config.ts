import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { isEmulated, isSlow } from './test/support/emulation.js';

/** A test that hangs is red within a minute. */
const LIMIT = isSlow ? 300_000 : 45_000;

/**
 * A library for the processes that run tests, and for those that they start: a sanitizer's. The
 * bundler of this process would be reported, too.
 */
const { CONNTRACK_TEST_PRELOAD } = process.env;
if (CONNTRACK_TEST_PRELOAD !== undefined) process.env.LD_PRELOAD = CONNTRACK_TEST_PRELOAD;

const folder =
  (groupOrder: number, maxWorkers: number, isolate = true) =>
  (name: string) => ({
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      sequence: { groupOrder },
      maxWorkers,
      isolate,
      testTimeout: LIMIT,
      hookTimeout: LIMIT,
    },
  });

/** Files run side by side, one more than there are cores: most of them wait now and then. */
const side = isEmulated ? 2 : 3;
const first = folder(0, side);
/** Loading the modules again for each file took a third of their time. A file with `vi.mock` is in test/mocked. */
const together = folder(0, side, false);
/**
 * These wait for child processes most of the time. Their tables are large, and the kernel has one
 * hash table for all network namespaces: beside them the dumps of the kernel tests take thrice as
 * long.
 */
const waiting = folder(1, 4);
/** These measure time or memory: others would be measured with them. */
const alone = folder(2, 1);
/** What changes a setting of the whole machine runs when all others have ended. */
const last = folder(3, 1);

export default defineConfig({
  resolve: {
    alias: {
      'conntrack/flow-log/files': fileURLToPath(
        new URL('src/flow-log/files/files.ts', import.meta.url),
      ),
      'conntrack/flow-log/opentelemetry': fileURLToPath(
        new URL('src/flow-log/opentelemetry/opentelemetry.ts', import.meta.url),
      ),
      'conntrack/flow-log/jetstream': fileURLToPath(
        new URL('src/flow-log/jetstream/jetstream.ts', import.meta.url),
      ),
      'conntrack/flow-log/sqlite': fileURLToPath(
        new URL('src/flow-log/sqlite/sqlite.ts', import.meta.url),
      ),
      'conntrack/flow-log': fileURLToPath(new URL('src/flow-log/flow-log.ts', import.meta.url)),
      conntrack: fileURLToPath(new URL('src/index.ts', import.meta.url)),
    },
  },
  test: {
    // A process a file: kernel tests move theirs into a network namespace.
    pool: 'forks',
    setupFiles: ['test/support/watchdog.ts'],
    slowTestThreshold: 10_000,
    projects: [
      ...['unit'].map(together),
      ...['mocked', 'wire', 'os', 'addon', 'fuzz', 'simulation', 'stack', 'kernel', 'site'].map(
        first,
      ),
      ...['lifecycle', 'sqlite'].map(waiting),
      ...['quiet'].map(alone),
      ...['machine'].map(last),
    ],
  },
});
