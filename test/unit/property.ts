/**
 * Properties: claims about any values. Each run tries the same values; `CONNTRACK_SEED=N` tries others,
 * and `CONNTRACK_PROPERTY_RUNS=N` so many.
 */
import fc from 'fast-check';

const SEED = Number(process.env.CONNTRACK_SEED ?? 1);
/** How many values each property is tried with. */
export const RUNS = Number(process.env.CONNTRACK_PROPERTY_RUNS ?? 400);

/** Fails where `check`, the last argument, throws for values of the arbitraries before it. */
export function holds<Values extends [unknown, ...unknown[]]>(
  ...given: [
    ...{ [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
    (...values: Values) => void,
  ]
): void {
  const check = given.pop() as (...values: Values) => void;
  const arbitraries = given as unknown as { [Index in keyof Values]: fc.Arbitrary<Values[Index]> };
  fc.assert(fc.property(...arbitraries, check), { seed: SEED, numRuns: RUNS });
}

/** The same of a check that waits, such as for the disk: with a tenth of the values. */
export async function holdsAsync<Value>(
  values: fc.Arbitrary<Value>,
  check: (value: Value) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(values, check), { seed: SEED, numRuns: Math.ceil(RUNS / 10) });
}

/** Any text, with what a terminal obeys and with halves of pairs. */
export const text = fc.string({ unit: 'binary', maxLength: 300 });
