/**
 * The guides in the order of the site's sidebar. Titles are those of the pages.
 */
import { readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

export interface Chapter {
  readonly title: string;
  /** Paths in the repository. */
  readonly pages: readonly string[];
}

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Start',
    pages: ['docs/getting-started.md', 'docs/installing.md', 'docs/command-line.md'],
  },
  {
    title: 'Recipes',
    pages: [
      'docs/recipes/index.md',
      'docs/recipes/behind-nat.md',
      'docs/recipes/flow-log-sqlite.md',
      'docs/recipes/end-container-flows.md',
      'docs/recipes/table-alert.md',
      'docs/recipes/exporter.md',
      'docs/recipes/top-talkers.md',
      'docs/recipes/counts.md',
      'docs/recipes/new-flows.md',
      'docs/recipes/rate-limit.md',
      'docs/recipes/stale-udp.md',
      'examples/README.md',
      'examples/dashboard/README.md',
    ],
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

      'docs/migration/index.md',
      'docs/migration/conntrack-command.md',
      'docs/migration/libnetfilter-conntrack.md',
      'docs/migration/ti-mo-conntrack.md',
      'docs/migration/vishvananda-netlink.md',
      'docs/migration/florianl-go-conntrack.md',
      'docs/migration/pyroute2.md',
      'docs/architecture.md',
      'docs/testing.md',
    ],
  },
  { title: 'Project', pages: ['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'] },
];

export const GUIDES: readonly string[] = CHAPTERS.flatMap(({ pages }) => pages);

/** The title of a page: its first heading. */
export function titleOf(page: string): string {
  const [, title] = /^# (.+)$/m.exec(readFileSync(new URL(page, root), 'utf8')) ?? [];
  if (title === undefined) throw new Error(`${page} has no line "# Title"`);
  return title.replaceAll('`', '');
}
