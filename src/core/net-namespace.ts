/**
 * Network namespaces as users name them.
 */

import { integer, object } from './check.js';
import { netnsError, typeError } from './errors.js';
import { loadAddon } from './load-addon.js';
import type { NativeNetNamespace } from './native.js';
import { shown } from './show-value.js';

/** Opens a namespace, or says why not. Whoever opens it closes it. */
export function openNetNamespace(operation: string, name: unknown): NativeNetNamespace {
  const path = pathOf(name);
  const { NetNamespace } = loadAddon();
  const netns = new NetNamespace(path);
  if (netns.failure !== undefined) throw netnsError(operation, path, netns.failure);
  return netns;
}

const process = object({ pid: integer(1, 2 ** 31 - 1) }, 'a name, a path or { pid }');

function pathOf(name: unknown): string {
  if (typeof name === 'string') return name.startsWith('/') ? checked(name) : namedPath(name);
  return `/proc/${process(name, 'options.netns').pid}/ns/net`;
}

function namedPath(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw typeError(
      'options.netns',
      `must be a name under /run/netns, an absolute path, or { pid }, not ${shown(name)}`,
    );
  }
  return checked(`/run/netns/${name}`);
}

/** What the kernel would cut off would be another file. */
function checked(path: string): string {
  if (path.includes('\0') || Buffer.byteLength(path) > 4095) {
    throw typeError('options.netns', 'must be a path without NUL of at most 4095 bytes');
  }
  return path;
}
