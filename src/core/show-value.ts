/**
 * How messages show a value that somebody passed: never at length, and without running
 * any code of its own.
 */
import { types } from 'node:util';

const LONGEST = 60;

const BUILT_INS: readonly (readonly [is: (value: unknown) => boolean, name: string])[] = [
  [types.isProxy, 'a Proxy'],
  [(value) => Array.isArray(value), 'an array'],
  [types.isPromise, 'a Promise'],
  [types.isMap, 'a Map'],
  [types.isSet, 'a Set'],
  [types.isWeakMap, 'a WeakMap'],
  [types.isWeakSet, 'a WeakSet'],
  [types.isMapIterator, 'an iterator'],
  [types.isSetIterator, 'an iterator'],
  [types.isGeneratorObject, 'a generator'],
  [types.isDate, 'a Date'],
  [types.isRegExp, 'a RegExp'],
  [types.isNativeError, 'an Error'],
  [types.isAnyArrayBuffer, 'an ArrayBuffer'],
  [(value) => ArrayBuffer.isView(value), 'a view of an ArrayBuffer'],
  [types.isBoxedPrimitive, 'a boxed primitive'],
  [types.isArgumentsObject, 'the arguments of a function'],
  // Math, JSON, Reflect, modules
  [(value) => Object.hasOwn(value as object, Symbol.toStringTag), 'a namespace'],
];

/** The kind of a built-in object that is more than its properties. */
export function builtInName(value: object): string | undefined {
  return BUILT_INS.find(([is]) => is(value))?.[1];
}

export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > LONGEST
        ? `${JSON.stringify(value.slice(0, LONGEST))}...`
        : JSON.stringify(value);
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : (builtInName(value) ?? 'an object');
    default: {
      const text = typeof value === 'bigint' ? `${value}n` : String(value);
      return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
    }
  }
}

/** The same where another type was expected: a string in quotes could be taken for a name. */
export function shownAsOther(value: unknown): string {
  return typeof value === 'string' ? `the string ${shown(value)}` : shown(value);
}

/** The words as a choice: `'a', 'b' or 'c'`. */
export function either(words: readonly string[]): string {
  const quoted = words.map((word) => `'${word}'`);
  return [quoted.slice(0, -1).join(', '), quoted.at(-1)].filter(Boolean).join(' or ');
}

/** `; did you mean 'x'?`, when one of the words is nearly `word`. */
export function suggestion(word: string, words: readonly string[]): string {
  if (word.length > LONGEST) return '';
  const most = Math.min(Math.floor(word.length / 3), 3);
  const [nearest] = words
    .map((known) => ({ known, edits: editsBetween(word.toLowerCase(), known.toLowerCase()) }))
    .filter(({ edits }) => edits <= most)
    .sort((a, b) => a.edits - b.edits);
  return nearest === undefined ? '' : `; did you mean '${nearest.known}'?`;
}

/** Letters to insert, delete, replace, or exchange with the next one. */
function editsBetween(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          row > 1 && column > 1 && swapped ? at(beforeLast, column - 2) + 1 : Infinity,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] as number;
}
