/**
 * The number in a file of /proc. `undefined` when there is none: a container hides a file by
 * mounting /dev/null over it, and then its text is empty.
 */
export function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*-?\d+\s*$/.test(text) ? Number(text) : undefined;
}
