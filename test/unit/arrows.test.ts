import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { folderOrder } = (await import(`${root}eslint.config.js`)) as {
  folderOrder: Linter.Config[];
};

describe('the order of the folders of src/', () => {
  const linter = new Linter({ configType: 'flat', cwd: root });
  const parser: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
  };
  const faults = (path: string, code: string) =>
    linter
      .verify(code, [parser, ...folderOrder], { filename: join(root, path) })
      .map(({ message }) => message);

  test.each([
    ['src/core/broken.ts', "import { ENTRY } from '../record/layout.js';"],
    ['src/core/broken.ts', "import type { Tuple } from '../record/tuple.js';"],
    ['src/filter/broken.ts', "export { EntryView } from '../entry/view.js';"],
    ['src/entry/broken.ts', "export * from '../event/event.js';"],
    ['src/health/broken.ts', "import { readStats } from '../table/health.js';"],
    ['src/table/broken.ts', "import type { Conntrack } from '../conntrack.js';"],
    ['src/conntrack.ts', "import { registerMetrics } from './metrics/prometheus.js';"],
    ['src/metrics/broken.ts', "import { Conntrack } from '../index.js';"],
  ])('%s may not say: %s', (path, code) => {
    expect(faults(path, code)).toEqual([expect.stringContaining('stands below')]);
  });

  test.each([
    ['src/record/fine.ts', "import { nameOf } from '../core/names.js';"],
    ['src/core/fine.ts', "import { typeError } from './errors.js';"],
    ['src/entry/fine.ts', "import { record } from './record.js';"],
    ['src/metrics/fine.ts', "import type { Conntrack } from '../conntrack.js';"],
    ['src/index.ts', "export * from './table/table.js';"],
  ])('%s may say: %s', (path, code) => {
    expect(faults(path, code)).toEqual([]);
  });
});

it('a cycle of imports is found, of types too', () => {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-cycle-'));
  try {
    cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
    writeFileSync(
      join(folder, 'a.ts'),
      "import type { B } from './b.js';\n\nexport type A = B | 1;\n",
    );
    writeFileSync(
      join(folder, 'b.ts'),
      "import type { A } from './a.js';\n\nexport type B = A | 2;\n",
    );
    const { status, stdout, stderr } = spawnSync(
      join(root, 'node_modules/.bin/biome'),
      ['lint', '--vcs-enabled=false', '.'],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(`${stdout}${stderr}`).toContain('noImportCycles');
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
