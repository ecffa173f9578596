/** What the recipes with a database show of a terminal, typed into one. */
import { test } from 'vitest';
import { describeInNamespace } from '../support/requirements.js';
import { playPage } from '../support/transcript.js';

describeInNamespace(
  'bash',
  'ip',
  'nft',
  'unshare',
)('as the page shows it', () => {
  test.each(['behind-nat', 'flow-log-sqlite'])('docs/recipes/%s.md', async (name) => {
    await playPage(`docs/recipes/${name}.md`, (section) => section('Try it'));
  });
});
