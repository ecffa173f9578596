/**
 * The order in which specifications of a list are sent.
 */
import { TUPLE } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { writeTuple } from '../record/tuple-writer.js';
import type { CheckedSpec } from './check-spec.js';

interface Item {
  readonly spec: CheckedSpec;
}

/**
 * Each item behind its master, if that is in the list, and otherwise as they are. The kernel looks
 * the master up when it creates an entry (ctnetlink_create_conntrack), and its own listing is in
 * the order of a hash.
 */
export function mastersFirst<T extends Item>(items: readonly T[]): readonly T[] {
  const byFlow = new Map(items.map((item) => [flowOf(item), item]));
  const ordered = new Set<T>();
  for (const item of items) {
    // The chain of masters, the last of which has none here; a set, for it may be a circle.
    const chain = new Set<T>();
    for (let next: T | undefined = item; next !== undefined; next = masterIn(byFlow, next)) {
      if (chain.has(next) || ordered.has(next)) break;
      chain.add(next);
    }
    for (const one of [...chain].reverse()) ordered.add(one);
  }
  return [...ordered];
}

function flowOf({ spec: { protocol, original, zone } }: Item): string {
  return keyOf(protocol, original, zone || original.zone);
}

function masterIn<T extends Item>(byFlow: ReadonlyMap<string, T>, { spec }: Item): T | undefined {
  const { master, zone, original } = spec;
  return master && byFlow.get(keyOf(master.protocol, master.tuple, zone || original.zone));
}

/** As the kernel compares: an address may be written in several ways. */
function keyOf(protocol: number, tuple: Tuple, zone = 0): string {
  const bytes = Buffer.alloc(TUPLE.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeTuple(view, 0, { ...tuple, zone: undefined }, protocol);
  return `${zone} ${bytes.toString('latin1')}`;
}
