/**
 * Texts in so many columns of a terminal.
 */

/** Stands where a text was cut. */
const CUT = '~';

/** Cut at its end. */
export function cutAtEnd(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return columns <= 0 ? '' : text.slice(0, columns - 1) + CUT;
}

/** Cut in its middle: the end of an address, with its port, says more. */
export function cutInMiddle(text: string, columns: number): string {
  if (text.length <= columns) return text;
  const end = Math.max(0, Math.floor((columns - 1) / 2));
  return columns <= 0 ? '' : text.slice(0, columns - 1 - end) + CUT + text.slice(text.length - end);
}

/** A text on the left and one on the right; the left one is cut where there is no room. */
export function apart(left: string, right: string, columns: number): string {
  const room = columns - right.length - 1;
  if (room < 1) return cutAtEnd(left, columns);
  return `${cutAtEnd(left, room).padEnd(room)} ${right}`;
}
