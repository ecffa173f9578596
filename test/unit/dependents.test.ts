import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Dependents } from '../../src/core/dependents.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('Dependents', () => {
  it('knows what was added and is held', () => {
    const dependents = new Dependents();
    const [first, second] = [{ name: 'first' }, { name: 'second' }];
    dependents.add(first);
    dependents.add(second);
    expect(dependents.held()).toEqual([first, second]);
  });

  it('forgets what is deleted, and nothing else', () => {
    const dependents = new Dependents();
    const [first, second] = [{ name: 'first' }, { name: 'second' }];
    dependents.add(first);
    dependents.add(second);
    dependents.delete(first);
    dependents.delete(first);
    dependents.delete({ name: 'second' });
    expect(dependents.held()).toEqual([second]);
  });

  it('keeps none alive', async () => {
    const dependents = new Dependents();
    for (let i = 0; i < 10; i++) dependents.add({});
    // A WeakRef holds what it was made of until the running job ends.
    await new Promise(setImmediate);
    collectGarbage();
    expect(dependents.held()).toEqual([]);
  });
});
