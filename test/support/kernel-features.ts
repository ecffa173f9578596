/**
 * What the running kernel should have, as src/core/features.ts tells.
 */
import { release } from 'node:os';
import { FEATURES, type Feature } from '../../src/core/features.js';

export type FeatureName = keyof typeof FEATURES;

/** Such as `6.18`. */
export const series = release().split('.').slice(0, 2).join('.');

export function hasFeature(name: FeatureName): boolean {
  const feature: Feature = FEATURES[name];
  return isOn(feature, series);
}

/** Whether a kernel of that series has it. */
export function isOn(
  { notOn, since, until }: Pick<Feature, 'notOn' | 'since' | 'until'>,
  kernel: string,
): boolean {
  if (notOn?.includes(kernel)) return false;
  return (
    (since === undefined || compared(kernel, since) >= 0) &&
    (until === undefined || compared(kernel, until) <= 0)
  );
}

/** Below 0: `a` is older than `b`. */
export function compared(a: string, b: string): number {
  const [first, second] = [a, b].map((version) => version.split('.').map(Number));
  const difference = first?.map((part, index) => part - (second?.[index] ?? 0));
  return difference?.find((one) => one !== 0) ?? 0;
}
