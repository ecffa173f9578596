/** Every method in every state. */
import { Conntrack, type EntryStream, streamEntries } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  entryMessage,
  errorMessage,
  type Message,
  statsMessage,
} from '../support/message-builder.js';
import { accept, answer, type KernelSocket, waitingSockets } from '../support/scripted-kernel.js';
import { flow, flows, tcpKey } from './flows.js';

const REASON = new Error('the reason of the signal');
const THROWN = new Error('thrown into the iterator');

/** What came of a call, in one word. */
async function wordFor(call: () => unknown): Promise<string> {
  try {
    const value = (await call()) as { done?: boolean } | undefined;
    return value?.done === undefined ? 'fine' : value.done ? 'done' : 'value';
  } catch (error) {
    if (error === REASON) return 'REASON';
    if (error === THROWN) return 'THROWN';
    const { code } = error as { code?: string };
    return code?.replace('ERR_CONNTRACK_', '') ?? String(error);
  }
}

const keys = <T extends object>(object: T) => Object.keys(object) as (keyof T)[];

describe.each(['entries', 'batches'] as const)('a stream, read as %s', (kind) => {
  interface Reading {
    stream: EntryStream;
    iterator: AsyncIterableIterator<unknown>;
    /** The call of next() that has not ended. */
    pending?: Promise<string>;
    socket?: KernelSocket;
  }

  const begin = (signal?: AbortSignal): Reading => {
    const stream = streamEntries({}, { signal });
    const iterator = kind === 'batches' ? stream.batches() : stream[Symbol.asyncIterator]();
    return { stream, iterator };
  };

  /** Reads what the kernel answers first. */
  const beginWith = async (messages: Message[], signal?: AbortSignal) => {
    const reading = begin(signal);
    const [word, socket] = await Promise.all([
      wordFor(() => reading.iterator.next()),
      answer(messages),
    ]);
    return { ...reading, word, socket };
  };

  const states = {
    idle: async () => begin(),
    reading: async () => {
      const reading = begin();
      const pending = wordFor(() => reading.iterator.next());
      return { ...reading, pending, socket: await answer() };
    },
    'between batches': async () => beginWith([entryMessage(flow(0))]),
    ended: async () => beginWith([doneMessage()]),
    failed: async () => {
      const reading = await beginWith([errorMessage(12)]);
      expect(reading.word).toBe('ENOMEM');
      return reading;
    },
    closed: async () => {
      const reading = await beginWith(flows(2).map(entryMessage));
      await reading.stream.close();
      return reading;
    },
    left: async () => {
      const reading = await beginWith(flows(2).map(entryMessage));
      await reading.iterator.return?.();
      return reading;
    },
    aborted: async () => {
      const controller = new AbortController();
      const reading = await beginWith(flows(2).map(entryMessage), controller.signal);
      controller.abort(REASON);
      return reading;
    },
  } satisfies Record<string, () => Promise<Reading>>;

  const methods = {
    next: ({ iterator }) => iterator.next(),
    'iterate again': ({ stream }) => stream[Symbol.asyncIterator](),
    'batches again': ({ stream }) => stream.batches(),
    return: ({ iterator }) => iterator.return?.(),
    throw: ({ iterator }) => iterator.throw?.(THROWN),
    close: ({ stream }) => stream.close(),
    dispose: ({ stream }) => stream[Symbol.asyncDispose](),
  } satisfies Record<string, (reading: Reading) => unknown>;

  // What the call gives; what the pending next() gives, where there is one, else
  // what a next() afterwards gives.
  const again = ['BUSY', undefined] as const;
  const over = {
    'iterate again': again,
    'batches again': again,
    // Whoever leaves the loop is told nothing more.
    return: ['done', 'done'],
    throw: ['THROWN', 'done'],
    close: ['fine', 'done'],
    dispose: ['fine', 'done'],
  } as const;
  const open = { ...over, close: ['fine', 'CLOSED'], dispose: ['fine', 'CLOSED'] } as const;
  type Cell = readonly [called: string, then: string | undefined];
  const table: Record<keyof typeof states, Record<keyof typeof methods, Cell>> = {
    idle: { next: ['value', undefined], ...open },
    reading: { next: ['BUSY', undefined], ...open },
    'between batches': { next: ['value', undefined], ...open },
    ended: { next: ['done', 'done'], ...over },
    failed: { next: ['done', 'done'], ...over },
    // The error is given once, and the end from then on.
    closed: { next: ['CLOSED', 'done'], ...open },
    left: { next: ['done', 'done'], ...over },
    aborted: {
      next: ['REASON', 'done'],
      ...over,
      close: ['fine', 'REASON'],
      dispose: ['fine', 'REASON'],
    },
  };

  const cells = keys(states).flatMap((state) =>
    keys(methods).map((method) => [state, method, ...table[state][method]] as const),
  );

  test.each(cells)('%s: %s is %s', async (state, method, outcome, then) => {
    const reading: Reading = await states[state]();
    const called = wordFor(() => methods[method](reading));
    // The kernel goes on where the call waits for it.
    if (outcome === 'value') {
      reading.socket ??= await answer();
      await reading.socket.send(entryMessage(flow(9)));
    }
    expect(await called).toBe(outcome);
    if (then !== undefined) {
      expect(await (reading.pending ?? wordFor(() => reading.iterator.next()))).toBe(then);
    }
    await reading.stream.close();
    await reading.pending;
    await reading.socket?.closed();
  });
});

