// What structuredClone(), and so postMessage(), makes of each public value: data stays as it is;
// promises, iterators and functions are refused; of an instance of a class, such as an entry, a handle
// or a stream, the public properties stay that hold a value themselves.
import assert from 'node:assert/strict';

/** What is left of a value that is more than data. */
function remainsOf(value) {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map || value instanceof Set || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(remainsOf);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, remainsOf(part)]));
}

/** `expected`: 'data', 'remains' or 'refused'. */
function check(value, expected, name) {
  if (expected === 'refused') {
    assert.throws(() => structuredClone(value), { name: 'DataCloneError' }, name);
    return;
  }
  const clone = structuredClone(value);
  assert.deepStrictEqual(clone, expected === 'data' ? value : remainsOf(value), name);
  if (expected === 'remains') assert.notDeepStrictEqual(clone, value, `${name} is data`);
}

export function checkExports(api) {
  for (const [name, value] of Object.entries(api))
    check(value, typeof value === 'function' ? 'refused' : 'data', name);
}

/** Only what each error of JavaScript has goes over: no code. */
export async function checkErrors(api) {
  const handle = await api.Conntrack.open();
  await handle.close();
  const error = await handle.countEntries().catch((closed) => closed);
  assert.equal(error.code, 'ERR_CONNTRACK_CLOSED');
  const clone = structuredClone(error);
  assert.ok(clone instanceof Error);
  assert.equal(clone.message, error.message);
  assert.equal(clone.code, undefined);
}

/** What the operation returned, what it resolved to, what reads it, and whose method it is. */
export async function checkClones({ name, row, made, iterator, pending, self, caller }, step) {
  const { clone = 'data', reads } = row;
  if (caller === 'method') check(self, 'remains', `${name}: the handle`);
  if (reads) check(made, made === iterator ? 'refused' : 'remains', `${name}: the stream`);
  if (reads) check(iterator, 'refused', `${name}: the iterator`);
  if (made instanceof Promise) check(made, 'refused', `${name}: the promise`);
  if (step === 'settled' && !reads) check(await made, clone, `${name}: the result`);
  if (step !== 'between two reads') check(pending, 'refused', `${name}: the pending promise`);
}
