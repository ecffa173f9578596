/**
 * Values that no public function takes for an object of its own, and what looks over the
 * shoulder of one that it does take.
 */
import { createContext, runInContext, runInThisContext } from 'node:vm';
import * as empty from './empty-module.js';

type Named = readonly [what: string, value: unknown];

class Hostile {
  readonly family = 'ipv4';
}

/** Its instances inherit from nothing but an object that inherits from nothing. */
class Rootless {
  readonly family = 'ipv4';
}
Object.setPrototypeOf(Rootless.prototype, null);

/**
 * Objects without properties that are more than an object: each was, or could be, taken for an
 * empty filter. Made anew, for some can be used up.
 */
const BUILT_INS = `[
  ['a Promise', Promise.resolve({})],
  ['a Map', new Map()],
  ['a Set', new Set()],
  ['a WeakMap', new WeakMap()],
  ['a WeakSet', new WeakSet()],
  ['a WeakRef', new WeakRef({})],
  ['an iterator of a Map', new Map().keys()],
  ['an iterator of a Set', new Set().keys()],
  ['an iterator of an array', [].keys()],
  ['a generator', (function* () {})()],
  ['an async generator', (async function* () {})()],
  ['a Date', new Date(0)],
  ['a RegExp', /hostile/],
  ['an Error', new Error('hostile')],
  ['a RangeError', new RangeError('hostile')],
  ['a boxed number', Object(1)],
  ['a boxed string', Object('')],
  ['a boxed boolean', Object(false)],
  ['a boxed bigint', Object(1n)],
  ['a boxed symbol', Object(Symbol('hostile'))],
  ['an ArrayBuffer', new ArrayBuffer(8)],
  ['a SharedArrayBuffer', new SharedArrayBuffer(8)],
  ['a DataView', new DataView(new ArrayBuffer(8))],
  ['a Uint8Array', new Uint8Array(0)],
  ['a Float64Array', new Float64Array(0)],
  ['Math', Math],
  ['JSON', JSON],
  ['Reflect', Reflect],
  ['Atomics', Atomics],
  ['Intl', Intl],
  ['globalThis', globalThis],
  ['Object.prototype', Object.prototype],
  ['an instance of a class', new (class {})()],
  ['the arguments of a function', (function () { return arguments; })()],
]`;

/** What V8 tells from an object by what is inside, whatever its prototype is. */
const DISGUISED =
  /^(?:a (?:Promise|Map|Set|WeakMap|WeakSet|generator|Date|RegExp|boxed|DataView|Uint8|Float64)|an (?:iterator of a [MS]|Error|RangeError|ArrayBuffer)|the arguments)/;

const builtIns = (): Named[] => runInThisContext(BUILT_INS) as Named[];
/** A realm takes a millisecond. */
const realm = createContext();
const foreign = (): Named[] => runInContext(BUILT_INS, realm) as Named[];

const withPrototype = (prototype: object | null) => (value: Named) => {
  const [what, object] = value;
  return [`${what} of another prototype`, Object.setPrototypeOf(object, prototype)] as const;
};

export function hostileValues(): Named[] {
  const argumentsOf = runInThisContext(
    '(function () { "use strict"; return arguments; })',
  ) as () => object;
  const disguised = () => builtIns().filter(([what]) => DISGUISED.test(what));
  return [
    ['null', null],
    ['NaN', Number.NaN],
    ['a number', -1e10],
    ['a bigint', 10n ** 60n],
    ['a symbol', Symbol('hostile')],
    ['a long string', 'x'.repeat(5000)],
    ['an array', [null]],
    ['a function', () => undefined],
    ['an instance of a class with fields', new Hostile()],
    ['an instance of a class of null', new Rootless()],
    ['a child of an object', Object.create({ family: 'ipv4' })],
    ['a child of an object of null', Object.create(Object.create(null) as object)],
    ['a module', empty],
    ['a Buffer', Buffer.alloc(0)],
    ['a URL', new URL('hostile:')],
    ['an AbortController', new AbortController()],
    ['a Proxy of a Map', new Proxy(new Map(), {})],
    ['a Proxy of arguments', new Proxy(argumentsOf(), {})],
    ['a Proxy that throws', throwingProxy()],
    ['a Proxy that was revoked', revokedProxy()],
    ...builtIns(),
    ...foreign().map(([what, value]) => [`${what} of another realm`, value] as const),
    ...disguised().map(withPrototype(null)),
    ...disguised().map(withPrototype(Object.prototype)),
  ];
}

function throwingProxy(): object {
  const fail = () => {
    throw new Error('from a trap');
  };
  return new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail, has: fail });
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
