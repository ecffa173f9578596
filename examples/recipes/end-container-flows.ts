/**
 * Deletes the flows of a container: by its addresses in the table of the host, and with the pid of one
 * of its processes all in its own table.
 *
 *   node end-container-flows.ts [--pid <pid>] [<address> ...]
 */
import '../support/end-of-pipe.js';
import { readlinkSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { Conntrack, streamDeletes } from 'conntrack';

// A line instead of a stack: no permission, a namespace that has gone.
process.once('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

function usage(problem: string): never {
  console.error(`${problem}\nusage: end-container-flows [--pid <pid>] [<address> ...]`);
  process.exit(2);
}

function argumentsOf() {
  try {
    return parseArgs({ options: { pid: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    return usage((error as Error).message);
  }
}

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === 'ENOENT'
        ? `there is no process ${pid}: pass the pid that the host has for a process of the container`
        : `the network namespace of process ${pid} cannot be read (${code}): run this as root`,
    );
  }
}

const { values, positionals: addresses } = argumentsOf();
const { pid } = values;
if (pid === undefined && addresses.length === 0) usage('no address and no pid is named');
const wrong = addresses.find((address) => isIP(address) === 0 || address.includes('%'));
if (wrong !== undefined) usage(`"${wrong}" is no address of a flow`);
if (pid !== undefined && !/^[1-9]\d{0,9}$/.test(pid)) usage(`"${pid}" is no pid`);
// With --network host the table of the container is that of the host.
if (pid !== undefined && namespaceOf(pid) === namespaceOf('self')) {
  throw new Error(`process ${pid} has no network namespace of its own: name addresses`);
}
// Opened before anything is deleted: it may fail.
const container =
  pid === undefined ? undefined : await Conntrack.open({ netns: { pid: Number(pid) } });

if (addresses.length > 0) {
  // An entry matches if any of its four addresses does: before NAT, and after.
  const stream = streamDeletes(addresses.map((address) => ({ address })));
  for await (const entry of stream) console.log(String(entry));
  const { deleted } = stream.counters;
  console.log('deleted on the host:', deleted);
  if (deleted === 0) console.log('no flow has such an address: is it the one of the container?');
}
if (container !== undefined) {
  const { deleted } = await container.flushEntries({ entries: true });
  console.log('deleted in the container:', deleted);
  await container.close();
}
