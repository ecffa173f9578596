/**
 * The names of labels, which are read where a command line is about labels.
 */
import { ConntrackError, readLabelNames } from '../../index.js';
import type { CommandLine, Given } from '../line/parse.js';
import type { LabelBits } from './values.js';

export interface Labels {
  readonly byBit: ReadonlyMap<number, string>;
  readonly bits: LabelBits;
}

const NONE: Labels = { byBit: new Map(), bits: new Map() };

export async function labelsFor({ given, alternatives }: CommandLine): Promise<Labels> {
  const isAbout = (one: Given) => (one.labels ?? one.labelsSet ?? one.labelsClear) !== undefined;
  const everywhere = [given, ...alternatives.flatMap(({ all, not }) => [all, ...not])];
  const isShown = given.output?.some((text) => text.split(',').includes('labels'));
  return isShown === true || everywhere.some(isAbout) ? readLabels() : NONE;
}

/** Without a file no label has a name. */
export async function readLabels(): Promise<Labels> {
  try {
    const { byBit } = await readLabelNames();
    return { byBit, bits: new Map([...byBit].map(([bit, name]) => [name, bit])) };
  } catch (error) {
    if (error instanceof ConntrackError && error.code === 'ENOENT') return NONE;
    throw error;
  }
}
