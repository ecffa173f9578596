/**
 * Whether memory is flat.
 */

export interface Point {
  readonly second: number;
  readonly value: number;
}

/** By how much the line through the second half of the points grows over that half. */
export function growthOf(points: readonly Point[]): number {
  const half = secondHalf(points);
  return slopeOf(half) * ((half.at(-1)?.second ?? 0) - (half[0]?.second ?? 0));
}

/** The line at each of the points; null before the second half. */
export function lineOf(points: readonly Point[]): (number | null)[] {
  const half = secondHalf(points);
  const slope = slopeOf(half);
  const base = medianOf(half.map(({ second, value }) => value - slope * second));
  return points.map((point) => (half.includes(point) ? base + slope * point.second : null));
}

function secondHalf(points: readonly Point[]): readonly Point[] {
  const middle = ((points[0]?.second ?? 0) + (points.at(-1)?.second ?? 0)) / 2;
  return points.filter(({ second }) => second >= middle);
}

/** That of Theil and Sen, the median of the slopes of all pairs: some points far off do not turn it. */
function slopeOf(points: readonly Point[]): number {
  return medianOf(
    points.flatMap((one, index) =>
      points
        .slice(index + 1)
        .map((other) => (other.value - one.value) / (other.second - one.second)),
    ),
  );
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const low = sorted[(sorted.length - 1) >> 1] ?? 0;
  return (low + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
