import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
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

  it('leaves the finalizers of the process in order', async () => {
    // An owner and its dependents go, the dependents first: see dependents.ts.
    let owner: Dependents<object> | undefined = new Dependents();
    for (let i = 0; i < 10; i++) owner.add({});
    await new Promise(setImmediate);
    collectGarbage();
    owner = undefined;
    collectGarbage();
    let finalized = 0;
    const registry = new FinalizationRegistry(() => finalized++);
    for (let i = 0; i < 10; i++) registry.register({}, undefined);
    await new Promise(setImmediate);
    collectGarbage();
    await vi.waitFor(() => {
      expect(finalized).toBe(10);
    });
  });
});
