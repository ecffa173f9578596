import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const folder = (name: string) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    // What changes a setting of the whole machine runs when all others have ended.
    sequence: { groupOrder: name === 'machine' ? 1 : 0 },
  },
});

export default defineConfig({
  resolve: {
    alias: { conntrack: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
  },
  test: {
    // A process a file: kernel tests move theirs into a network namespace.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: ['unit', 'wire', 'os', 'stack', 'kernel', 'lifecycle', 'machine'].map(folder),
  },
});
