/** What a stream makes of an event socket that lies, and its methods in every state. */
import { getEventListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import {
  Conntrack,
  type ConntrackEvent,
  type EventStream,
  type WatchOptions,
  watchEvents,
} from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  CTNETLINK,
  CTNETLINK_EXPECTATIONS,
  entryMessage,
  expectationMessage,
  type Message,
  NLM_F,
  nfgenmsg,
} from '../support/message-builder.js';
import {
  accept,
  failNext,
  type KernelSocket,
  waitingSockets,
  withStoppedClock,
} from '../support/scripted-kernel.js';
import { flow } from './flows.js';

/** What the kernel sends: nlmsg_pid is who caused it. */
const created = (index: number, portId = 0): Message => ({
  ...entryMessage(flow(index)),
  flags: NLM_F.create | NLM_F.excl,
  sequence: 0,
  portId,
});
const changed = (index: number): Message => ({ ...created(index), flags: 0 });
const removed = (index: number): Message => ({ ...changed(index), type: CTNETLINK.delete });

const icmpMessage = {
  payload: entryMessage({
    id: 1,
    original: {
      source: '10.0.0.1',
      destination: '10.0.0.2',
      protocol: 1,
      icmp: { type: 8, code: 0, id: 7 },
    },
  }).payload,
};

const EVERYWHERE: WatchOptions = { allNamespaces: true };
const UNSUPPORTED = 'ERR_CONNTRACK_UNSUPPORTED';

interface Watching {
  stream: EventStream;
  socket: KernelSocket;
}

async function watch(options?: WatchOptions): Promise<Watching> {
  const stream = watchEvents(options);
  return { stream, socket: await accept() };
}

/** The next `count` events, in short. */
async function take(stream: EventStream, count: number): Promise<unknown[]> {
  const events: ConntrackEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (events.length === count) break;
  }
  return events.map((event) => ('entry' in event ? [event.type, event.entry.id] : event));
}

