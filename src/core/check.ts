/**
 * The one validator. A check takes a value of an argument and the path that names it, and gives
 * a typed copy; each property is read once, so that nothing can change afterwards. What is
 * wrong is a TypeError or a RangeError that names the field.
 */
import { types } from 'node:util';
import { rangeError, typeError } from './errors.js';
import { builtInName, either, shown, shownAsOther, suggestion } from './show-value.js';

export type Check<T> = (value: unknown, path: string) => T;

/** A check for each field; `optional` for those that may be absent. */
export type Checks<T> = {
  readonly [Name in keyof T]-?: Check<object extends Pick<T, Name> ? T[Name] | undefined : T[Name]>;
};

/** The fields that an object has of those that it may have; nothing is inherited. */
export type Fields<Name extends string> = Partial<Record<Name, unknown>>;

/** An object of several forms: a plain one with the named fields, or a view, such as an entry. */
interface RecordForm<Name extends string> {
  /** Its description in messages. */
  readonly expected: string;
  /** The kind of view that will do, as markAsView() names it. */
  readonly view?: string;
  /** Fields that a plain object may have besides; nothing reads them. */
  readonly others?: readonly string[];
  /** A plain object without any of these fields is probably the spread of a view. */
  readonly needs?: readonly string[];
  /** How its fields are read where it is read for each of a million specifications. */
  readonly copy?: FieldCopy<Name>;
}

/**
 * Copies fields by names that are in the code. V8 takes several times as long for a name in a
 * variable, where objects of many shapes pass.
 */
export interface FieldCopy<Name extends string> {
  /** All that there may be, undefined. */
  empty(): Fields<Name>;
  field(to: Fields<Name>, from: Fields<Name>, name: Name): void;
}

const anyCopy: FieldCopy<string> = {
  empty: () => new Bare(),
  field: (to, from, name) => {
    to[name] = from[name];
  },
};

const PLAIN = 'a plain object';

/** Checks that need not be called for what is absent. */
const optionals = new WeakSet<Check<unknown>>();

/** Checks as lists, made once: validation runs for each of a million specifications. */
const lists = new WeakMap<object, readonly NamedCheck[]>();

interface NamedCheck {
  readonly name: string;
  readonly check: Check<unknown>;
  readonly isOptional: boolean;
}

/**
 * An object that inherits nothing, whatever others have done to Object.prototype. V8 makes it
 * fast, unlike one from Object.create(null).
 */
class Bare {
  [name: string]: unknown;
}
Object.setPrototypeOf(Bare.prototype, null);
Reflect.deleteProperty(Bare.prototype, 'constructor');

/** The named fields of a plain object that has no others: a misspelled one would do nothing. */
export function objectOf<Name extends string>(
  value: unknown,
  path: string,
  names: readonly Name[],
  expected = PLAIN,
): Fields<Name> {
  const object = objectFrom(value, path, expected);
  return readOf(object, path, presentOf(object, path, names, [], expected));
}

/** The named fields of a record. */
export function recordOf<Name extends string>(
  value: unknown,
  path: string,
  names: readonly Name[],
  { expected, view, others = [], needs = [], copy = anyCopy }: RecordForm<Name>,
): Fields<Name> {
  const object = objectFrom(value, path, expected);
  const prototype = prototypeOf(object, path);
  const kind = viewOfClass(prototype, path);
  if (kind !== undefined) {
    if (kind === view) return readOf(object, path, names, copy);
    throw typeError(path, `must be ${expected}, not ${kind}`);
  }
  const present = presentOf(object, path, names, others, expected, prototype);
  const fields = readOf(object, path, present, copy);
  const [first, ...rest] = needs;
  if (first !== undefined && needs.every((name) => fields[name as Name] === undefined)) {
    const missing = `is missing, as is any of ${rest.join(', ')}`;
    const hint = `${view} has no properties of its own, so spread what toJSON() returns`;
    throw typeError(`${path}.${first}`, `${missing}; ${hint}`);
  }
  return fields;
}

