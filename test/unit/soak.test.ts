/** The verdict of `npm run soak` notices what it is there for. */
import { describe, expect, it, test } from 'vitest';
import { growthOf, lineOf } from '../soak/growth.js';
import { differenceOfStates, type ProcessState } from '../soak/process-state.js';
import { Tallies } from '../soak/tallies.js';
import { judge, type Rest, TOLERANCE } from '../soak/verdict.js';
import { Random } from '../support/random.js';

const KIB = 1024;
const state: ProcessState = { descriptors: ['pipe:', 'socket:'], threads: ['node', 'worker'] };

/** Rests of a run, with noise of 256 KiB, and of 4 MiB of the resident size, and with leaks in bytes a second. */
function restsOf(seconds: number, leak: { held?: number; resident?: number } = {}): Rest[] {
  const random = new Random(7);
  const round = Math.min(20, seconds / 10);
  return Array.from({ length: Math.ceil(seconds / round) }, (_, index) => {
    const second = (index + 1) * round;
    return {
      second,
      held: 20e6 + random.below(256 * KIB) + second * (leak.held ?? 0),
      resident: 150e6 + random.below(4096 * KIB) + second * (leak.resident ?? 0),
      state,
      problems: [],
    };
  });
}

const verdictOf = (rests: readonly Rest[], after = state, tallies = new Tallies()) =>
  judge({ rests, tallies, before: state, after }).map(({ holds }) => holds);

const ALL = [true, true, true, true, true, true];
const allBut = (index: number) => ALL.map((_, at) => at !== index);

describe('the verdict', () => {
  it.each([120, 3600])('holds where nothing is wrong, after %s seconds', (seconds) => {
    expect(verdictOf(restsOf(seconds))).toEqual(ALL);
  });

  test.each<[number, 'held' | 'resident', number]>([
    // Bytes a second: half of the run grows by half as much again as is tolerated.
    ...[120, 3600].flatMap((seconds) =>
      (['held', 'resident'] as const).map((kind): [number, typeof kind, number] => [
        seconds,
        kind,
        Math.ceil((1.5 * TOLERANCE[kind]) / (seconds / 2)),
      ]),
    ),
  ])('notices a leak: in %s seconds, %s, %s bytes a second', (seconds, kind, bytes) => {
    const rests = restsOf(seconds, { [kind]: bytes });
    expect(verdictOf(rests)).toEqual(allBut(kind === 'held' ? 4 : 5));
  });

  it('notices what is left, and what comes between two rests', () => {
    const more: ProcessState = { ...state, descriptors: [...state.descriptors, 'socket:'] };
    const rests = restsOf(120);
    expect(verdictOf(rests, more)).toEqual(allBut(3));
    const last = rests.pop() as Rest;
    expect(verdictOf([...rests, { ...last, state: more }])).toEqual(allBut(2));
    expect(differenceOfStates(state, more)).toBe('+socket:');
    expect(differenceOfStates(more, state)).toBe('-socket:');
  });

  it('notices failures, differences, and a run without a rest', () => {
    const tallies = new Tallies();
    tallies.failed++;
    expect(verdictOf(restsOf(120), state, tallies)).toEqual(allBut(0));
    const [first, ...others] = restsOf(120);
    expect(verdictOf([{ ...(first as Rest), problems: ['one'] }, ...others])).toEqual(allBut(1));
    expect(verdictOf([])).toEqual(allBut(1));
  });
});

describe('the line through the second half', () => {
  const points = Array.from({ length: 11 }, (_, second) => ({ second, value: 3 * second }));

  it('is that of the points', () => {
    expect(growthOf(points)).toBe(15);
    expect(lineOf(points).slice(4)).toEqual([null, 15, 18, 21, 24, 27, 30]);
  });

  it('is not turned by a point far off', () => {
    const off = points.map((point) => (point.second === 8 ? { ...point, value: 1000 } : point));
    expect(growthOf(off)).toBe(15);
  });

  it('is flat without points', () => {
    expect(growthOf([])).toBe(0);
    expect(growthOf(points.slice(0, 1))).toBe(0);
  });
});
