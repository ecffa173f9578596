/** What ends a wait: a signal, the closing of a handle, the end of a stream. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { followSignal, orAborted, unfollowSignal } from '../../src/core/abort.js';
import { Ending } from '../../src/core/ending.js';
import { Interruptible } from '../../src/core/interruptible.js';
import { afterTurn } from '../../src/core/loop-turn.js';

const REASON = new Error('enough');
const never = () => new Promise<never>(() => undefined);

/** A signal, and how many listen to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const counts = { listeners: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    counts.listeners++;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    counts.listeners--;
    remove(...given);
  };
  return { controller, signal, counts };
}

describe('a signal', () => {
  const follower = () => {
    const reasons: unknown[] = [];
    return { reasons, abort: (reason: unknown) => void reasons.push(reason) };
  };

  it('ends all that follow it, with one listener, and none that has left', () => {
    const { controller, signal, counts } = countedSignal();
    const [first, second, third] = [follower(), follower(), follower()];
    for (const one of [first, second, third]) followSignal(signal, one);
    expect(counts.listeners).toBe(1);
    unfollowSignal(signal, second);
    unfollowSignal(signal, follower());
    controller.abort(REASON);
    expect([first, second, third].map(({ reasons }) => reasons)).toEqual([[REASON], [], [REASON]]);
  });

  it('that nobody follows any more has no listener', () => {
    const { controller, signal, counts } = countedSignal();
    const [first, second] = [follower(), follower()];
    followSignal(signal, first);
    unfollowSignal(signal, first);
    unfollowSignal(signal, first);
    expect(counts.listeners).toBe(0);
    followSignal(signal, second);
    expect(counts.listeners).toBe(1);
    controller.abort(REASON);
    expect([first.reasons, second.reasons]).toEqual([[], [REASON]]);
  });

  it('ends the wait for work that does not end', async () => {
    const { controller, signal } = countedSignal();
    const waiting = orAborted(signal, never());
    controller.abort(REASON);
    await expect(waiting).rejects.toBe(REASON);
    await expect(orAborted(signal, never())).rejects.toBe(REASON);
  });

  it('leaves work that ends as it is, and is not listened to any more', async () => {
    const { signal, counts } = countedSignal();
    expect(await orAborted(signal, Promise.resolve(5))).toBe(5);
    await expect(orAborted(signal, Promise.reject(REASON))).rejects.toBe(REASON);
    await turn();
    expect(counts.listeners).toBe(0);
  });
});

describe('a wait for others', () => {
  it('has what the work has', async () => {
    const { signal, counts } = countedSignal();
    for (const one of [undefined, signal]) {
      const waiting = new Interruptible('writeTable', one);
      expect(await waiting.run(async () => waiting.wait(Promise.resolve(5)))).toBe(5);
      await expect(waiting.run(() => waiting.wait(Promise.reject(REASON)))).rejects.toBe(REASON);
    }
    expect(counts.listeners).toBe(0);
  });

  it('ends with the signal, and does not begin behind it', async () => {
    const { controller, signal } = countedSignal();
    const waiting = new Interruptible('writeTable', signal);
    const running = waiting.run(() => waiting.wait(never()));
    controller.abort(REASON);
    await expect(running).rejects.toBe(REASON);
    let began = 0;
    const later = new Interruptible('writeTable', signal);
    await expect(later.run(() => Promise.resolve(began++))).rejects.toBe(REASON);
    expect(began).toBe(0);
  });

  it('ends when the handle closes, and each later one, with the first reason', async () => {
    const waiting = new Interruptible('writeTable', undefined);
    const running = waiting.run(() => waiting.wait(never()));
    waiting.close();
    waiting.abort(REASON);
    const closed = { code: 'ERR_CONNTRACK_CLOSED', operation: 'writeTable' };
    await expect(running).rejects.toMatchObject(closed);
    await expect(waiting.wait(never())).rejects.toMatchObject(closed);
  });
});

describe('an end', () => {
  it('is the first one, and throws its error once', () => {
    const ending = new Ending();
    expect([ending.hasEnded(), ending.hasError, ending.error]).toEqual([false, false, undefined]);
    expect(() => {
      ending.throwError();
    }).not.toThrow();
    ending.set({ error: REASON });
    ending.set('complete');
    expect([ending.hasEnded(), ending.hasError, ending.error]).toEqual([true, true, REASON]);
    expect(() => {
      ending.throwError();
    }).toThrow(REASON);
    expect(() => {
      ending.throwError();
    }).not.toThrow();
    expect([ending.hasEnded(), ending.hasError, ending.error]).toEqual([true, false, undefined]);
  });

  it('that is complete has no error', () => {
    const ending = new Ending();
    ending.set('complete');
    ending.set({ error: REASON });
    expect([ending.hasEnded(), ending.hasError]).toEqual([true, false]);
    expect(() => {
      ending.throwError();
    }).not.toThrow();
  });
});

describe('between two batches', () => {
  it('the event loop turns, unless it has to wait anyway', async () => {
    let turns = 0;
    const count = () => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    try {
      expect(await afterTurn(5)).toBe(5);
      expect(turns).toBeGreaterThan(0);
      const before = turns;
      expect(await afterTurn(Promise.resolve(6))).toBe(6);
      expect(turns).toBe(before);
    } finally {
      clearImmediate(immediate);
    }
  });
});
