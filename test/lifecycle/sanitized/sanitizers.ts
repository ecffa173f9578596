/**
 * The addon under AddressSanitizer and UndefinedBehaviorSanitizer: a report ends the child
 * with another code and stands on its stderr. LeakSanitizer looks at its end for memory that
 * nothing points to, with no suppression: what Node.js and the addon allocate is freed when
 * their environments end.
 */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { inTree } from '../../support/built.js';
import { LONG } from '../../support/emulation.js';
import { runScenario, WELL } from '../scenarios.js';

function library(name: string): string {
  return execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

export const underSanitizers = {
  CONNTRACK_ADDON: inTree('sanitized', 'conntrack.node'),
  LD_PRELOAD: library('libasan.so'),
  ASAN_OPTIONS: 'detect_leaks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  // The others are those of the plain variant.
  CONNTRACK_MOMENT_STRIDE: '4',
};

/** process.exit() leaves the heap of V8 as it is. */
export const underSanitizersWithoutLeaks = { ...underSanitizers, ASAN_OPTIONS: 'detect_leaks=0' };

/** The addon under ThreadSanitizer. Its reports end nothing: see `reportsOfAddon`. */
export const underThreadSanitizer = {
  CONNTRACK_ADDON: inTree('threads', 'conntrack.node'),
  LD_PRELOAD: library('libtsan.so'),
  TSAN_OPTIONS: 'exitcode=0',
};

/** Tests that the scenarios of fixtures/<group>.mjs come to their end, all in one process. */
export function testTogether(group: string): void {
  test(
    'without a report, and without a leak',
    async () => {
      expect(await runScenario(group, undefined, underSanitizers, LONG)).toEqual(WELL);
    },
    LONG,
  );
}
