/**
 * The first of many, the largest first, without sorting all of them.
 */
export function largest<Name, Value>(
  limit: number,
  all: Iterable<readonly [Name, Value]>,
  firstOf: (value: Value) => number,
  secondOf: (value: Value) => number = () => 0,
): (readonly [Name, Value])[] {
  const isLarger = (one: Value, other: Value) =>
    firstOf(one) - firstOf(other) || secondOf(one) - secondOf(other);
  const kept: (readonly [Name, Value])[] = [];
  for (const item of all) {
    const last = kept.at(-1);
    if (kept.length === limit && last !== undefined && isLarger(item[1], last[1]) <= 0) continue;
    // Of equals the first one stays first.
    const found = kept.findIndex(([, value]) => isLarger(item[1], value) > 0);
    kept.splice(found === -1 ? kept.length : found, 0, item);
    kept.length = Math.min(kept.length, limit);
  }
  return kept;
}
