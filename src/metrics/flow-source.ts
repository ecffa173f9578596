/**
 * A mirror as a source of metrics: the groups of flows, and what it knows at a moment.
 *
 * @module
 */
import { arrayOf, type Check, integer, object, optional, word } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { CountedBy } from '../mirror/groups.js';
import type { TableMirror } from '../mirror/mirror.js';
import { FLOW_METRICS, type Metric, MIRROR_METRICS, type MirrorReading } from './definitions.js';

/** What metrics ask of a mirror. */
export type MeasuredMirror = Pick<
  TableMirror,
  'size' | 'synced' | 'resyncs' | 'staleFor' | 'outOfSyncFor' | 'countBy'
>;

/** A group of flows: what they are counted by, or that and how many of the largest counts. */
export type FlowGroup =
  | CountedBy
  | {
      /** What the flows are counted by. All but `state` and `protocol` need that index. */
      readonly by: CountedBy;
      /** How many of the largest counts have a value of their own. Default: 50. */
      readonly limit?: number | undefined;
    };

/** A mirror, and what is measured of it. */
export interface FlowSource {
  readonly mirror: MeasuredMirror;
  readonly groups: readonly { readonly by: CountedBy; readonly limit: number }[];
  readonly metrics: readonly Metric<MirrorReading>[];
}

const DEFAULT_GROUPS: readonly FlowGroup[] = ['state', 'protocol'];

const named = word(Object.keys(FLOW_METRICS) as CountedBy[]);
const limited = object<Exclude<FlowGroup, string>>(
  { by: named, limit: optional(integer(1, 2 ** 31 - 1)) },
  'a name or { by, limit }',
);
const group: Check<FlowGroup> = (value, path) =>
  typeof value === 'string' ? named(value, path) : limited(value, path);
export const flowGroups = arrayOf(group);

/**
 * Checks that the mirror has what the groups need. One that has ended may: it is reported by each
 * collection, as a table is that cannot be read.
 */
export function flowSourceOf(
  mirror: MeasuredMirror | undefined,
  groups: readonly FlowGroup[] | undefined,
): FlowSource | undefined {
  if (mirror === undefined) {
    if (groups !== undefined) throw typeError('options.groups', 'needs options.mirror');
    return undefined;
  }
  const asked = (groups ?? DEFAULT_GROUPS).map((given) => {
    const { by, limit = LIMITS.keysInGroup } = typeof given === 'string' ? { by: given } : given;
    return { by, limit };
  });
  for (const [index, { by }] of asked.entries()) {
    const path = `options.groups[${index}]`;
    if (asked.findIndex((other) => other.by === by) < index) {
      throw typeError(path, `'${by}' is there twice`);
    }
    if (lacks(mirror, by)) {
      throw typeError(path, `needs the index '${by}': mirrorTable({ indexes: ['${by}'] })`);
    }
  }
  const metrics = [...MIRROR_METRICS, ...asked.map(({ by }) => FLOW_METRICS[by])];
  return { mirror, groups: asked, metrics };
}

export function isOpen(mirror: MeasuredMirror): boolean {
  try {
    return mirror.size >= 0;
  } catch {
    return false;
  }
}

function lacks(mirror: MeasuredMirror, by: CountedBy): boolean {
  if (!isOpen(mirror)) return false;
  try {
    mirror.countBy(by, { limit: 1 });
    return false;
  } catch (error) {
    if (error instanceof TypeError) return true;
    throw error;
  }
}

/** What the mirror knows now. Throws what its methods throw once it has ended. */
export function readMirror({ mirror, groups }: FlowSource): MirrorReading {
  const { size, synced, resyncs, staleFor, outOfSyncFor } = mirror;
  const counts = groups.map(
    ({ by, limit }) => [by, mirror.countBy(by, { limit, other: true })] as const,
  );
  return { size, synced, resyncs, staleFor, outOfSyncFor, groups: new Map(counts) };
}
