/**
 * Entries as keys of a Map.
 *
 * @module
 */
import { typeError } from '../core/errors.js';
import { shown } from '../core/show-value.js';
import type { Tuple } from '../record/tuple.js';

/** What an entry, what its `toJSON()` returns, and a record of a flow log have. */
export interface KeyedFlow {
  readonly id: number;
  readonly protocolNumber: number;
  /** Of both directions. */
  readonly zone: number;
  readonly original: Tuple;
}

/**
 * Returns a text that names the flow of an entry: a key for a `Map` or a `Set`. The text consists of
 * the id, the protocol, the zone and the original tuple, which do not change while the flow lives:
 * entries of a list, an event and a mirror have the same key if they are of the same flow.
 *
 * Two flows that exist at the same time in one network namespace have two keys. A flow that begins
 * after another one has ended on the same tuple has the same key if the kernel gives it the same id,
 * which is often so. Compare `startTimeNs`, where timestamps are on, to tell the two apart; it is not
 * in the key, because NEW and UPDATE events lack it.
 *
 * Takes an entry, what its `toJSON()` returns, or a record of a flow log. A later version may write
 * another text: do not store it.
 *
 * @throws TypeError for something else.
 *
 * @example
 * ```ts
 * import { entryKey, watchEvents } from 'conntrack';
 *
 * const began = new Map<string, number>();
 * for await (const event of watchEvents({ events: ['new', 'destroy'] })) {
 *   if (event.type === 'new') began.set(entryKey(event.entry), Date.now());
 *   else if (event.type === 'destroy') began.delete(entryKey(event.entry));
 *   console.log(began.size, 'flows have begun and not ended');
 * }
 * ```
 */
export function entryKey(entry: KeyedFlow): string {
  // JavaScript may pass anything, and the spread of a view has no fields.
  const { protocolNumber, zone, original, id } = Object(entry) as Partial<KeyedFlow>;
  if (typeof id !== 'number' || typeof original?.source !== 'string') {
    throw typeError('entry', `must be an entry, or what its toJSON() returns, not ${shown(entry)}`);
  }
  const { source, destination, sourcePort, icmp, sourceKey } = original;
  const flow = `${id} ${protocolNumber} ${original.zone ?? zone} ${source} ${destination}`;
  if (sourcePort !== undefined) return `${flow} ${sourcePort} ${original.destinationPort}`;
  if (icmp !== undefined) return `${flow} ${icmp.type} ${icmp.code} ${icmp.id}`;
  return sourceKey === undefined ? flow : `${flow} ${sourceKey} ${original.destinationKey}`;
}
