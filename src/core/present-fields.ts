/** The same object without the fields that are `undefined`. */
export function presentFields<T extends object>(fields: T): T {
  const present: Partial<T> = {};
  // Pairs of names and values would be most of the garbage of a million entries.
  for (const name of Object.keys(fields) as (keyof T)[]) {
    if (fields[name] !== undefined) present[name] = fields[name];
  }
  return present as T;
}
