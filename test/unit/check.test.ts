import { listEntries } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import { followSignal, reasonOf, throwIfAborted } from '../../src/core/abort.js';
import {
  arrayOf,
  bits,
  boolean,
  type Check,
  integer,
  markAsView,
  masked,
  object,
  objectOf,
  optional,
  options,
  record,
  signal,
  text,
  uint16,
  word,
} from '../../src/core/check.js';
import { keyOf } from '../../src/entry/check-key.js';
import { specOf } from '../../src/entry/check-spec.js';
import { flushOptionsOf, readOptionsOf } from '../../src/entry/options.js';
import { entryWith, TCP_TUPLES } from './records.js';

describe('what is wrong is told in one way', () => {
  const family = word(['ipv4', 'ipv6']);
  it.each<[Check<unknown>, unknown, string]>([
    [uint16, 65536, 'must be an integer from 0 to 65535, not 65536'],
    [uint16, '80', 'must be an integer from 0 to 65535, not the string "80"'],
    [uint16, undefined, 'must be an integer from 0 to 65535, not undefined'],
    [integer(1, 2), 1.5, 'must be an integer from 1 to 2, not 1.5'],
    [boolean, 1, 'must be a boolean, not 1'],
    [boolean, Symbol('x'), 'must be a boolean, not Symbol(x)'],
    [boolean, () => true, 'must be a boolean, not a function'],
    [family, 'ipv5', `must be 'ipv4' or 'ipv6', not "ipv5"; did you mean 'ipv4'?`],
    [family, 'IPV6', `must be 'ipv4' or 'ipv6', not "IPV6"; did you mean 'ipv6'?`],
    [family, 'inet', `must be 'ipv4' or 'ipv6', not "inet"`],
    [bits(8), 256n, 'must have no bit above 7, not 256n'],
    [bits(8), 1, 'must be a bigint, not 1'],
    [text(1, 3), 'abcd', 'must be a string of 1 to 3 bytes without NUL, not "abcd"'],
    [text(1, 3), 'a\0', String.raw`must be a string of 1 to 3 bytes without NUL, not "a\u0000"`],
    [text(1, 3), 'é€', 'must be a string of 1 to 3 bytes without NUL, not "é€"'],
    [arrayOf(boolean), {}, 'must be an array, not an object'],
    [object({}), [], 'must be a plain object, not an array'],
    [object({}), Promise.resolve(), 'must be a plain object, not a Promise'],
    [object({}), new Map(), 'must be a plain object, not a Map'],
    [object({}), Object.create({}), 'must be a plain object, not an instance of a class'],
    [object({}), entryWith(TCP_TUPLES), 'must be a plain object, not an entry'],
    [signal, {}, 'must be an AbortSignal, not an object'],
  ])('%o of %o: %s', (check, value, message) => {
    expect(() => check(value, 'a.b')).toThrow(
      expect.objectContaining({ message: `a.b: ${message}` }),
    );
  });

  it.each<[object, string]>([
    [
      { sginal: 1 },
      `options.sginal: unknown field; known: signal, zeroCounters, table; did you mean 'signal'?`,
    ],
    [{ x: 1 }, 'options.x: unknown field; known: signal, zeroCounters, table'],
    [{ 'two words': 1 }, 'options["two words"]: unknown field; known: signal, zeroCounters, table'],
  ])('a field of %o', (given, message) => {
    expect(() => readOptionsOf(given)).toThrow(new TypeError(message));
  });

  it('never at length', () => {
    const long = 'x'.repeat(1e6);
    for (const value of [long, Symbol(long), 10n ** 1000n, { [long]: 1 }]) {
      const check = (given: unknown) => boolean(given, 'a');
      expect(() => check(value)).toThrow(/^.{1,150}$/);
      expect(() => objectOf({ [long]: value }, 'a', ['b'])).toThrow(/^.{1,150}$/);
    }
  });
});

describe('a copy of what was given', () => {
  it('has what is defined, and inherits nothing', () => {
    const check = object<{ a?: number; b?: number }>({ a: optional(uint16), b: optional(uint16) });
    const given = { a: 1, b: undefined };
    const copy = check(given, 'x');
    given.a = 2;
    expect(Reflect.ownKeys(copy)).toEqual(['a']);
    expect(copy.a).toBe(1);
    for (const name of ['toString', 'constructor', '__proto__']) expect(name in copy).toBe(false);
  });

  it('of options that were left out is empty', () => {
    expect(options({ a: uint16 })(undefined)).toEqual({});
  });

  it('of a masked number has no bit beyond the mask', () => {
    expect(masked({ value: 5, mask: 7 }, 'mark')).toEqual({ value: 5, mask: 7 });
    expect(() => masked({ value: 8, mask: 7 }, 'mark')).toThrow(/^mark\.value: has bits/);
  });

  it('of a family to flush is not made of undefined', () => {
    expect(flushOptionsOf({})).toEqual({});
    expect(() => flushOptionsOf({ family: undefined } as object)).toThrow(
      /^options\.family: .*; leave it out to empty both$/,
    );
  });
});

describe('a view', () => {
  const entry = entryWith({ ...TCP_TUPLES, id: 1, timeout: 5, status: 6 });

  it('and its JSON are the same key and specification', () => {
    expect(keyOf(entry.toJSON())).toEqual(keyOf(entry));
    expect(specOf(entry.toJSON(), 'spec')).toEqual(specOf(entry, 'spec'));
  });

  it('may be of another copy of the package', () => {
    class Other {
      get protocol() {
        return 'tcp';
      }
      get original() {
        return entry.original;
      }
    }
    expect(() => keyOf(new Other())).toThrow(/^key: must be an entry, or .*, not an instance/);
    markAsView(Other, 'an entry');
    expect(keyOf(new Other())).toMatchObject({ protocol: 6, original: entry.toJSON().original });
  });

  it('is asked for what is wanted alone', () => {
    class View {
      get wanted() {
        return 1;
      }
      get other(): number {
        throw new Error('was asked for');
      }
    }
    markAsView(View, 'a view');
    const form = { expected: 'a view', view: 'a view' };
    const check = record<{ wanted: number }>({ wanted: uint16 }, form);
    expect(check(new View(), 'x').wanted).toBe(1);
  });
});

describe('a signal', () => {
  /** As libraries bring one that is older than reasons. */
  class OldSignal {
    aborted = false;
    listener: (() => void) | undefined;
    addEventListener(_: string, listener: () => void) {
      this.listener = listener;
    }
    removeEventListener() {}
  }

  test('of another library is one', async () => {
    const old = new OldSignal();
    const given = signal(old, 'options.signal');
    const reasons: unknown[] = [];
    const follower = { abort: (reason: unknown) => reasons.push(reason) };
    followSignal(given, follower);
    old.aborted = true;
    old.listener?.();
    expect(reasons).toEqual([expect.objectContaining({ name: 'AbortError' })]);
    expect(reasonOf(given)).toMatchObject({ name: 'AbortError' });
    expect(() => {
      throwIfAborted(given);
    }).toThrow('This operation was aborted');
    await expect(listEntries({}, { signal: given })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