/** A plain object with these fields. */
export function object<T extends object>(checks: Checks<T>, expected = PLAIN): Check<T> {
  const list = listOf(checks);
  const names = namesOf(checks);
  return (value, path) => {
    const object: Fields<string> = objectFrom(value, path, expected);
    const present: readonly string[] = presentOf(object, path, names, [], expected);
    const all = new Bare();
    for (const { name, check, isOptional } of list) {
      const field = present.includes(name) ? readField(object, path, name) : undefined;
      if (field === undefined && isOptional) continue;
      const result = check(field, `${path}.${name}`);
      if (result !== undefined) all[name] = result;
    }
    return all as T;
  };
}

/** A record with these fields. */
export function record<T extends object>(
  checks: Checks<T>,
  form: RecordForm<keyof T & string>,
): Check<T> {
  const names = namesOf(checks);
  return (value, path) => checked(recordOf(value, path, names, form), path, checks);
}

/** The fields of an object, each by its check; those that are undefined are absent. */
export function checked<T extends object>(
  given: Fields<keyof T & string>,
  path: string,
  checks: Checks<T>,
): T {
  const all = new Bare();
  for (const { name, check, isOptional } of listOf(checks)) {
    const value = (given as Fields<string>)[name];
    if (value === undefined && isOptional) continue;
    const result = check(value, `${path}.${name}`);
    if (result !== undefined) all[name] = result;
  }
  return all as T;
}

/** A field that may be absent. `name`: with its dot, which saves one of two concatenations. */
export function field<T>(
  check: Check<T>,
  value: unknown,
  path: string,
  name: `.${string}`,
): T | undefined {
  return value === undefined ? undefined : check(value, path + name);
}

/** Options, which may be left out altogether. */
export function options<T extends object>(checks: Checks<T>): (value: T | undefined) => Partial<T> {
  const check = object(checks);
  return (value) => (value === undefined ? {} : check(value, 'options'));
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  const either: Check<T | undefined> = (value, path) =>
    value === undefined ? undefined : check(value, path);
  optionals.add(either);
  return either;
}

export function arrayOf<T>(check: Check<T>, expected = 'an array'): Check<T[]> {
  return (value, path) =>
    itemsOf(value, path, expected).map((item, index) => check(item, `${path}[${index}]`));
}

