import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** A program of a consumer: it sees the built declarations. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const file = `${root}examples/hover.ts`;
const table = ts.sys.readFile(`${root}dist/conntrack.d.ts`) ?? '';
const OVERLOADED = ['deleteEntries', 'flushEntries'];
/** Those with overloads name their parameters, once for each. */
const declared = table.matchAll(/^ {4}(\w+)\((?:\.\.\.given|filter: |options\??: )/gm);
const methods = [...new Set(Array.from(declared, ([, name = '']) => name))];
const text = [
  `import { Conntrack, ${methods.join(', ')} } from 'conntrack';`,
  'const conntrack = await Conntrack.open();',
  ...methods.flatMap((name) => [`conntrack.${name};`, `${name};`]),
].join('\n');

const service = ts.createLanguageService({
  getScriptFileNames: () => [file],
  getScriptVersion: () => '1',
  getScriptSnapshot: (path) => {
    const content = path === file ? text : ts.sys.readFile(path);
    return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
  },
  getCurrentDirectory: () => root,
  getCompilationSettings: () => ({
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    strict: true,
  }),
  getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
  fileExists: (path) => ts.sys.fileExists(path),
  readFile: (path) => ts.sys.readFile(path),
  directoryExists: (path) => ts.sys.directoryExists(path),
  getDirectories: (path) => ts.sys.getDirectories(path),
});

/** What an editor shows beside the last use of these words. */
function hoverOf(words: string) {
  const info = service.getQuickInfoAtPosition(file, text.lastIndexOf(`\n${words};`) + words.length);
  const tags = info?.tags?.map(({ name, text }) => `${name} ${ts.displayPartsToString(text)}`);
  return {
    signature: ts.displayPartsToString(info?.displayParts),
    documentation: ts.displayPartsToString(info?.documentation),
    tags: tags ?? [],
  };
}

it.each(methods)('hovering over the method %s shows the documentation of the function', (name) => {
  const method = hoverOf(`conntrack.${name}`);
  const { documentation, tags } = hoverOf(name);
  expect(documentation.length).toBeGreaterThan(40);
  expect(tags.some((tag) => tag.startsWith('example '))).toBe(true);
  // Of a method with overloads TypeScript shows the texts of all, without their tags.
  if (OVERLOADED.includes(name)) expect(method.documentation).toContain(documentation);
  else expect(method).toMatchObject({ documentation, tags });
  expect(method.signature).toMatch(new RegExp(`^\\(method\\) Conntrack\\.${name}\\(`));
  // The parameters have names, not a list of arguments.
  expect(method.signature).not.toMatch(/\.\.\.|given/);
});

it('each function of the module is among the methods', () => {
  expect(methods).toEqual(expect.arrayContaining(['listEntries', 'deleteEntries', 'flushEntries']));
  expect(service.getSemanticDiagnostics(file)).toEqual([]);
});
