/**
 * Events of the table.
 *
 * @module
 */

import { uint32 } from '../core/check.js';
import { Interruptible } from '../core/interruptible.js';
import type { NamespaceId, OriginProgram, WatchOptions } from '../event/event.js';
import { namespaceIdsOf } from '../event/namespaces.js';
import { originOf } from '../event/origin.js';
import { type EventStream, openStream } from '../event/stream.js';
import { atMost, contextOf, within } from '../request/context.js';

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

/**
 * Returns the program that has the netlink port id `originPortId` of an event now, or `undefined`:
 * for 0, which means a packet or timer; for a program that has ended or closed its socket, such as
 * `conntrack -D`; and for one that this process may not look into. A port id is usually the process
 * id, but need not be: this looks up the socket in /proc/net/netlink, and the process that has it
 * open.
 *
 * Port ids are those of one network namespace: ask the handle whose stream had the event, and for an
 * event with `netns` a handle on that namespace. A new socket may have the port id of one that was
 * closed, so ask soon. Where several processes share the socket, it is one of them.
 *
 * The first look for a socket may read the links of all open files of all processes, on the thread
 * pool, some 25 µs each; the next ones cost two small files and a link.
 *
 * Privileges: CAP_SYS_PTRACE for programs of other users. Without it they are `undefined`.
 *
 * @throws {@link ConntrackError} when /proc/net/netlink cannot be read.
 * @throws TypeError or RangeError for what is no port id.
 *
 * @example
 * ```ts
 * import { findOrigin, watchEvents } from 'conntrack';
 *
 * for await (const event of watchEvents({ events: ['destroy'] })) {
 *   if (event.type !== 'destroy' || event.originPortId === 0) continue;
 *   const program = await findOrigin(event.originPortId);
 *   console.log(String(event.entry), 'deleted by', program?.name ?? event.originPortId);
 * }
 * ```
 */
export async function findOrigin(
  this: unknown,
  originPortId: number,
): Promise<OriginProgram | undefined> {
  atMost(1, arguments);
  return within(this, 'findOrigin', async ({ netns }) =>
    originOf('findOrigin', netns, uint32(originPortId, 'originPortId')),
  );
}

/**
 * Returns the network namespaces that this one has an id for, which are those whose events
 * `allNamespaces` adds, with names, paths and processes, in the order of the ids. It asks the kernel
 * for the id of each namespace in /run/netns, in /run/docker/netns and of each process in /proc
 * (`RTM_GETNSID`), off the main thread. A namespace that has neither, such as one that a socket keeps
 * alive, is left out.
 *
 * Ids are those of one network namespace: those of a handle are what `netns` of its events means. The
 * kernel may give the id of a namespace that has ended to a newer one.
 *
 * Privileges: those of reading the files, CAP_SYS_PTRACE for processes of other users. Those that may
 * not be read are left out.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where a sandbox forbids netlink sockets.
 *
 * @example
 * ```ts
 * import { listNamespaceIds, watchEvents } from 'conntrack';
 *
 * const names = new Map((await listNamespaceIds()).map(({ id, name, path }) => [id, name ?? path]));
 * for await (const event of watchEvents({ events: ['new'], allNamespaces: true }))
 *   if ('entry' in event && event.netns !== undefined)
 *     console.log(names.get(event.netns) ?? event.netns, String(event.entry));
 * ```
 */
export async function listNamespaceIds(this: unknown): Promise<NamespaceId[]> {
  atMost(0, arguments);
  const operation = 'listNamespaceIds';
  return within(this, operation, async (context) => {
    const waiting = new Interruptible(operation, undefined);
    return context.during(waiting, () => waiting.wait(namespaceIdsOf(operation, context.netns)));
  });
}
