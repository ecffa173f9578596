import { type Given, lastValue } from '../line/parse.js';
import { numberIn } from './values.js';

/** After how many the command ends. */
export function limitIn(given: Given): number {
  const text = lastValue(given, 'limit');
  if (text === undefined) return Number.POSITIVE_INFINITY;
  return numberIn(text, Number.MAX_SAFE_INTEGER, '--limit');
}
