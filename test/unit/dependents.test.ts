import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Dependents } from '../../src/internal/dependents.js';

class Part {
  closed = 0;
  async close(): Promise<void> {
    this.closed++;
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('Dependents', () => {
  it('closes all, and waits for each', async () => {
    let release = () => {};
    const slow = {
      close: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    };
    const quick = new Part();
    const dependents = new Dependents<Part | typeof slow>();
    dependents.add(slow);
    dependents.add(quick);

    let done = false;
    const closing = dependents.close().then(() => {
      done = true;
    });
    await new Promise(setImmediate);
    expect([quick.closed, done]).toEqual([1, false]);
    release();
    await closing;
    expect(done).toBe(true);
  });

  it('has nothing to do without any', async () => {
    await new Dependents<Part>().close();
  });

  it('fails when one of them does', async () => {
    const dependents = new Dependents();
    dependents.add({ close: () => Promise.reject(new Error('stuck')) });
    await expect(dependents.close()).rejects.toThrow('stuck');
  });

  it('keeps none alive', async () => {
    const dependents = new Dependents<Part>();
    const references = Array.from({ length: 10 }, () => {
      const part = new Part();
      dependents.add(part);
      return new WeakRef(part);
    });
    // A WeakRef holds what it was made of until the running job ends.
    await new Promise(setImmediate);
    collectGarbage();
    expect(references.filter((reference) => reference.deref())).toEqual([]);
    await dependents.close();
  });
});
