import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXPLAINED_CODES } from '../../src/core/error-page.js';
import { ConntrackError } from '../../src/core/errors.js';
import { SPEC_FIELDS } from '../../src/entry/check-spec.js';
import { allCodeBlocks, codeBlocks, filesIn, guides } from '../support/code-blocks.js';
import { NOT_IN_SAVE } from '../support/not-in-save.js';
import { tableRows } from './documents.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'examples/README.md',
  'examples/dashboard/README.md',
  ...guides,
];

/** What a page of GitHub makes of a heading. */
function anchorsOf(markdown: string): string[] {
  return Array.from(markdown.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The rows of the Markdown tables below a heading, each as the text of its cells. */
function rowsBelow(heading: string, markdown: string): string[][] {
  const [, after = ''] = markdown.split(`${heading}\n`);
  const [section = ''] = after.split(/^#/m);
  return Array.from(section.matchAll(/^\| (.*) \|$/gm), ([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );
}

describe('the documents', () => {
  it('the code of the README is a file in examples/', () => {
    const examples = filesIn('examples', '.ts').map(read);
    const blocks = codeBlocks(read('README.md'));
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(examples).toContain(block);
  });

  it('the code of the recipes is that of their programs, but for the import for pipes', () => {
    const recipes = filesIn('docs/recipes', '.md');
    const shown = recipes.flatMap((page) => codeBlocks(read(page)));
    const programs = [...filesIn('examples/recipes', '.ts'), 'examples/flow-log-sqlite.ts'].map(
      (file) => read(file).replace(/^import '\.\.?\/support\/end-of-pipe\.js';\n/m, ''),
    );
    expect(programs.length).toBeGreaterThan(10);
    expect(shown.sort()).toEqual(programs.sort());
    const list = read('docs/recipes/index.md');
    for (const page of recipes.map((path) => basename(path))) {
      if (page !== 'index.md') expect(list).toContain(`](${page})`);
    }
  });

  it('Node.js 22 runs the recipes as they are: it removes types, and does not know "using"', () => {
    for (const code of filesIn('docs/recipes', '.md').flatMap((page) => codeBlocks(read(page)))) {
      expect(code).not.toMatch(/\busing \w+ =|^ *(export )?enum |^ *namespace /m);
    }
  });

  it('the examples that print end with whoever reads them, but for that of the README', () => {
    const [ofReadme] = codeBlocks(read('README.md'));
    for (const file of filesIn('examples', '.ts')) {
      const code = read(file);
      if (code === ofReadme || file.includes('/support/')) continue;
      if (!/console\.log|stdout/.test(code)) continue;
      expect(code, file).toMatch(/^import '\.\.?\/support\/end-of-pipe\.js';$/m);
    }
  });

  it('each value that the package exports has an example', async () => {
    const modules = [
      await import('conntrack'),
      await import('conntrack/flow-log'),
      await import('conntrack/flow-log/files'),
      await import('conntrack/flow-log/jetstream'),
      await import('conntrack/flow-log/opentelemetry'),
      await import('conntrack/flow-log/sqlite'),
      await import('../../src/metrics/prometheus.js'),
      await import('../../src/metrics/opentelemetry.js'),
    ];
    const names = new Set(modules.flatMap((module) => Object.keys(module)));
    const sources = filesIn('src', '.ts').map(read);
    const exampleOf = (name: string) => {
      const declared = new RegExp(`^export (?:async )?(?:const|class|function) ${name}\\b`, 'm');
      return sources.some((source) => {
        const { index } = declared.exec(source) ?? {};
        const comment =
          index === undefined ? '' : source.slice(source.lastIndexOf('/**', index), index);
        return comment.includes('@example');
      });
    };
    expect(names.size).toBeGreaterThan(70);
    expect([...names].filter((name) => !exampleOf(name))).toEqual([]);
  });

  it('each code that the hint of an error links to has a heading, and no other', () => {
    const page = read('docs/errors.md');
    const headings = Array.from(page.matchAll(/^### (E[A-Z_]+)$/gm), ([, code = '']) => code);
    expect(headings.toSorted()).toEqual([...EXPLAINED_CODES].sort());
    const anchors = anchorsOf(page);
    for (const code of headings) {
      const { hint } = new ConntrackError('it failed', { code, operation: 'getEntry' });
      expect(hint).toBe(
        `See conntrack/docs/errors.md#${anchors.find((id) => hint.endsWith(`#${id}`))}`,
      );
    }
  });

  it('the figures of the README are those of docs/performance.md, and of one day', () => {
    const performance = read('docs/performance.md');
    const figure = (table: string, row: string, column: string) => {
      const rows = rowsBelow(`### ${table}`, performance);
      const head = rows.find((names) => names.includes(column)) ?? [];
      return rows.find(([name]) => name === row)?.[head.indexOf(column)] ?? 'missing';
    };
    const seconds = (text: string) => `${Number(text).toFixed(1)}\u00a0s`;
    const microseconds = (text: string) => `${(Number(text) / 1000).toFixed(1)}\u00a0µs`;
    const reading = (reader: string) => seconds(figure('1,000,000 entries', reader, 'process, s'));
    const deletes = (work: string) =>
      seconds(figure('Deletes from 1,008,000 entries', work, 'process, s'));
    const events = (listener: string, column: string) =>
      figure('1,000,000 new flows at full speed', listener, column);
    const tool = 'conntrack -E > file';
    const ours = 'watchEvents(), each event read';

    const [, ...rows] = rowsBelow('# conntrack', read('README.md'));
    expect(rows.map(([, ...cells]) => cells)).toEqual([
      [reading('conntrack -L > /dev/null'), reading('streamEntries(), by batches, all read')],
      [
        deletes('conntrack -D -s, the same'),
        deletes('deleteEntries(), one source of 60000 entries'),
      ],
      [events(tool, 'lost'), events(ours, 'lost')],
      [tool, ours].map((listener) => microseconds(events(listener, 'CPU, ns/event'))),
    ]);
    const [day = 'no day'] = /\d{4}-\d{2}-\d{2}(?=T)/.exec(performance) ?? [];
    expect(read('README.md')).toContain(day);
  });

  it.each(pages)('the links of %s lead somewhere', (page) => {
    const links = Array.from(read(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
    const broken = links
      .filter((link) => !link.startsWith('https://'))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('the code of the guides and of the doc comments compiles', () => {
    const blocks = allCodeBlocks();
    expect(new Set(blocks.map(({ from }) => from))).toContain('src/table/entries.ts');

    const folder = join(root, 'out/docs-code');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const { code, from, number } of blocks) {
      writeFileSync(join(folder, `${from.replaceAll('/', '-')}-${number}.ts`), code);
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../examples/tsconfig.json',
        // A sample may show a function or a value and not use it.
        compilerOptions: { rootDir: '.', noEmit: true, noUnusedLocals: false },
        include: ['.'],
      }),
    );
    const { stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
      { encoding: 'utf8', cwd: root },
    );
    expect(stdout).toBe('');
  });

  it('the fields that each text carries are those of a specification, and of the tests', () => {
    const rows = tableRows(read('docs/writing.md'), '| | JSON ');
    const fieldsOf = ([fields = '']: string[]) =>
      Array.from(fields.matchAll(/`([\w.]+)`/g), ([, field = '']) => field);
    const fields = rows.flatMap(fieldsOf).filter((field) => !field.includes('.'));
    // The number is that of the protocol.
    const known = SPEC_FIELDS.filter((field) => field !== 'protocolNumber');
    expect(fields.sort()).toEqual([...known].sort());
    const lost = rows.filter(([, , save]) => save === 'no').flatMap(fieldsOf);
    expect(lost.sort()).toEqual([...NOT_IN_SAVE].sort());
  });
});
