/**
 * The line of `conntrack -L expect`, as conntrack-tools 1.4.7 with
 * libnetfilter_conntrack 1.0.9 prints it.
 */

import { EXPECTATION_FLAGS } from '../core/names.js';
import { shownName, tupleWords } from '../entry/line.js';
import type { Expectation } from './expectation.js';

/** @param hasZone whether the kernel sent a zone */
export function expectationLine(expectation: Expectation, hasZone: boolean): string {
  const { protocolNumber, tuple, mask, master, flags } = expectation;
  const parts = [`${expectation.timeout ?? 0} proto=${protocolNumber}`];
  parts.push(tupleWords(tuple, protocolNumber));
  parts.push(tupleWords(mask, protocolNumber, 'mask-'));
  parts.push(tupleWords(master, master.protocolNumber, 'master-'));
  if (hasZone) parts.push(`zone=${expectation.zone}`);
  const words = EXPECTATION_FLAGS.filter((flag) => flags[flag]);
  if (words.length > 0) parts.push(words.join(',').toUpperCase());
  if (expectation.class !== undefined) parts.push(`class=${expectation.class}`);
  const helper = shownName(expectation.helper);
  if (helper !== undefined) parts.push(`helper=${helper}`);
  return parts.join(' ');
}
