/** How messages show values and words. */
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { builtInName, either, shown, shownAsOther, suggestion } from '../../src/core/show-value.js';

test.each<[unknown, string]>([
  ['a"b', '"a\\"b"'],
  ['x'.repeat(60), `"${'x'.repeat(60)}"`],
  ['x'.repeat(61), `"${'x'.repeat(60)}"...`],
  [() => 1, 'a function'],
  [null, 'null'],
  [{}, 'an object'],
  [[], 'an array'],
  [5, '5'],
  [5n, '5n'],
  [10n ** 58n, `1${'0'.repeat(58)}n`],
  [10n ** 59n, `1${'0'.repeat(59)}...`],
  [undefined, 'undefined'],
  [Symbol('x'), 'Symbol(x)'],
  [false, 'false'],
])('%o is shown', (value, text) => {
  expect(shown(value)).toBe(text);
});

test('a string where another type was expected says what it is', () => {
  expect(shownAsOther('5')).toBe('the string "5"');
  expect(shownAsOther(5)).toBe('5');
});

test.each<[string, object]>([
  ['a Proxy', new Proxy([], {})],
  ['an array', []],
  ['a Promise', Promise.resolve()],
  ['a Map', new Map()],
  ['a Set', new Set()],
  ['a WeakMap', new WeakMap()],
  ['a WeakSet', new WeakSet()],
  ['an iterator', new Map().keys()],
  ['an iterator', new Set().keys()],
  ['a generator', (function* () {})()],
  ['a Date', new Date()],
  ['a RegExp', /x/],
  ['an Error', new Error('x')],
  ['an ArrayBuffer', new ArrayBuffer(1)],
  ['an ArrayBuffer', new SharedArrayBuffer(1)],
  ['a view of an ArrayBuffer', new Uint8Array(1)],
  ['a boxed primitive', Object('x') as object],
  [
    'the arguments of a function',
    runInNewContext('(function () { return arguments; })()') as object,
  ],
  ['a namespace', JSON],
])('%s has a name', (name, value) => {
  expect(builtInName(value)).toBe(name);
});

test('what is its properties alone has no name', () => {
  for (const value of [
    {},
    { length: 1 },
    new (class {
      readonly length = 1;
    })(),
    Object.create(null) as object,
  ]) {
    expect(builtInName(value)).toBeUndefined();
  }
});

test.each<[readonly string[], string]>([
  [['a'], "'a'"],
  [['a', 'b'], "'a' or 'b'"],
  [['a', 'b', 'c'], "'a', 'b' or 'c'"],
  [[], ''],
])('%o is a choice', (words, text) => {
  expect(either(words)).toBe(text);
});

describe('the word that was meant', () => {
  const words = ['established', 'listen', 'close', 'a-very-long-word'];

  test.each<[string, string | undefined]>([
    ['established', 'established'],
    // A letter that is missing, one too many, another one, and two that are exchanged.
    ['estblished', 'established'],
    ['establishhed', 'established'],
    ['estaplished', 'established'],
    ['establihsed', 'established'],
    ['ESTABLISHED', 'established'],
    ['lsiten', 'listen'],
    ['ilsten', 'listen'],
    ['listne', 'listen'],
    ['close', 'close'],
    ['clsoe', 'close'],
    ['lcoes', undefined],
    ['colse', 'close'],
    ['clo', undefined],
    ['cose', 'close'],
    // Of each three letters one may be wrong, and three at most.
    ['xtablished', 'established'],
    ['xxxablished', 'established'],
    ['xxxxblished', undefined],
    ['lixxen', 'listen'],
    ['lxxxen', undefined],
    ['a-very-lonx-xorx', 'a-very-long-word'],
    ['a-very-xonx-xorx', undefined],
    ['', undefined],
    ['xy', undefined],
  ])('%s: %s', (word, meant) => {
    const text = meant === undefined ? '' : `; did you mean '${meant}'?`;
    expect(suggestion(word, words)).toBe(text);
  });

  test('is the nearest, and no word at length', () => {
    expect(suggestion('states', ['state', 'status', 'states'])).toBe("; did you mean 'states'?");
    expect(suggestion('stat', ['status', 'state'])).toBe("; did you mean 'state'?");
    expect(suggestion('x'.repeat(60), [`${'x'.repeat(60)}y`])).toContain('did you mean');
    expect(suggestion('x'.repeat(61), [`${'x'.repeat(61)}y`])).toBe('');
  });
});