describe('a handle', () => {
  interface Handle {
    conntrack: Conntrack;
    /** For its requests, once it has sent one. */
    requests?: KernelSocket;
    /** Of its stream. */
    reading?: KernelSocket;
    /** Lets the kernel answer the request that is under way. */
    proceed?: () => Promise<unknown>;
  }

  const begin = async (): Promise<Handle> => ({ conntrack: await Conntrack.open() });

  const beginCounting = async () => {
    const handle = await begin();
    const counting = handle.conntrack.countEntries();
    const requests = await answer();
    const proceed = async () => {
      await requests.send(statsMessage(1), ackMessage());
      expect(await counting).toBe(1);
    };
    return { ...handle, requests, proceed };
  };

  const states = {
    open: begin,
    requesting: beginCounting,
    streaming: async () => {
      const handle = await begin();
      const batch = handle.conntrack.streamEntries().batches().next();
      const reading = await answer([entryMessage(flow(0))]);
      await batch;
      return { ...handle, reading };
    },
    closing: async () => {
      const handle = await beginCounting();
      const closing = handle.conntrack.close();
      return { ...handle, proceed: () => Promise.all([handle.proceed(), closing]) };
    },
    closed: async () => {
      const handle = await begin();
      await handle.conntrack.close();
      return handle;
    },
  } satisfies Record<string, () => Promise<Handle>>;

  const methods = {
    listEntries: ({ conntrack }) => conntrack.listEntries(),
    streamEntries: ({ conntrack }) => conntrack.streamEntries(),
    getEntry: ({ conntrack }) => conntrack.getEntry(tcpKey),
    countEntries: ({ conntrack }) => conntrack.countEntries(),
    close: ({ conntrack }) => conntrack.close(),
    dispose: ({ conntrack }) => conntrack[Symbol.asyncDispose](),
  } satisfies Record<string, (handle: Handle) => unknown>;

  /** The kernel answers the request of a call, on the socket that the handle has or opens. */
  const reply = async (handle: Handle, ...messages: Message[]) => {
    handle.requests ??= await accept();
    await handle.requests.request();
    await handle.requests.send(...messages);
  };
  /** What the kernel does so that the call can end. */
  const answers: Partial<Record<keyof typeof methods, (handle: Handle) => Promise<unknown>>> = {
    listEntries: () => answer([entryMessage(flow(0)), doneMessage()]),
    getEntry: (handle) => reply(handle, errorMessage(2)),
    countEntries: (handle) => reply(handle, statsMessage(2), ackMessage()),
  };

  const isClosed = (state: keyof typeof states) => state === 'closing' || state === 'closed';
  const cells = keys(states).flatMap((state) =>
    keys(methods).map((method) => {
      const refused = isClosed(state) && method !== 'close' && method !== 'dispose';
      return [state, method, refused ? 'CLOSED' : 'fine'] as const;
    }),
  );

  test.each(cells)('%s: %s is %s', async (state, method, outcome) => {
    const handle: Handle = await states[state]();
    const called = wordFor(() => methods[method](handle));
    // What is refused waits for nobody.
    if (outcome === 'CLOSED') expect(await called).toBe('CLOSED');
    await handle.proceed?.();
    if (outcome === 'fine') await answers[method]?.(handle);
    expect(await called).toBe(outcome);
    await handle.conntrack.close();
    await handle.requests?.closed();
    await handle.reading?.closed();
    expect(waitingSockets()).toBe(0);
  });
});
