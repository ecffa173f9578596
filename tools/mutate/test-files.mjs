// Which tests run under mutation.
import { readdirSync } from 'node:fs';

/** These look at documents, types or binaries, or start processes: they run no mutant of src/. */
const WITHOUT_MUTANTS = new Set([
  'arrows',
  'check-binary',
  'cli-docs',
  'docs',
  'hover',
  'layout',
  'libraries',
  'limits',
  'limits-page',
  'load-addon',
  'soak',
  'supply-chain',
  'types',
]);

/**
 * These take seconds, and all tests run once to find out which mutants they cover: they run for
 * mutants of the folders that they are about.
 */
const SLOW = {
  'entry-properties': ['entry', 'record'],
  'expectation-filter': ['expectation'],
  follower: ['mirror'],
  'hostile-arguments': ['core', 'table'],
  'ip-address': ['core', 'record'],
  'mirror-index': ['mirror'],
  'parse-entries': ['core', 'entry', 'record'],
  properties: ['entry', 'mirror', 'record'],
};

/** The tests for mutants in `folders` of src/. */
export function testFiles(folders) {
  return readdirSync('test/unit')
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => {
      const name = file.replace('.test.ts', '');
      const about = SLOW[name] ?? folders;
      return !WITHOUT_MUTANTS.has(name) && about.some((folder) => folders.includes(folder));
    })
    .map((file) => `test/unit/${file}`);
}
