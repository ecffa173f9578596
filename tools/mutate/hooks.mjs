// How Node.js finds the modules of the tests under mutation. A query in the address of a module
// names the graph that it belongs to: what it imports belongs to the same one, so a graph has
// copies of src/ that no other graph has touched.
//
//   g  the number of the graph
//   r  how often the graph has been reset (vi.resetModules)
//   o  of the original of a module that is mocked
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

let root;
let framework;
/** Of each test with mocks, by its address: the addresses of what it mocks. */
let mocked;
/** By graph. */
const mocksOf = new Map();

export function initialize(data) {
  ({ root, framework, mocked } = data);
}

export async function resolve(specifier, context, next) {
  const parent = context.parentURL ?? '';
  if (specifier === 'vitest' && parent.startsWith(`${root}test/`)) {
    return { url: framework, shortCircuit: true };
  }
  const alias = specifier === 'conntrack' ? `${root}src/index.js` : specifier;
  const { url, format, importAttributes } = await next(alias, context);
  const isOwn = url.startsWith(`${root}src/`) || url.startsWith(`${root}test/`);
  const found = new URL(url);
  if (!isOwn) return { url, format, importAttributes };
  if (found.search === '') found.search = new URL(parent).search.replace(/&o=1/, '');
  const test = found.href.replace(found.search, '');
  if (test in mocked) mocksOf.set(found.searchParams.get('g'), mocked[test]);
  return { url: found.href, format: 'module', importAttributes };
}

/** The names that a module exports. */
function exportsOf(source) {
  const declared = source.matchAll(/^export (?:async )?(?:function\*?|const|let|class) (\w+)/gm);
  const listed = [...source.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names]) =>
    names.split(',').map((name) => name.trim().replace(/^.* as /, '')),
  );
  return [...[...declared].map(([, name]) => name), ...listed.filter(Boolean)];
}

export async function load(url, context, next) {
  // With a source of its own a module of CommonJS would lose the names that it exports.
  if (context.format === 'commonjs')
    return { format: 'commonjs', source: null, shortCircuit: true };
  if (!url.startsWith(root)) return next(url, context);
  const address = new URL(url);
  const path = url.replace(address.search, '');
  const source = readFileSync(fileURLToPath(path), 'utf8');
  const isMocked = mocksOf.get(address.searchParams.get('g'))?.includes(path);
  if (!isMocked || address.searchParams.has('o')) {
    return { format: 'module', source, shortCircuit: true };
  }
  const lines = exportsOf(source).map((name) => `export const ${name} = mock.${name};`);
  const mock = `const mock = await globalThis.mutationMock(import.meta.url);\n${lines.join('\n')}`;
  return { format: 'module', source: mock, shortCircuit: true };
}
