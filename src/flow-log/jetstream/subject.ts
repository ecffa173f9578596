/**
 * Names become tokens of subjects.
 */
import { typeError } from '../../core/errors.js';

/** `decodeURIComponent()` returns the name again. */
export function hostToken(name: string, path: string): string {
  // Half of a pair has no bytes.
  if (/\p{Surrogate}/u.test(name)) throw typeError(path, 'must be well-formed Unicode');
  return encodeURIComponent(name).replace(
    /[.!~*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
