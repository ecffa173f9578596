/**
 * Colours: those of the terminal's own palette, which are readable on light and dark. They are for
 * terminals, and never where NO_COLOR is set.
 */
import type { World } from '../world.js';

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  inverse: [7, 27],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;

export type Style = keyof typeof CODES;

/** Puts a text into colour, or leaves it. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_style, text) => text;

const coloured: Paint = (style, text) => {
  const [begin, end] = CODES[style];
  return text === '' ? '' : `\u001b[${begin}m${text}\u001b[${end}m`;
};

/** https://no-color.org: a NO_COLOR that is not empty. */
export function paintOf({ out, env }: World, isRefused: boolean): Paint {
  const isAllowed = (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb' && !isRefused;
  return out.isTTY === true && isAllowed ? coloured : plain;
}
