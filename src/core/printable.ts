/**
 * Text from outside on its way to a person: the kernel copies names that a program has sent it, and a
 * path has any bytes. A terminal obeys control characters, and bidirectional ones reorder a line.
 */

/** Control and format characters, line separators, and halves of a pair. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Those that `inspect` leaves as they are; its own colours and lines are made of the others. */
const OBEYED_IN_INSPECT = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text with an escape such as `\u001b` for what a terminal does not show. */
export function printable(text: string): string {
  return text.replace(OBEYED, escaped);
}

/** The same of text with lines of our own. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** The same of what `inspect` has made. */
export function printableInspection(text: string): string {
  return text.replace(OBEYED_IN_INSPECT, escaped);
}

function escaped(character: string): string {
  const hex = (character.codePointAt(0) as number).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}
