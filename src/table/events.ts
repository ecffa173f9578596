/**
 * Events of the table.
 *
 * @module
 */

import type { WatchOptions } from '../event/event.js';
import { type EventStream, openStream } from '../event/stream.js';
import { atMost, contextOf } from '../request/context.js';

/**
 * Subscribes to events: the kernel creates (`new`), changes (`update`) or removes (`destroy`)
 * an entry. The stream is subscribed when the function returns. See {@link EventStream} and
 * {@link WatchOptions}.
 *
 * Under the kernel's default, flows that began while nobody listened send no events. A process
 * warning (`CONNTRACK_SILENT_FLOWS`) says so once where a stream asks for `update` or `destroy` and not
 * for `new`; `coverage` has the setting.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @throws {@link ConntrackError} `EPERM` without CAP_NET_ADMIN, `ERR_CONNTRACK_UNSUPPORTED`
 * where the kernel has no netfilter netlink.
 * @throws TypeError or RangeError for a wrong option or filter, naming the field.
 *
 * @example
 * ```ts
 * import { watchEvents } from 'conntrack';
 *
 * for await (const event of watchEvents({ events: ['new', 'destroy'] })) {
 *   if (event.type === 'lost') console.warn('missed', event.count, 'events');
 *   else if ('entry' in event) console.log(event.type, String(event.entry));
 * }
 * ```
 */
export function watchEvents(this: unknown, options?: WatchOptions): EventStream {
  atMost(1, arguments);
  return openStream('watchEvents', contextOf(this, 'watchEvents'), options);
}
