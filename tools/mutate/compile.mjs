// Makes JavaScript of the TypeScript of src/ and test/, each file beside its source: runner.mjs
// imports it. Stryker runs this in its copy of the tree, with the mutants already in src/.
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'rolldown/utils';
import ts from 'typescript';

/** `import { a as b } from 'x'` as `const { a: b } = await import('x')`. */
function asDynamic({ importClause, moduleSpecifier }) {
  const name = importClause?.name;
  const bindings = importClause?.namedBindings;
  const from = `await import(${moduleSpecifier.getText()});`;
  if (bindings && ts.isNamespaceImport(bindings)) return `const ${bindings.name.text} = ${from}`;
  const named = (bindings?.elements ?? []).map(({ propertyName, name: own }) =>
    propertyName ? `${propertyName.text}: ${own.text}` : own.text,
  );
  if (name) named.push(`default: ${name.text}`);
  return named.length > 0 ? `const { ${named.join(', ')} } = ${from}` : from;
}

/** Moves the mocks before the imports that they change, as vitest does. */
function hoistMocks(code) {
  const file = ts.createSourceFile('test.js', code, ts.ScriptTarget.Latest, true);
  const parts = { vitest: [], mocks: [], imports: [], rest: [] };
  for (const statement of file.statements) {
    const text = statement.getText();
    if (ts.isImportDeclaration(statement)) {
      const isVitest = statement.moduleSpecifier.text === 'vitest';
      parts[isVitest ? 'vitest' : 'imports'].push(isVitest ? text : asDynamic(statement));
    } else {
      const isMock = /^[^{]*\bvi\.(mock|hoisted)\(/.test(text);
      const own = text
        .replaceAll(/\bvi\.mock\(/g, 'vi.mock(import.meta.url, ')
        .replaceAll(/\bimport\((?=['"]\.)/g, 'vi.importAgain(import.meta.url, ');
      parts[isMock ? 'mocks' : 'rest'].push(own);
    }
  }
  return Object.values(parts).flat().join('\n');
}

/** Node.js 20 has no `using`. TypeScript puts its helpers into the file itself, and takes longer. */
function withoutUsing(code) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  return ts.transpileModule(code, { compilerOptions }).outputText;
}

for (const folder of [
  'src',
  'test/soak',
  'test/stack',
  'test/mocked',
  'test/support',
  'test/unit',
]) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!/(?<!\.d)\.ts$/.test(name)) continue;
    const path = join(folder, name);
    const { code, errors } = transformSync(path, readFileSync(path, 'utf8'), { sourcemap: false });
    if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
    const plain = /\busing \w/.test(code) ? withoutUsing(code) : code;
    writeFileSync(
      path.replace(/ts$/, 'js'),
      plain.includes('vi.mock(') ? hoistMocks(plain) : plain,
    );
  }
}
// The tests read these, and no mutant is there.
for (const name of ['build', 'dist', 'docs', 'native', 'examples', 'bench']) {
  symlinkSync(join('../../..', name), name); // the copy is out/stryker/sandbox-...
}
