/**
 * The guides in the order of the site's sidebar. Titles are those of the pages.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

export interface Chapter {
  readonly title: string;
  /** Paths in the repository. One that ends with "/" has the pages of a folder. */
  readonly pages: readonly string[];
}

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Start',
    pages: ['docs/getting-started.md', 'docs/installing.md', 'docs/command-line.md'],
  },
  {
    title: 'Recipes',
    pages: ['docs/recipes/', 'examples/README.md', 'examples/dashboard/README.md'],
  },
  {
    title: 'The table',
    pages: [
      'docs/reading.md',
      'docs/entries.md',
      'docs/events.md',
      'docs/writing.md',
      'docs/filters.md',
      'docs/mirror.md',
    ],
  },
  {
    title: 'Flow log',
    pages: [
      'docs/flow-log.md',
      'docs/flow-log-sqlite.md',
      'docs/flow-log-jetstream.md',
      'docs/flow-log-opentelemetry.md',
    ],
  },
  {
    title: 'In production',
    pages: [
      'docs/tuning.md',
      'docs/timeouts.md',
      'docs/metrics.md',
      'docs/namespaces.md',
      'docs/permissions.md',
      'docs/errors.md',
      'docs/debugging.md',
      'docs/lifecycle.md',
      'docs/limits.md',
      'docs/performance.md',
    ],
  },
  {
    title: 'The kernel',
    pages: ['docs/kernel-side.md', 'docs/kernels.md', 'docs/kernel-bugs.md'],
  },
  {
    title: 'Background',
    pages: [
      'docs/design.md',
      'docs/comparison.md',

      'docs/migration/',
      'docs/architecture.md',
      'docs/testing.md',
    ],
  },
  { title: 'Project', pages: ['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'] },
];

const folderOf = (entry: string) =>
  entry.endsWith('/') && existsSync(new URL(entry, root))
    ? readdirSync(new URL(entry, root))
        .filter((name) => name.endsWith('.md'))
        .map((name) => `${entry}${name}`)
    : [];

/** Each page once: those that are named, then the others of a folder by their names. */
export function pagesOf({ pages }: Chapter): string[] {
  const named = pages.filter((page) => page.endsWith('.md') && existsSync(new URL(page, root)));
  return [...new Set(pages.flatMap((page) => (named.includes(page) ? [page] : folderOf(page))))];
}

/** The title of a page: its first heading. */
export function titleOf(page: string): string {
  const [, title] = /^# (.+)$/m.exec(readFileSync(new URL(page, root), 'utf8')) ?? [];
  if (title === undefined) throw new Error(`${page} has no line "# Title"`);
  return title.replaceAll('`', '');
}
