/**
 * What the running kernel should have, as src/core/features.ts tells.
 */
import { release } from 'node:os';
import { FEATURES, type Feature } from '../../src/core/features.js';

export type FeatureName = keyof typeof FEATURES;

const [major = 0, minor = 0] = release().split('.').map(Number);

/** Such as `6.18`. */
export const series = `${major}.${minor}`;

/** By the kernels that it was seen on and not seen on, else by the version. */
export function hasFeature(name: FeatureName): boolean {
  const { seen, since, until }: Feature = FEATURES[name];
  if (seen?.on.includes(series)) return true;
  if (seen?.notOn?.includes(series)) return false;
  return (
    (since === undefined || compared(since) >= 0) && (until === undefined || compared(until) <= 0)
  );
}

/** The running kernel less the version. */
function compared(version: string): number {
  const [first = 0, second = 0] = version.split('.').map(Number);
  return major - first || minor - second;
}
