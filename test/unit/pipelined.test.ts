/** Calls with lists of many items: their order, and how many are under way. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { ITEMS_A_TURN, mapInTurns, pipelined } from '../../src/request/pipelined.js';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

interface End {
  readonly resolve: (result: string) => void;
  readonly reject: (error: Error) => void;
}

/** Work that ends when it is asked to. */
class Work {
  readonly begun: number[] = [];
  readonly #ends: End[] = [];

  begin = (item: number, index: number): Promise<string> => {
    expect(index).toBe(item);
    this.begun.push(index);
    return new Promise((resolve, reject) => {
      this.#ends.push({ resolve, reject });
    });
  };

  /** Ends the first `count` that are under way. */
  end(count: number): void {
    const first = this.begun.length - this.#ends.length;
    for (const [at, { resolve }] of this.#ends.splice(0, count).entries()) resolve(`${first + at}`);
  }

  fail(error: Error): void {
    for (const { reject } of this.#ends.splice(0)) reject(error);
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('items that are begun side by side', () => {
  test.each([0, 1, 127, 128, 129, 300])('%i have their results in order', async (count) => {
    const work = new Work();
    const results = pipelined(numbers(count), work.begin);
    expect(work.begun).toEqual(numbers(count));
    work.end(count);
    expect(await results).toEqual(numbers(count).map(String));
  });

  test('are as many as the limit allows, and begin as others end', async () => {
    const most = LIMITS.itemsUnderWay;
    const work = new Work();
    const results = pipelined(numbers(most + 200), work.begin);
    await turn();
    expect(work.begun).toHaveLength(most);
    work.end(128);
    await turn();
    expect(work.begun).toHaveLength(most + 128);
    work.end(most);
    await turn();
    expect(work.begun).toEqual(numbers(most + 200));
    work.end(most);
    expect(await results).toEqual(numbers(most + 200).map(String));
  });

  test('begin no more after the first that fails', async () => {
    const most = LIMITS.itemsUnderWay;
    const work = new Work();
    const results = pipelined(numbers(2 * most), work.begin);
    work.fail(new Error('no'));
    await expect(results).rejects.toThrow('no');
    await turn();
    expect(work.begun).toHaveLength(most);
  });
});

describe('items that take the main thread', () => {
  /** The items before which the event loop has turned. */
  async function turnsOf(count: number): Promise<number[]> {
    const turns: number[] = [];
    let hasTurned = false;
    const results = mapInTurns(numbers(count), (item, index) => {
      if (hasTurned) turns.push(index);
      hasTurned = false;
      setImmediate(() => (hasTurned = true));
      return 2 * item;
    });
    expect(await results).toEqual(numbers(count).map((item) => 2 * item));
    return turns;
  }

  test.each([
    [0, []],
    [ITEMS_A_TURN - 1, []],
    [2 * ITEMS_A_TURN, [ITEMS_A_TURN - 1, 2 * ITEMS_A_TURN - 1]],
  ])('%i let the event loop turn now and then', async (count, turns) => {
    expect(await turnsOf(count)).toEqual(turns);
  });
});