describe('an event stream', () => {
  test('tells created, changed and removed apart, and who caused it', async () => {
    const { stream, socket } = await watch();
    await socket.send(created(1, 4711));
    await socket.send(changed(1));
    await socket.send(removed(1));
    const events: ConntrackEvent[] = [];
    for await (const event of stream) {
      events.push(event);
      if (events.length === 3) break;
    }
    expect(events.map(({ type }) => type)).toEqual(['new', 'update', 'destroy']);
    expect(events.map((event) => 'originPortId' in event && event.originPortId)).toEqual([
      4711, 0, 0,
    ]);
  });

  test('tells of expectations that came and went, and who caused it', async () => {
    const { stream, socket } = await watch({ expectations: true });
    const expected: Message = { ...expectationMessage(5), sequence: 0, portId: 4711 };
    await socket.send({ ...expected, flags: NLM_F.create | NLM_F.excl });
    await socket.send({ ...expected, flags: 0, type: CTNETLINK_EXPECTATIONS.delete, portId: 0 });
    const events: ConntrackEvent[] = [];
    for await (const event of stream) {
      events.push(event);
      if (events.length === 2) break;
    }
    const expectation = expect.objectContaining({ id: 5, helper: 'ftp' }) as unknown;
    expect(events).toEqual([
      { type: 'expectation-new', expectation, originPortId: 4711 },
      { type: 'expectation-destroy', expectation, originPortId: 0 },
    ]);
    expect(stream.counters).toMatchObject({ received: 2, delivered: 2 });
  });

  test('has the time of an event where the kernel sends it', async () => {
    const { stream, socket } = await watch();
    const eventTime = 1_700_000_000_123_456_789n;
    await socket.send({ ...created(1), ...entryMessage({ ...flow(1), eventTime }), sequence: 0 });
    // Its extension has no time.
    await socket.send({
      ...created(2),
      ...entryMessage({ ...flow(2), helper: 'ftp' }),
      sequence: 0,
    });
    await socket.send(created(3));
    const times: unknown[] = [];
    for await (const event of stream) {
      times.push('eventTimeNs' in event ? event.eventTimeNs : 'absent');
      expect(event).not.toHaveProperty('netns');
      if (times.length === 3) break;
    }
    expect(times).toEqual([eventTime, 'absent', 'absent']);
  });

  test('drops and counts what is malformed, and nothing else', async () => {
    const { stream, socket } = await watch();
    await socket.send(created(1));
    await socket.send({ ...created(2), length: 0xffffffff });
    await socket.send({ ...created(3), length: 15 });
    await socket.send({ ...created(4), payload: nfgenmsg(2) });
    await socket.send(Buffer.alloc(7));
    await socket.send({ ...created(5), type: 0x7f00 });
    await socket.send(Buffer.alloc(5000));
    await socket.send(created(6), created(7));
    expect(await take(stream, 3)).toEqual([
      ['new', 1],
      ['new', 6],
      ['new', 7],
    ]);
    expect(stream.counters).toMatchObject({ received: 3, malformed: 6, foreign: 0 });
  });

  test('waits on when all that came was dropped or did not match', async () => {
    const filter = { original: { icmp: { type: 8 } } };
    for (const read of ['batches', Symbol.asyncIterator] as const) {
      const { stream, socket } = await watch({ filter });
      const pending = stream[read]().next();
      for (let index = 1; index <= 50; index++) {
        await socket.send(created(index));
        await socket.send({ ...created(index), length: 15 });
        await expect.poll(() => stream.counters.malformed).toBe(index);
        // JavaScript had its chance to answer a bell.
        await new Promise(setImmediate);
      }
      await socket.send({ ...created(0), ...icmpMessage });
      const { done, value } = await pending;
      expect(done).toBe(false);
      expect([value].flat()).toMatchObject([{ entry: { protocol: 'icmp' } }]);
      expect(stream.counters).toMatchObject({ received: 1, delivered: 1 });
      await stream.close();
    }
  });

  test('drops and counts what strangers send, however right it looks', async () => {
    const { stream, socket } = await watch();
    await socket.sendFrom(1234, created(666));
    await socket.sendFrom(0xffffffff, Buffer.alloc(3));
    await socket.sendFrom(1, Buffer.alloc(5000));
    await socket.send(created(1));
    expect(await take(stream, 1)).toEqual([['new', 1]]);
    expect(stream.counters).toMatchObject({ received: 1, malformed: 0, foreign: 3 });
  });

  test('keeps the order over many batches', async () => {
    const count = 20_000;
    const { stream, socket } = await watch();
    const sending = (async () => {
      for (let index = 0; index < count; index++) await socket.send(created(index));
    })();
    let next = 0;
    for await (const events of stream.batches()) {
      for (const event of events) {
        if (!('entry' in event) || event.entry.id !== next++) throw new Error(`not ${next - 1}`);
      }
      if (next === count) break;
    }
    await sending;
    expect(stream.counters).toMatchObject({ received: count, delivered: count });
  });

  test('lets events gather for as long as it may', async () => {
    await withStoppedClock(async (advance) => {
      const { stream, socket } = await watch({ maxDelay: 1000 });
      const pending = stream.batches().next();
      await socket.send(created(1));
      await socket.send(created(2));
      expect(await Promise.race([pending, setTimeout(50, 'waits')])).toBe('waits');
      await socket.send(created(3));
      const moving = setInterval(advance, 1, 1000);
      expect((await pending).value).toHaveLength(3);
      clearInterval(moving);
      await stream.close();
    });
  });

  test('has caught up when all that was sent before the call was processed', async () => {
    const { stream, socket } = await watch();
    const processed: number[] = [];
    const reading = (async () => {
      for await (const event of stream) if ('entry' in event) processed.push(event.entry.id);
    })();
    await stream.caughtUp();
    expect(processed).toEqual([]);
    for (let index = 1; index <= 3000; index++) await socket.send(created(index));
    await stream.caughtUp();
    expect(processed).toHaveLength(3000);
    const three = [stream.caughtUp(), stream.caughtUp(), stream.caughtUp()];
    await Promise.all(three);
    expect(stream.counters).toMatchObject({ received: 3000, delivered: 3000 });
    await stream.close();
    await reading;
  });

  test('has not caught up while the loop works on what came before', async () => {
    const { stream, socket } = await watch();
    await socket.send(created(1));
    const iterator = stream.batches();
    const caughtUp = stream.caughtUp().then(() => 'caught up');
    await iterator.next();
    expect(await Promise.race([caughtUp, setTimeout(20, 'works')])).toBe('works');
    void iterator.next();
    expect(await caughtUp).toBe('caught up');
    await stream.close();
  });

  test('whoever waits for it to catch up learns of its end', async () => {
    const closed = expect.objectContaining({ code: 'ERR_CONNTRACK_CLOSED' }) as unknown;
    const { stream } = await watch();
    const waiting = stream.caughtUp();
    await stream.close();
    await expect(waiting).rejects.toEqual(closed);
    await expect(stream.caughtUp()).rejects.toEqual(closed);
    const controller = new AbortController();
    const { stream: aborted } = await watch({ signal: controller.signal });
    const ended = aborted.caughtUp();
    controller.abort('enough');
    await expect(ended).rejects.toBe('enough');
  });

  test('ends with the error when its socket fails', async () => {
    const { stream, socket } = await watch();
    await socket.send(created(1));
    socket.close();
    const iterator = stream[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ type: 'new' });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test.each<[string, Parameters<typeof failNext>, WatchOptions, string, RegExp]>([
    ['to join', ['bind', 'EPERM'], {}, 'EPERM', /CAP_NET_ADMIN(?!.*BROADCAST).*cap_net_admin/s],
    [
      'to hear others',
      ['bind', 'EPERM'],
      EVERYWHERE,
      'EPERM',
      /lacks CAP_NET_ADMIN.*, or CAP_NET_BROADCAST, which/,
    ],
    ['for lack of memory', ['bind', 'ENOMEM'], EVERYWHERE, 'ENOMEM', /^(?!.*CAP_NET)/s],
    ['to have a socket', ['socket', 'EPERM'], EVERYWHERE, UNSUPPORTED, /^(?!.*CAP_NET)/s],
  ])('that may not be opened says why: %s', (_, failure, options, code, text) => {
    failNext(...failure);
    let error: unknown;
    try {
      watchEvents(options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, operation: 'watchEvents' });
    expect(String(error)).toMatch(text);
  });

  test('fails at once when it cannot subscribe', () => {
    failNext('bind', 'EPERM');
    expect(() => watchEvents()).toThrow(
      expect.objectContaining({
        code: 'EPERM',
        operation: 'watchEvents',
        hint: expect.stringContaining('cap_net_admin') as string,
      }),
    );
    failNext('socket', 'EPROTONOSUPPORT');
    expect(() => watchEvents()).toThrow(expect.objectContaining({ code: UNSUPPORTED }));
  });
});

describe('the states of an event stream', () => {
  const states = {
    idle: async () => watch(),
    pending: async () => {
      const watching = await watch();
      return { ...watching, pending: watching.stream.batches().next() };
    },
  };

  test('a second next() is refused while one is pending', async () => {
    const { stream, socket } = await watch();
    const iterator = stream.batches();
    const pending = iterator.next();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'ERR_CONNTRACK_BUSY' });
    await socket.send(created(1));
    expect((await pending).value).toHaveLength(1);
    await stream.close();
  });

  test('a second reader is refused', async () => {
    const { stream } = await watch();
    stream.batches();
    expect(() => stream[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: 'ERR_CONNTRACK_BUSY' }),
    );
    await stream.close();
  });

  test.each(Object.entries(states))(
    'close() of one that is %s closes the socket',
    async (_, enter) => {
      const watching = await enter();
      await Promise.all([watching.stream.close(), watching.stream[Symbol.asyncDispose]()]);
      await watching.socket.closed();
      if ('pending' in watching) {
        expect(await watching.pending).toEqual({ value: undefined, done: true });
      }
      await watching.stream.close();
      expect(watching.stream.counters).toMatchObject({ received: 0, delivered: 0 });
    },
  );

  test('`await using` closes the socket', async () => {
    const { stream, socket } = await watch();
    await stream[Symbol.asyncDispose]();
    await socket.closed();
  });

  test('return() and throw() close the socket', async () => {
    for (const method of ['return', 'throw'] as const) {
      const { stream, socket } = await watch();
      const iterator = stream.batches();
      const reason = new Error('thrown in');
      const ended = iterator[method]?.(reason as never);
      if (method === 'throw') await expect(ended).rejects.toBe(reason);
      else expect(await ended).toEqual({ value: undefined, done: true });
      await socket.closed();
      expect(await iterator.next()).toEqual({ value: undefined, done: true });
    }
  });

  test('events that were not read are dropped with the stream', async () => {
    const { stream, socket } = await watch();
    await socket.send(created(1));
    await socket.send(created(2));
    const iterator = stream[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ type: 'new' });
    await stream.close();
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test('its signal is left at its end', async () => {
    const { signal } = new AbortController();
    const { stream } = await watch({ signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await stream.close();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('events on their way to who reads are dropped with the stream', async () => {
    const { stream, socket } = await watch();
    await socket.send(created(1));
    await expect.poll(() => stream.counters.received).toBe(1);
    const next = stream.batches().next();
    await stream.close();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(stream.counters.delivered).toBe(0);
  });

  test('a handle that is closed watches nothing', async () => {
    const conntrack = await Conntrack.open();
    const stream = conntrack.watchEvents();
    const socket = await accept();
    await conntrack.close();
    await socket.closed();
    expect(await stream.batches().next()).toEqual({ value: undefined, done: true });
    expect(() => conntrack.watchEvents()).toThrow(
      expect.objectContaining({ code: 'ERR_CONNTRACK_CLOSED' }),
    );
  });
});

describe('options', () => {
  test.each<[WatchOptions | undefined, number[]]>([
    [undefined, [1, 2, 3]],
    [{}, [1, 2, 3]],
    [{ events: ['destroy'] }, [3]],
    [{ events: ['update', 'new', 'update'] }, [1, 2]],
    [{ expectations: true }, [1, 2, 3, 4, 6]],
    [{ expectations: false }, [1, 2, 3]],
    [{ events: [], expectations: true }, [4, 6]],
  ])('%j subscribes to the groups %j', async (options, groups) => {
    const { stream, socket } = await watch(options);
    expect(socket.groups).toEqual(groups);
    await stream.close();
  });

  test.each([
    [undefined, 64 << 20],
    [4096, 4096],
  ])(
    'a receive buffer of %s bytes is of the size that the kernel grants',
    async (given, granted) => {
      const { stream } = await watch({ receiveBufferBytes: given });
      expect(stream.receiveBufferBytes).toBe(granted);
      await stream.close();
    },
  );

  test('with a signal that has aborted open no socket', () => {
    const reason = new Error('enough');
    expect(() => watchEvents({ signal: AbortSignal.abort(reason) })).toThrow(reason);
    expect(waitingSockets()).toBe(0);
  });

  test.each([
    [
      { events: ['created'] },
      TypeError,
      "options.events[0]: must be 'new', 'update' or 'destroy', not \"created\"",
    ],
    [{ events: 'new' }, TypeError, 'options.events: must be an array'],
    [{ events: [] }, TypeError, 'options.events: must name'],
    [{ event: ['new'] }, TypeError, 'options.event: unknown field'],
    [{ signal: {} }, TypeError, 'options.signal'],
    [{ reliableDestroy: 1 }, TypeError, 'options.reliableDestroy: must be a boolean'],
    [{ events: ['new'], reliableDestroy: true }, TypeError, "requires 'destroy'"],
    [{ receiveBufferBytes: 4095 }, RangeError, 'options.receiveBufferBytes'],
    [{ receiveBufferBytes: '4096' }, TypeError, 'options.receiveBufferBytes'],
    [{ queueBytes: 65_535 }, RangeError, 'options.queueBytes'],
    [{ queueBytes: 2 ** 31 }, RangeError, 'options.queueBytes'],
    [{ events: [], expectations: false }, TypeError, 'options.events: must name'],
    [null, TypeError, 'options: must be a plain object'],
  ])('%j is refused', (options, type, message) => {
    const call = () => watchEvents(options as never);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });
});
