/** What the recipes with a database show of a terminal, typed into one. */
import { test } from 'vitest';
import { describeInNamespace } from '../support/requirements.js';
import { playPage, readPage } from '../support/transcript.js';

describeInNamespace(
  'bash',
  'ip',
  'nft',
  'unshare',
)('as the page shows it', () => {
  const pages = ['behind-nat', 'flow-log-sqlite'].map((name) => `docs/recipes/${name}.md`);
  test.each(pages.filter((page) => readPage(page).includes('\n## Try it\n')))(
    '%s',
    async (page) => {
      await playPage(page, (section) => section('Try it'));
    },
  );
});
