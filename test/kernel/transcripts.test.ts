/** What the documents show of a terminal, typed into one: Getting started, and the recipes. */
import { test } from 'vitest';
import { filesIn } from '../support/code-blocks.js';
import { describeInNamespace } from '../support/requirements.js';
import { playPage } from '../support/transcript.js';

/** `sqlite transcripts` plays these. */
const WITH_DATABASE = /(behind-nat|flow-log-sqlite)\.md$/;
const recipes = filesIn('docs/recipes', '.md').filter(
  (page) => !page.endsWith('/index.md') && !WITH_DATABASE.test(page),
);

describeInNamespace(
  'bash',
  'ip',
  'nft',
  'unshare',
)('as the page shows it', () => {
  test('docs/getting-started.md', async () => {
    await playPage('docs/getting-started.md', (section) => {
      // Those that start the shell come before.
      const [, network = ''] = section('A network to play in').split('In that shell');
      return network + section('Watch a flow begin and end');
    });
  });

  test.each(recipes)('%s', async (page) => {
    await playPage(page, (section) => section('Try it'));
  });
});
