/**
 * Checks of arguments that several kinds of them need. Each names the field.
 */
import { rangeError, typeError } from './errors.js';

export function uint16(value: unknown, field: string): number {
  return integer(value, field, 65535);
}

export function uint32(value: unknown, field: string): number {
  return integer(value, field, 0xffffffff);
}

export function integer(value: unknown, field: string, most: number, least = 0): number {
  if (typeof value !== 'number') throw typeError(field, 'must be a number');
  if (!Number.isInteger(value) || value < least || value > most) {
    throw rangeError(field, `must be an integer from ${least} to ${most}, not ${value}`);
  }
  return value;
}

/** An object that is no array. `what` says which. */
export function object(value: unknown, field: string, what = 'an object'): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw typeError(field, `must be ${what}`);
  }
  return value;
}

/** The same, with no field but these: a misspelled one would otherwise do nothing, in silence. */
export function objectOf<Name extends string>(
  value: unknown,
  field: string,
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  const fields = object(value, field);
  for (const name of Object.keys(fields)) {
    if (!names.some((known) => known === name)) {
      throw typeError(`${field}.${name}`, `no such field; there is ${names.join(', ')}`);
    }
  }
  return fields;
}
