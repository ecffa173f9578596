/**
 * What CMake has built for the tests: see tools/prepare.mjs.
 */
import { fileURLToPath } from 'node:url';

/** A file of the plain tree, built as the addon ships. */
export function built(path: string): string {
  return fileURLToPath(new URL(`../../build/${path}`, import.meta.url));
}

/** AddressSanitizer and UndefinedBehaviorSanitizer, or ThreadSanitizer. */
export type Sanitizers = 'sanitized' | 'threads';

/** A file of the tree under these. */
export function underSanitizers(sanitizers: Sanitizers, path: string): string {
  return fileURLToPath(new URL(`../../out/${sanitizers}/${path}`, import.meta.url));
}

/** A file of the tree under AddressSanitizer and UndefinedBehaviorSanitizer. */
export function sanitized(path: string): string {
  return underSanitizers('sanitized', path);
}
