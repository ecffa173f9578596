import * as conntrack from 'conntrack';
import {
  Conntrack,
  countEntries,
  listExpectations,
  listTimeoutPolicies,
  updateEntry,
} from 'conntrack';
import { describe, expect, it, test, vi } from 'vitest';
import { atMost, Context, contextOf, within } from '../../src/request/context.js';

describe('the context of a call', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['the namespace object of a module', conntrack],
    ['an object that has the function', { countEntries }],
    ['a handle, which is no context itself', Object.create(Conntrack.prototype)],
  ])('is its own where `this` is %s', async (_, self) => {
    const context = contextOf(self, 'countEntries');
    expect(context).not.toBe(self);
    expect(context.netns).toBeUndefined();
    context.endCall();
    expect(() => {
      context.refuseIfClosed('countEntries');
    }).toThrow('the handle is closed');
  });

  it('is that of the handle otherwise, and outlives the call', async () => {
    const own = new Context();
    await within(own, 'work', async (context) => {
      expect(context).toBe(own);
    });
    expect(contextOf(own, 'work')).toBe(own);
    await own.close();
    expect(() => contextOf(own, 'work')).toThrow('work: the handle is closed');
  });

  it('is closed when the call fails', async () => {
    let used: Context | undefined;
    const failing = within(undefined, 'work', async (context) => {
      used = context;
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(() => {
      used?.refuseIfClosed('work');
    }).toThrow('closed');
  });

  it('a method without its handle does not work on our own namespace', async () => {
    const handle = await Conntrack.open();
    // eslint-disable-next-line @typescript-eslint/unbound-method -- that is what is tried
    const { countEntries: detached } = handle;
    expect(() => detached()).toThrow(TypeError);
    await handle.close();
  });
});

describe('what ends with a context', () => {
  it('is what follows it, and what runs in it', async () => {
    const context = new Context();
    const stream = context.follow({ close: vi.fn() });
    const left = context.follow({ close: vi.fn() });
    context.unfollow(left);
    const work = { close: vi.fn() };
    let finish = () => {};
    const running = context.during(work, () => new Promise<void>((resolve) => (finish = resolve)));
    await context.close();
    await context.close();
    expect(stream.close).toHaveBeenCalledOnce();
    expect(work.close).toHaveBeenCalledOnce();
    expect(left.close).not.toHaveBeenCalled();
    finish();
    await running;
  });

  it('is not what has run in it', async () => {
    const context = new Context();
    const work = { close: vi.fn() };
    await context.during(work, async () => undefined);
    await context.close();
    expect(work.close).not.toHaveBeenCalled();
  });
});

describe('what begins in a context after its end', () => {
  it('ends at once', async () => {
    const context = new Context();
    await context.close();
    const closed: string[] = [];
    const named = (name: string) => ({ close: () => void closed.push(name) });
    context.follow(named('stream'));
    await context.during(named('work'), async () => {
      expect(closed).toEqual(['stream', 'work']);
    });
  });

  it('sends nothing', async () => {
    const context = new Context();
    const { requests } = new Context();
    await context.close();
    await requests.close();
    for (const queue of [context.requests, requests]) {
      const begin = () => queue.begin('countEntries', 'usage', 0, () => undefined);
      expect(begin).toThrow('countEntries: the handle is closed');
    }
  });
});

describe('an argument behind the last parameter', () => {
  const pass = (...given: unknown[]) => {
    const listed = (function (..._: unknown[]) {
      // biome-ignore lint/complexity/noArguments: what a function passes on
      return arguments; // eslint-disable-line prefer-rest-params
    })(...given);
    return () => {
      atMost(1, listed);
    };
  };

  test.each<[string, unknown[]]>([
    ['options', [{}, { signal: undefined }]],
    ['an empty object', [{}, {}]],
    ['options behind undefined', [{}, undefined, { dryRun: true }]],
    ['a Map', [{}, new Map()]],
  ])('is refused: %s', (_, given) => {
    expect(pass(...given)).toThrow(TypeError);
  });

  test.each<[string, unknown[]]>([
    ['none', [{}]],
    ['undefined', [{}, undefined]],
    ['null', [{}, null]],
    ['what Array.map passes', [{}, 0, [{}]]],
  ])('is let through: %s', (_, given) => {
    expect(pass(...given)).not.toThrow();
  });

  test.each<[string, () => unknown]>([
    ['listTimeoutPolicies({ nosuch: 1 })', () => (listTimeoutPolicies as Loose)({ nosuch: 1 })],
    ['listExpectations(filter, options)', () => (listExpectations as Loose)({}, { family: 'x' })],
    ['countEntries({ family })', () => (countEntries as Loose)({ family: 'ipv4' })],
    ['updateEntry(key, changes, options)', () => (updateEntry as Loose)({}, {}, { force: true })],
  ])('rejects: %s', async (_, call) => {
    await expect(call()).rejects.toThrow(TypeError);
    await expect(call()).rejects.toThrow('takes no options');
  });

  it('is refused by a method, too', async () => {
    const handle = await Conntrack.open();
    const { listTimeoutPolicies: list } = {
      listTimeoutPolicies: (...given: unknown[]) =>
        (handle.listTimeoutPolicies as Loose).apply(handle, given),
    };
    await expect(list({ helper: 'sip' })).rejects.toThrow('takes no options');
    await handle.close();
  });
});

type Loose = (...given: unknown[]) => Promise<unknown>;
