import { runInNewContext } from 'node:vm';
import { listEntries } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import { followSignal, reasonOf, throwIfAborted } from '../../src/core/abort.js';
import {
  arrayOf,
  bits,
  boolean,
  type Check,
  checked,
  dictionary,
  hasField,
  int32,
  integer,
  itemsOf,
  markAsView,
  masked,
  newTimeout,
  object,
  objectOf,
  optional,
  options,
  rangeOf,
  record,
  recordOf,
  signal,
  text,
  uint8,
  uint16,
  uint64,
  viewOf,
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

describe('what cannot be read is told, with why', () => {
  const fault = new Error('a trap');
  const trap = () => {
    throw fault;
  };
  const of = (handler: ProxyHandler<object>) => new Proxy({}, handler);
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const form = { expected: 'a view', view: 'a view' };
  const checks: Readonly<Record<string, (value: unknown) => unknown>> = {
    object: (value) => object<{ b?: number }>({ b: optional(uint16) })(value, 'a'),
    objectOf: (value) => objectOf(value, 'a', ['b']),
    record: (value) => record<{ b?: number }>({ b: optional(uint16) }, form)(value, 'a'),
    dictionary: (value) => dictionary(value, 'a'),
  };
  const withGetter = () => Object.defineProperty({}, 'b', { get: trap, enumerable: true });
  // A class whose instances cannot be told from views.
  const withPrototype = () => Object.create(of({ get: trap })) as object;

  test.each<[string, () => unknown, string]>([
    ['a revoked proxy', revoked, 'a'],
    ['a prototype', () => of({ getPrototypeOf: trap }), 'a'],
    [
      'the prototype of a prototype',
      () => Object.create(of({ getPrototypeOf: trap })) as object,
      'a',
    ],
    ['a mark', withPrototype, 'a'],
    ['names', () => of({ ownKeys: trap }), 'a'],
    ['a field', withGetter, 'a.b'],
  ])('%s', (_, value, path) => {
    for (const check of Object.values(checks)) {
      expect(() => check(value())).toThrow(new TypeError(`${path}: cannot be read`));
    }
  });

  test.each<[string, (value: unknown) => unknown, () => unknown, string]>([
    ['the length of an array', arrayOfAny, () => new Proxy([], { get: trap }), 'a'],
    ['an item', arrayOfAny, () => Object.defineProperty([1], 0, { get: trap }), 'a'],
    ['a revoked array', arrayOfAny, revoked, 'a'],
    ['a signal', (value) => signal(value, 'a'), () => of({ get: trap }), 'a'],
    [
      'a field that may be there',
      (value) => hasField(value as object, 'a', 'b'),
      () => of({ getOwnPropertyDescriptor: trap }),
      'a',
    ],
    ['a view', (value) => viewOf(value as object, 'a'), () => of({ getPrototypeOf: trap }), 'a'],
  ])('%s', (_, check, value, path) => {
    expect(() => check(value())).toThrow(new TypeError(`${path}: cannot be read`));
  });

  it('has the fault as its cause', () => {
    for (const value of [of({ ownKeys: trap }), withGetter()]) {
      for (const check of Object.values(checks)) {
        let thrown: unknown;
        try {
          check(value);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toMatchObject({ cause: fault });
      }
    }
  });

  function arrayOfAny(value: unknown) {
    return arrayOf((item) => item)(value, 'a');
  }
});

describe('numbers', () => {
  test.each<[string, Check<unknown>, unknown, unknown]>([
    ['the least of 8 bits', uint8, 0, 0],
    ['the most of 8 bits', uint8, 255, 255],
    ['the least with a sign', int32, -(2 ** 31), -(2 ** 31)],
    ['the most with a sign', int32, 2 ** 31 - 1, 2 ** 31 - 1],
    ['a timeout of 0, which counts as 1', newTimeout, 0, 1],
    ['a timeout', newTimeout, 2, 2],
    ['64 bits of a number', uint64, 5, 5n],
    ['64 bits', uint64, 2n ** 64n - 1n, 2n ** 64n - 1n],
    ['no bits', uint64, 0n, 0n],
    ['a range', rangeOf(uint16), { from: 1, to: 1 }, { from: 1, to: 1 }],
    ['half of a range', rangeOf(uint16), { to: 1 }, { to: 1 }],
    ['a masked number', masked, 5, 5],
    ['the most of some bits', bits(8), 255n, 255n],
    ['no bit', bits(8), 0n, 0n],
  ])('%s', (_, check, value, expected) => {
    expect(check(value, 'a')).toEqual(expected);
  });

  test.each<[Check<unknown>, unknown, string]>([
    [uint8, -1, 'must be an integer from 0 to 255, not -1'],
    [uint8, Number.NaN, 'must be an integer from 0 to 255, not NaN'],
    [int32, 2 ** 31, 'must be an integer from -2147483648 to 2147483647, not 2147483648'],
    [uint64, 2n ** 64n, 'must be from 0 to 2 ** 64 - 1, not 18446744073709551616n'],
    [uint64, -1, 'must be from 0 to 2 ** 64 - 1, not -1'],
    [uint64, 1.5, 'must be an integer or a bigint, not 1.5'],
    [uint64, 2 ** 53, 'must be an integer or a bigint, not 9007199254740992'],
    [uint64, '5', 'must be an integer or a bigint, not the string "5"'],
    [rangeOf(uint16), { from: 2, to: 1 }, 'from must not exceed to: 2, 1'],
    [bits(8), -1n, 'must have no bit above 7, not -1n'],
    [masked, '5', 'must be an integer from 0 to 4294967295 or { value, mask }, not the string "5"'],
  ])('%o of %o: %s', (check, value, message) => {
    expect(() => check(value, 'a')).toThrow(expect.objectContaining({ message: `a: ${message}` }));
  });
});

describe('an array', () => {
  it('of too many items is refused before they are read', () => {
    const array = new Proxy([1, 2, 3], {
      get: (target, name) => {
        if (name !== 'length') throw new Error('was read');
        return target.length;
      },
    });
    expect(() => itemsOf(array, 'a', 'an array', 2)).toThrow(
      new RangeError('a: must have at most 2 items, not 3; make several calls'),
    );
    expect(itemsOf([1, 2], 'a', 'an array', 2)).toEqual([1, 2]);
  });

  it('with a hole has an item that is undefined', () => {
    expect(itemsOf(Array(2), 'a')).toEqual([undefined, undefined]);
  });
});

describe('an object', () => {
  const names = ['b', 'c'];

  test.each<[string, object]>([
    ['of this realm', { b: 1 }],
    ['of another realm', runInNewContext('({ b: 1 })') as object],
    ['of no class', Object.assign(Object.create(null) as object, { b: 1 })],
    ['that is a proxy', new Proxy({ b: 1 }, {})],
  ])('%s is plain', (_, value) => {
    expect({ ...objectOf(value, 'a', names) }).toEqual({ b: 1 });
    expect({ ...dictionary(value, 'a') }).toEqual({ b: 1 });
  });

  test.each<[string, unknown, string]>([
    ['a Map with no field', new Map(), 'must be a plain object, not a Map'],
    ['an Error', new Error('x'), 'must be a plain object, not an Error'],
    ['Math', Math, 'must be a plain object, not a namespace'],
    [
      'an instance',
      new (class {
        readonly b = 1;
      })(),
      'must be a plain object, not an instance of a class',
    ],
    ['a prototype', Object.prototype, 'must be a plain object'],
    ['null', null, 'must be a plain object, not null'],
  ])('%s is none', (_, value, message) => {
    expect(() => objectOf(value, 'a', names)).toThrow(message);
    expect(() => dictionary(value, 'a')).toThrow(message);
  });

  it('has no field that is hidden from a loop, either', () => {
    const value = Object.defineProperty({ b: 1 }, 'd', { value: 1, enumerable: false });
    expect(() => objectOf(value, 'a', names)).toThrow('a.d: unknown field; known: b, c');
    expect(() => objectOf({ b: 1 }, 'a', [])).toThrow('a.b: unknown field; it takes no fields');
  });

  it('may have fields that nothing reads, where it may be a view', () => {
    const form = { expected: 'a view', view: 'a view', others: ['d'], needs: ['b', 'c'] };
    expect({ ...recordOf({ b: 1, d: 2 }, 'a', names, form) }).toEqual({ b: 1 });
    expect(() => recordOf({ d: 2 }, 'a', names, form)).toThrow(
      'a.b: is missing, as is any of c; a view has no properties of its own, so spread what toJSON()',
    );
    expect(() => recordOf({ b: 1, e: 2 }, 'a', names, form)).toThrow('a.e: unknown field');
  });

  it('has a field that is absent, or undefined, only where that may be', () => {
    const check = object<{ b: number; c?: number }>({ b: uint16, c: optional(uint16) });
    expect({ ...check({ b: 1, c: undefined }, 'a') }).toEqual({ b: 1 });
    expect(() => check({ c: 1 }, 'a')).toThrow('a.b: must be an integer');
    expect(() => check({ b: undefined }, 'a')).toThrow('a.b: must be an integer');
  });

  it('has no field of which its check makes nothing', () => {
    const nothing = { b: () => undefined };
    expect({ ...object<{ b: undefined }>(nothing)({ b: 1 }, 'a') }).toStrictEqual({});
    expect({ ...checked<{ b: undefined }>({ b: 1 }, 'a', nothing) }).toStrictEqual({});
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

  const complete = { aborted: false, addEventListener() {}, removeEventListener() {} };
  test.each(Object.keys(complete))('has %s', (name) => {
    expect(signal(complete, 'a')).toBe(complete);
    expect(() => signal({ ...complete, [name]: 'x' }, 'a')).toThrow('a: must be an AbortSignal');
  });

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
