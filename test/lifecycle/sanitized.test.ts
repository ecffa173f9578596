/**
 * The scenarios in which memory is most at risk, with the addon under
 * AddressSanitizer and UndefinedBehaviorSanitizer: a report ends the child with
 * another code and stands on its stderr.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { describeInNamespace } from '../support/requirements.js';
import { fillTable, testScenarios } from './scenarios.js';

const env = {
  CONNTRACK_ADDON: fileURLToPath(
    new URL('../../out/sanitized-addon/conntrack.node', import.meta.url),
  ),
  LD_PRELOAD: execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
  // Node.js leaves memory to the system when it ends.
  ASAN_OPTIONS: 'detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

describeInNamespace('conntrack')('under the sanitizers', () => {
  fillTable();

  describe('a reading is ended from outside', () => testScenarios('ending', env));
  describe('what is forgotten is collected', () => testScenarios('dropped', env));
  describe('a worker is terminated', () => testScenarios('terminated', env));
  describe('the process ends in the middle of reading', () => testScenarios('exits', env));
  describe('writing', () => testScenarios('writing', env));
  describe('event streams', () => testScenarios('events', env));
});
