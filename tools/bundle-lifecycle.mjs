// Makes few and short files of the package and of the programs of test/lifecycle: loading the package
// module by module takes longer than most of their workers and processes do anything else.
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
// Two folders below the root, as dist/core is: there the addon is looked for.
const dir = path('out/lifecycle');

const OWN_FILE = path('dist/core/own-file.js');
const ownBundle = {
  name: 'own-bundle',
  load: (id) => (id === OWN_FILE ? 'export const isOwnFile = () => true;' : undefined),
};

const fixtures = path('test/lifecycle/fixtures');
const programs = readdirSync(fixtures).map((file) => [
  basename(file, '.mjs'),
  join(fixtures, file),
]);

rmSync(dir, { recursive: true, force: true });
const bundle = await rolldown({
  input: {
    ...Object.fromEntries(programs),
    conntrack: path('dist/index.js'),
    'flow-log': path('dist/flow-log/flow-log.js'),
  },
  plugins: [ownBundle],
  platform: 'node',
  treeshake: { moduleSideEffects: [fixtures] },
});
await bundle.write({
  dir,
  format: 'esm',
  entryFileNames: '[name].mjs',
  chunkFileNames: 'chunk-[name].mjs',
  // Without comments, and with the names that a stack shows.
  minify: { mangle: false, compress: false, codegen: true },
});
