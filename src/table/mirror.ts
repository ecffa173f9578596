/**
 * The live copy of the table.
 *
 * @module
 */
import type { TableMirror } from '../mirror/mirror.js';
import { type MirrorOptions, mirrorOptionsOf } from '../mirror/options.js';
import { atMost, contextOf } from '../request/context.js';
import { getEntries, streamEntries } from './entries.js';
import { watchEvents } from './events.js';

/**
 * Opens a live copy of the table, or of a part of it, in memory: subscribes to events, reads the table,
 * and takes in the events that came meanwhile. Resolves when the copy is in step. See
 * {@link TableMirror} and {@link MirrorOptions}.
 *
 * From then on events keep it right. After a loss it reads the table again by itself. Flows that send
 * no events (`net.netfilter.nf_conntrack_events` was 0, or 2 and nobody listened, when they began) are
 * checked when their timeout is over and every `recheckInterval`.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @throws {@link ConntrackError} `EPERM` without CAP_NET_ADMIN, `ERR_CONNTRACK_UNSUPPORTED` where the
 * kernel has no ctnetlink, `ERR_CONNTRACK_FULL` when there are more than `maxEntries` flows.
 * @throws TypeError or RangeError for a wrong option or filter, naming the field.
 *
 * @example
 * ```ts
 * import { mirrorTable } from 'conntrack';
 *
 * await using mirror = await mirrorTable({ indexes: ['address'] });
 * console.log(mirror.size, 'flows', mirror.countBy('state'));
 * for (const flow of mirror.findAll({ address: '10.0.0.5' })) console.log(String(flow));
 * ```
 */
export async function mirrorTable(this: unknown, options?: MirrorOptions): Promise<TableMirror> {
  atMost(1, arguments);
  // A handle that is closed opens none.
  contextOf(this, 'mirrorTable');
  const checked = mirrorOptionsOf(options);
  // Its modules load when the first mirror opens: most programs have none.
  const { TableMirror } = await import('../mirror/mirror.js');
  return TableMirror.open(
    {
      watchEvents: (given) => watchEvents.call(this, given),
      streamEntries: (filter, given) => streamEntries.call(this, filter, given),
      getEntries: (keys) => getEntries.call(this, keys),
    },
    checked,
  );
}
