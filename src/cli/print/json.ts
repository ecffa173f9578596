/**
 * JSON for a line of output: of ASCII alone, because a terminal also obeys characters that JSON leaves as
 * they are.
 */

export const jsonLine = (value: unknown): string => ascii(JSON.stringify(value));

/** Text that is JSON, on one line or several. */
export function ascii(json: string): string {
  return json.replace(/[^\n\x20-\x7e]/g, escaped);
}

const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
