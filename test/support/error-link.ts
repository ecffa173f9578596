/** The advice of an error, with the link to its code that ends each hint. */
export function linked(code: string, advice?: string): string {
  const link = `See conntrack/docs/errors.md#${code.toLowerCase()}`;
  return advice === undefined ? link : `${advice}\n${link}`;
}
