/**
 * What CMake has built for the tests: see tools/prepare.mjs.
 */
import { fileURLToPath } from 'node:url';

/** A file of the plain tree, built as the addon ships. */
export function built(path: string): string {
  return fileURLToPath(new URL(`../../build/${path}`, import.meta.url));
}

/**
 * Trees of CMakePresets.json: under AddressSanitizer and UndefinedBehaviorSanitizer, under
 * ThreadSanitizer, and for s390x.
 */
export type Tree = 'sanitized' | 'threads' | 'big-endian';

/** A file of one of them. */
export function inTree(tree: Tree, path: string): string {
  return fileURLToPath(new URL(`../../out/${tree}/${path}`, import.meta.url));
}

/** A file of the tree under AddressSanitizer and UndefinedBehaviorSanitizer. */
export function sanitized(path: string): string {
  return inTree('sanitized', path);
}
