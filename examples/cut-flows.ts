/**
 * Deletes all flows of the given addresses: in both directions, before and after NAT.
 *
 *   node out/examples/cut-flows.js [--dry-run] <address or network> ...
 */
import './support/end-of-pipe.js';
import { ConntrackError, deleteEntries, listEntries } from 'conntrack';

const args = process.argv.slice(2);
const addresses = args.filter((argument) => argument !== '--dry-run');
const dryRun = addresses.length < args.length;
if (addresses.length === 0) {
  console.error('usage: cut-flows [--dry-run] <address or network> ...');
  process.exit(2);
}

try {
  // An entry matches if any of its four addresses does. One pass serves all filters.
  const filters = addresses.map((address) => ({ address }));
  if (dryRun) for (const entry of await listEntries(filters)) console.log(String(entry));
  const { matched, deleted, vanished } = await deleteEntries(filters, { dryRun });
  const gone = vanished === 0 ? '' : `, ${vanished} had ended already`;
  console.log(dryRun ? `${matched} flows` : `${deleted} of ${matched} flows deleted${gone}`);
} catch (error) {
  // A wrong argument throws a TypeError or RangeError that names the field.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof ConntrackError ? 1 : 2;
}
