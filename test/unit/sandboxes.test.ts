/** The table of sandboxes of docs/permissions.md is the list that test/kernel/sandboxes.test.ts runs. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SANDBOXES, SENTENCES } from '../support/sandboxes.js';

const permissions = readFileSync(new URL('../../docs/permissions.md', import.meta.url), 'utf8');

const shown = (outcome: string) => (outcome === 'works' ? outcome : `\`${outcome}\``);
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

const TABLE = [
  row(['sandbox', 'entries, events', '`readStats` reads', '`writeSettings`', 'another namespace']),
  '|---|---|---|---|---|',
  ...SANDBOXES.map(({ name, entries, stats, settings, others }) =>
    row([name, shown(entries), stats, shown(settings), shown(others)]),
  ),
].join('\n');

const CALLS = {
  entries: 'entries, events',
  settings: '`writeSettings`',
  others: 'another namespace',
};
const WORDS = [
  row(['call', 'code', 'the message says']),
  '|---|---|---|',
  ...SENTENCES.map(([call, code, sentence]) =>
    row([CALLS[call as keyof typeof CALLS], shown(code), sentence]),
  ),
].join('\n');

it.each([
  ['sandboxes', TABLE],
  ['sentences', WORDS],
])('has the table of %s', (_, table) => {
  expect(permissions.includes(table), `The table should be:\n\n${table}\n`).toBe(true);
});
