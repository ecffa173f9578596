// Makes the executable of dist/cli: few files, for loading the package module by module takes longer
// than most commands do. The first file has all that `count` needs; the others come when they are
// wanted.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
// Two folders below the root, as dist/core is: there the addon is looked for.
const dir = path('dist/bin');

const OWN_FILE = path('dist/core/own-file.js');
const ownBundle = {
  name: 'own-bundle',
  load: (id) => (id === OWN_FILE ? 'export const isOwnFile = () => true;' : undefined),
};

const LAZY = './lazy.js';
const lazyIsOutside = {
  name: 'lazy-is-outside',
  resolveId: (source) => (source === LAZY ? { id: LAZY, external: true } : undefined),
};

async function build(input, { plugins = [], groups } = {}) {
  const bundle = await rolldown({
    input,
    plugins: [ownBundle, ...plugins],
    platform: 'node',
    // No module of the package does anything but define what it exports.
    treeshake: { moduleSideEffects: false },
  });
  await bundle.write({
    dir,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    ...(groups && { codeSplitting: { groups } }),
  });
}

rmSync(dir, { recursive: true, force: true });
await build({ 'conntrack-js': path('dist/cli/main.js') }, { plugins: [lazyIsOutside] });
await build(
  { lazy: path('dist/cli/lazy.js') },
  {
    groups: [
      { name: 'conntrack', test: /dist\/(?!cli\/)/ },
      { name: 'common', test: /dist\/cli\/(line|print|read)\//, minShareCount: 2 },
    ],
  },
);