/** The items, each read once. */
export function itemsOf(
  value: unknown,
  path: string,
  expected = 'an array',
  most = Number.POSITIVE_INFINITY,
): unknown[] {
  if (!isArray(value, path)) throw typeError(path, `must be ${expected}, not ${shown(value)}`);
  const items: unknown[] = [];
  let length = 0;
  try {
    length = value.length;
    if (length <= most) for (let index = 0; index < length; index++) items.push(value[index]);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (length > most) {
    throw rangeError(path, `must have at most ${most} items, not ${length}; make several calls`);
  }
  return items;
}

export function isArray(value: unknown, path: string): value is unknown[] {
  // In place, here and below: a closure for reading() would cost more than what it does.
  try {
    return Array.isArray(value);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

export function number(expected: string, isIt: (value: number) => boolean): Check<number> {
  return (value, path) => {
    if (typeof value !== 'number') {
      throw typeError(path, `must be ${expected}, not ${shownAsOther(value)}`);
    }
    if (!isIt(value)) throw rangeError(path, `must be ${expected}, not ${value}`);
    return value;
  };
}

export function integer(least: number, most: number): Check<number> {
  return number(
    `an integer from ${least} to ${most}`,
    (value) => Number.isInteger(value) && value >= least && value <= most,
  );
}

export const uint8 = integer(0, 0xff);
export const uint16 = integer(0, 0xffff);
export const uint32 = integer(0, 0xffffffff);
export const int32 = integer(-(2 ** 31), 2 ** 31 - 1);

/** Seconds that something new gets: 0, which is left of what is in its last one, counts as 1. */
export const newTimeout: Check<number> = (value, path) => Math.max(1, uint32(value, path));

/** A count of 64 bits: a number, as counters are, or a bigint. */
export const uint64: Check<bigint> = (value, path) => {
  const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!isWhole) throw typeError(path, `must be an integer or a bigint, not ${shownAsOther(value)}`);
  const whole = BigInt(value as number | bigint);
  if (whole < 0n || whole >= 1n << 64n) {
    throw rangeError(path, `must be from 0 to 2 ** 64 - 1, not ${shown(value)}`);
  }
  return whole;
};

/** Both ends are included; one of them may be left out. */
export interface Range<T> {
  readonly from: T | undefined;
  readonly to: T | undefined;
}

export function rangeOf<T extends number | bigint>(check: Check<T>): Check<Range<T>> {
  const ends = object<Range<T>>({ from: optional(check), to: optional(check) }, '{ from, to }');
  return (value, path) => {
    const range = ends(value, path);
    const { from, to } = range;
    if (from !== undefined && to !== undefined && from > to) {
      throw rangeError(path, `from must not exceed to: ${from}, ${to}`);
    }
    return range;
  };
}

export const boolean: Check<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw typeError(path, `must be a boolean, not ${shown(value)}`);
  return value;
};

export function word<Word extends string>(words: readonly Word[], hint = ''): Check<Word> {
  return (value, path) => {
    if (words.includes(value as Word)) return value as Word;
    const meant = typeof value === 'string' ? suggestion(value, words) : '';
    throw typeError(path, `must be ${either(words)}, not ${shown(value)}${meant}${hint}`);
  };
}

/** A set of so many bits. */
export function bits(count: number): Check<bigint> {
  return (value, path) => {
    if (typeof value !== 'bigint') throw typeError(path, `must be a bigint, not ${shown(value)}`);
    if (value < 0n || value >= 1n << BigInt(count)) {
      throw rangeError(path, `must have no bit above ${count - 1}, not ${shown(value)}`);
    }
    return value;
  };
}

/** A text whose length the kernel limits, in bytes. */
export function text(least: number, most: number): Check<string> {
  return (value, path) => {
    const length = typeof value === 'string' ? Buffer.byteLength(value) : -1;
    if (length < least || length > most || (value as string).includes('\0')) {
      const expected = `a string of ${least} to ${most} bytes without NUL`;
      throw typeError(path, `must be ${expected}, not ${shown(value)}`);
    }
    return value as string;
  };
}

/** A number of 32 bits, or those of its bits that a mask has. */
export interface Masked {
  readonly value: number;
  readonly mask: number;
}

const maskedNumber = object<Masked>(
  { value: uint32, mask: uint32 },
  'an integer from 0 to 4294967295 or { value, mask }',
);

export const masked: Check<number | Masked> = (given, path) => {
  if (typeof given === 'number') return uint32(given, path);
  const { value, mask } = maskedNumber(given, path);
  if ((value & ~mask) !== 0) throw rangeError(`${path}.value`, 'has bits outside the mask');
  return { value, mask };
};

/** A plain object with any fields. */
export const dictionary: Check<Readonly<Record<string, unknown>>> = (value, path) => {
  const object = objectFrom(value, path, PLAIN);
  const names = namesIn(object, path);
  requirePlain(object, path, PLAIN, builtInName(object));
  return readOf(object, path, names);
};

/** An object that does something: by what it has, because it may be of another realm or library. */
export function instance<T extends object>(
  expected: string,
  isIt: (value: { readonly [Name in keyof T]?: unknown }) => boolean,
): Check<T> {
  return (value, path) => {
    const is = typeof value === 'object' && value !== null && reading(path, () => isIt(value));
    if (!is) throw typeError(path, `must be ${expected}, not ${shown(value)}`);
    return value as T;
  };
}

export const signal = instance<AbortSignal>(
  'an AbortSignal',
  ({ aborted, addEventListener, removeEventListener }) =>
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function',
);

/** Views of every copy of the package that is loaded. */
const VIEW = Symbol.for('conntrack.view');

/** Makes the instances of a class acceptable as records, by their getters. `kind`: with article. */
export function markAsView({ prototype }: { readonly prototype: object }, kind: string): void {
  Object.defineProperty(prototype, VIEW, { value: kind });
}

/** The kind of a view, such as `an entry`; `undefined` for everything else. */
export function viewOf(value: object, path: string): string | undefined {
  return viewOfClass(prototypeOf(value, path), path);
}

function viewOfClass(prototype: object | null, path: string): string | undefined {
  // Nearly always.
  if (prototype === Object.prototype) return undefined;
  try {
    return (prototype as { readonly [VIEW]?: string } | null)?.[VIEW];
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function prototypeOf(value: object, path: string): object | null {
  try {
    return Object.getPrototypeOf(value) as object | null;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

export function hasField(value: object, path: string, name: string): boolean {
  return reading(path, () => Object.hasOwn(value, name));
}

/** `builtIn`: what else it may be, whatever its prototype is. */
function requirePlain(
  object: object,
  path: string,
  expected: string,
  builtIn?: string,
  prototype = prototypeOf(object, path),
): void {
  const isBuiltIn = builtIn !== undefined && !types.isProxy(object);
  if (!isBuiltIn && isOfNoClass(object, path, prototype)) return;
  const kind = viewOf(object, path) ?? builtIn ?? 'an instance of a class';
  throw typeError(path, `must be ${expected}, not ${kind}`);
}

/** Of this realm or another. */
function isOfNoClass(value: object, path: string, prototype: object | null): boolean {
  if (prototype === Object.prototype) return true;
  try {
    return prototype === null ? !isRoot(value) : isRoot(prototype);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Tells the Object.prototype of a realm from an object that inherits nothing. */
function isRoot(value: object): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value, 'isPrototypeOf');
}

/** All, enumerable or not: what is there and would do nothing is a mistake. */
function namesIn(object: object, path: string): string[] {
  try {
    return Object.getOwnPropertyNames(object);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function objectFrom(value: unknown, path: string, expected: string): object {
  if (typeof value === 'object' && value !== null && !isArray(value, path)) return value;
  throw typeError(path, `must be ${expected}, not ${shownAsOther(value)}`);
}

/** The fields to read of a plain object that has only those that it may have. */
function presentOf<Name extends string>(
  object: object,
  path: string,
  names: readonly Name[],
  others: readonly string[],
  expected: string,
  prototype?: object | null,
): readonly Name[] {
  const present = namesIn(object, path);
  const isNamed = (name: string): name is Name => (names as readonly string[]).includes(name);
  let unknown: string | undefined;
  let hasOthers = false;
  for (const name of present) {
    if (isNamed(name)) continue;
    if (others.includes(name)) hasOthers = true;
    else unknown ??= name;
  }
  // Only what has none of the fields can be something else in disguise.
  const hasFields = unknown === undefined && present.length > 0;
  const builtIn = hasFields ? undefined : builtInName(object);
  requirePlain(object, path, expected, builtIn, prototype);
  if (unknown !== undefined) throw unknownField(path, unknown, names);
  return hasOthers ? present.filter(isNamed) : (present as Name[]);
}

function readOf<Name extends string>(
  object: Fields<Name>,
  path: string,
  names: readonly Name[],
  copy: FieldCopy<Name> = anyCopy,
): Fields<Name> {
  const fields = copy.empty();
  let reading = '';
  try {
    for (const name of names) {
      reading = name;
      copy.field(fields, object, name);
    }
  } catch (cause) {
    throw unreadable(`${path}.${reading}`, cause);
  }
  return fields;
}

function readField<Name extends string>(object: Fields<Name>, path: string, name: Name): unknown {
  try {
    return object[name];
  } catch (cause) {
    throw unreadable(`${path}.${name}`, cause);
  }
}

function unreadable(path: string, cause: unknown): TypeError {
  return typeError(path, 'cannot be read', cause);
}

function unknownField(path: string, name: string, names: readonly string[]): TypeError {
  const field = /^\w{1,60}$/.test(name) ? `${path}.${name}` : `${path}[${shown(name)}]`;
  const known = names.length === 0 ? 'it takes no fields' : `known: ${names.join(', ')}`;
  return typeError(field, `unknown field; ${known}${suggestion(name, names)}`);
}

/** Looks at an object that may have getters, or be a Proxy, which may throw anything. */
function reading<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function namesOf<T extends object>(checks: Checks<T>): readonly (keyof T & string)[] {
  return listOf(checks).map(({ name }) => name as keyof T & string);
}

function listOf(checks: object): readonly NamedCheck[] {
  let list = lists.get(checks);
  if (list === undefined) {
    list = Object.entries(checks as Readonly<Record<string, Check<unknown>>>).map(
      ([name, check]) => ({ name, check, isOptional: optionals.has(check) }),
    );
    lists.set(checks, list);
  }
  return list;
}
