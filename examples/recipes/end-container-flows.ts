/**
 * Deletes the flows of a container: by its addresses in the table of the host, and with the pid of one
 * of its processes all in its own table.
 *
 *   node end-container-flows.ts [--pid <pid>] [<address> ...]
 */
import '../support/end-of-pipe.js';
import { readlinkSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Conntrack, streamDeletes } from 'conntrack';

const { values, positionals: addresses } = parseArgs({
  options: { pid: { type: 'string' } },
  allowPositionals: true,
});
const { pid } = values;
if (pid === undefined && addresses.length === 0) {
  console.error('usage: end-container-flows [--pid <pid>] [<address> ...]');
  process.exit(2);
}

if (addresses.length > 0) {
  // An entry matches if any of its four addresses does: before NAT, and after.
  const stream = streamDeletes(addresses.map((address) => ({ address })));
  for await (const entry of stream) console.log(String(entry));
  console.log(stream.counters.deleted, 'flows deleted on the host');
}

if (pid !== undefined) {
  const namespaceOf = (process: string) => readlinkSync(`/proc/${process}/ns/net`);
  // With --network host the table of the container is that of the host.
  if (namespaceOf(pid) === namespaceOf('self')) {
    throw new Error(`process ${pid} has no network namespace of its own: name addresses`);
  }
  await using container = await Conntrack.open({ netns: { pid: Number(pid) } });
  const { deleted } = await container.flushEntries({ entries: true });
  console.log(deleted, 'flows deleted in the container');
}
