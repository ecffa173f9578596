/**
 * The addon under AddressSanitizer and UndefinedBehaviorSanitizer: a report ends the child
 * with another code and stands on its stderr.
 */
import { execFileSync } from 'node:child_process';
import { sanitized } from '../../support/built.js';

export const underSanitizers = {
  CONNTRACK_ADDON: sanitized('conntrack.node'),
  LD_PRELOAD: execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
  // Node.js leaves memory to the system when it ends.
  ASAN_OPTIONS: 'detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};
