// What this process holds of the system.
import { deepEqual } from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const PATIENCE = 10_000; // milliseconds

/**
 * What is read by `fs.promises`, and modules: Node.js and bun leave open what they were opening when a
 * worker ended.
 */
const READ_BY_RUNTIME = /\.(m?js(on)?|conf)$|\/proc\/\d+\/(cmdline|comm|cgroup)$/;

/** Open descriptors and threads. Equal states hold the same sockets. */
export function processState() {
  return {
    descriptors: present('/proc/self/fd', (path) => readlinkSync(path)).filter(
      (descriptor) => !READ_BY_RUNTIME.test(descriptor),
    ),
    threads: present('/proc/self/task', (path) => readFileSync(`${path}/comm`, 'latin1').trim()),
  };
}

/** The same of what the package opens: other runtimes open and start things at any time. */
export function ownState() {
  const { descriptors, threads } = processState();
  const sockets = netlinkSockets();
  return {
    descriptors: descriptors.filter((name) => {
      const [, inode] = / socket:\[(\d+)\]$/.exec(name) ?? [];
      return inode === undefined ? / (net|\/proc)\b/.test(name) : sockets.has(inode);
    }),
    threads: threads.filter((name) => name.endsWith(' conntrack')),
  };
}

/** The inodes of the netlink sockets of this network namespace, of all processes. */
function netlinkSockets() {
  const rows = readFileSync('/proc/net/netlink', 'latin1').trim().split('\n').slice(1);
  return new Set(rows.map((row) => row.trim().split(/\s+/).at(-1)));
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
