/**
 * Notices when the network namespace has lost its name, or the process that it was named after: the
 * handle keeps the namespace alive, and its table is that of nobody.
 */
import { statSync } from 'node:fs';

/** `netns`: a process, a name under /run/netns, or a path. */
export function namespaceNotice(netns: string): () => string | null {
  const path = pathOf(netns);
  const first = identityOf(path);
  return () =>
    identityOf(path) === first
      ? null
      : `The network namespace ${netns} has ended: these are the numbers of what remains of it.`;
}

function pathOf(netns: string): string {
  if (/^\d+$/.test(netns)) return `/proc/${netns}/ns/net`;
  return netns.startsWith('/') ? netns : `/run/netns/${netns}`;
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
