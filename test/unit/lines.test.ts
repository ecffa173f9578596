/** The lines of a stream of text, and the batches of others. */
import { describe, expect, it, test } from 'vitest';
import { type BatchSource, iterateBatches, iterateItems } from '../../src/core/iterator.js';
import { LIMITS } from '../../src/core/limits.js';
import { LineSplitter } from '../../src/core/lines.js';

function linesOf(...pieces: readonly unknown[]) {
  const splitter = new LineSplitter();
  const lines = pieces.flatMap((piece) => [...splitter.push(piece)]);
  return [...lines, ...splitter.end()].map(({ number, text }) => [number, text]);
}

describe('lines', () => {
  const longest = 'x'.repeat(LIMITS.lineCharacters);

  test.each<[string, readonly unknown[], (readonly [number, string | undefined])[]]>([
    ['nothing', [], []],
    ['no text', ['', ''], []],
    [
      'two lines, and no third one',
      ['one\ntwo\n'],
      [
        [1, 'one'],
        [2, 'two'],
      ],
    ],
    ['a line without its end', ['one'], [[1, 'one']]],
    [
      'a line in pieces, and others around it',
      ['one\ntw', 'o', '\nthree\nfo', 'ur'],
      [
        [1, 'one'],
        [2, 'two'],
        [3, 'three'],
        [4, 'four'],
      ],
    ],
    [
      'empty lines',
      ['\n\nthree'],
      [
        [1, ''],
        [2, ''],
        [3, 'three'],
      ],
    ],
    ['a letter whose bytes come apart', [Buffer.of(0xe2, 0x82), Buffer.of(0xac)], [[1, '€']]],
    ['bytes behind text', ['a', Buffer.from('b\n')], [[1, 'ab']]],
    ['a letter that is cut off', [Buffer.of(0x61, 0xe2)], [[1, 'a\ufffd']]],
    ['the longest line', [`${longest}\n`], [[1, longest]]],
    [
      'a longer one, of which nothing is kept, and the next one',
      [longest, 'x', 'x\nnext'],
      [
        [1, undefined],
        [2, 'next'],
      ],
    ],
    ['a longer one at the end', [`${longest}x`], [[1, undefined]]],
  ])('of %s', (_, pieces, lines) => {
    expect(linesOf(...pieces)).toEqual(lines);
  });

  it('are of strings or bytes', () => {
    expect(() => linesOf(5)).toThrow('readable: must give strings or bytes, not 5');
  });
});

/** Gives these batches, and notes what becomes of them. */
function sourceOf(...batches: number[][]) {
  const source = {
    left: 0,
    rests: [] as number[][],
    interrupted: false,
    read: () => Promise.resolve(batches.shift()),
    leave: () => {
      source.left++;
      return Promise.resolve();
    },
    unread: (rest: number[]) => void source.rests.push(rest),
  };
  return source satisfies BatchSource<number>;
}

async function all<T>(iterator: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iterator) values.push(value);
  return values;
}

describe('a stream of batches', () => {
  it('is read item by item, or batch by batch', async () => {
    expect(await all(iterateItems(sourceOf([1, 2], [3])))).toEqual([1, 2, 3]);
    expect(await all(iterateBatches(sourceOf([1, 2], [3])))).toEqual([[1, 2], [3]]);
    expect(await all(iterateItems(sourceOf()))).toEqual([]);
  });

  it('has an end that stays', async () => {
    const source = sourceOf([1]);
    const items = iterateItems(source);
    await all(items);
    expect(await items.next()).toEqual({ value: undefined, done: true });
    expect(source.rests).toEqual([]);
  });

  it('that is left gives back what its loop has not had, and gives nothing more', async () => {
    const source = sourceOf([1, 2, 3], [4]);
    const items = iterateItems(source);
    for await (const item of items) if (item === 2) break;
    expect(source).toMatchObject({ left: 1, rests: [[3]] });
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });

  it('that is left behind a whole batch has nothing to give back', async () => {
    const source = sourceOf([1, 2], [3]);
    for await (const item of iterateItems(source)) if (item === 2) break;
    expect(source).toMatchObject({ left: 1, rests: [] });
  });

  it('that is left between batches reads none', async () => {
    const source = sourceOf([1, 2], [3]);
    const batches = iterateBatches(source);
    for await (const batch of batches) if (batch.length === 2) break;
    expect(source).toMatchObject({ left: 1, rests: [] });
    expect(await batches.next()).toEqual({ value: undefined, done: true });
  });

  it('that is ended from outside gives nothing of its batch', async () => {
    const source = sourceOf([1, 2, 3]);
    const items = iterateItems(source);
    await items.next();
    source.interrupted = true;
    expect(await items.next()).toEqual({ value: undefined, done: true });
    expect(source.rests).toEqual([[2, 3]]);
  });

  it('throws what is thrown into it', async () => {
    const source = sourceOf([1, 2]);
    const items = iterateItems(source);
    await items.next();
    const fault = new Error('a fault');
    await expect(items.throw?.(fault)).rejects.toBe(fault);
    expect(source).toMatchObject({ left: 1, rests: [[2]] });
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });

  it('is its own iterator', () => {
    const items = iterateItems(sourceOf());
    expect(items[Symbol.asyncIterator]()).toBe(items);
  });
});
