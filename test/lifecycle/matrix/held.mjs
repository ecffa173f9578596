// What this process holds of the system.
import { deepEqual } from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const PATIENCE = 10_000; // milliseconds

/** Open descriptors and threads. Equal states hold the same sockets. */
export function processState() {
  return {
    // Without modules, and what readLabelNames() reads: Node.js leaves files open that fs.promises was
    // opening when a worker ended.
    descriptors: present('/proc/self/fd', (path) => readlinkSync(path)).filter(
      (descriptor) => !/\.(m?js(on)?|conf)$/.test(descriptor),
    ),
    threads: present('/proc/self/task', (path) => readFileSync(`${path}/comm`, 'latin1').trim()),
  };
}

/** The same of what the package opens: other runtimes open and start things at any time. */
export function ownState() {
  const { descriptors, threads } = processState();
  return {
    descriptors: descriptors.filter((name) => / (socket|net|\/proc)\b/.test(name)),
    threads: threads.filter((name) => name.endsWith(' conntrack')),
  };
}

/** What the entries of a folder are, save for those that are gone, as the folder's own descriptor. */
function present(folder, describe) {
  return readdirSync(folder).flatMap((name) => {
    try {
      return [`${name} ${describe(`${folder}/${name}`)}`];
    } catch (error) {
      if (error.code === 'ENOENT' || error.code === 'ESRCH') return [];
      throw error;
    }
  });
}

/** Waits until the assertion holds. */
export async function eventually(assertion) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      assertion();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Waits until the process holds what it held before, and no more. */
export const givesBack = (before, state = processState) =>
  eventually(() => deepEqual(state(), before));
