/**
 * Nothing but what the kernel sent for an object can be had from it, in any way that JavaScript
 * and Node.js have to look at it or to copy it: neither other entries, which stand beside it in
 * memory, nor what was in that memory before.
 */

import { inspect } from 'node:util';
import { serialize, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { deleteEntries, listEntries, streamEntries, watchEvents } from 'conntrack';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ackMessage,
  doneMessage,
  entryMessage,
  errorMessage,
  expectationMessage,
  NLM_F,
} from '../support/message-builder.js';
import { createEntry, getEntry, listExpectations } from '../support/own-socket.js';
import { accept, answer } from '../support/scripted-kernel.js';
import { flow, tcpKey, tcpTuple } from './flows.js';
import { errorOf } from './outcome.js';

const PLANTED = 'planted-secret-of-the-process';
const contextOf = (index: number) => `context-of-entry-${index}-`;
const CONTEXT = /context-of-entry-\d+-/g;

const gc = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Fills memory that malloc gives out again. */
function plant(): void {
  for (const size of [1 << 16, 1 << 15, 1 << 12, 1 << 10, 300]) {
    const all = Array.from({ length: 200 }, () => Buffer.allocUnsafeSlow(size));
    for (const buffer of all) buffer.fill(`${PLANTED} `);
  }
  gc();
}

const entry = (index: number) =>
  entryMessage({ ...flow(index), securityContext: contextOf(index) });
const entries = (count: number) => Array.from({ length: count }, (_, index) => entry(index));

// Ways to look ---------------------------------------------------------------------------------

/** Every text and every byte of a value, however deep. */
function bytesOf(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || seen.has(value)) return '';
  seen.add(value);
  if (ArrayBuffer.isView(value)) return bytesOf(value.buffer, seen);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return Buffer.from(value).toString('latin1');
  }
  const items: unknown[] =
    value instanceof Map || value instanceof Set ? Array.from<unknown>(value.values()) : [];
  const properties = Reflect.ownKeys(value).map(
    (key): unknown => Object.getOwnPropertyDescriptor(value, key)?.value,
  );
  return [...items, ...properties].map((part) => bytesOf(part, seen)).join('\0');
}

const attempt = (look: () => unknown): unknown => {
  try {
    return look();
  } catch (error) {
    return error;
  }
};

function posted(value: unknown): unknown {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(value);
    return receiveMessageOnPort(port2);
  } finally {
    port1.close();
  }
}

/** All that a prototype has is called, with numbers that might be offsets. */
function members(value: object): unknown[] {
  const found: unknown[] = [];
  for (let of: object | null = value; of !== null && !isBuiltIn(of); of = prototypeOf(of)) {
    for (const key of Reflect.ownKeys(of)) {
      if (key === 'constructor') continue;
      const member = attempt(() => Reflect.get(value, key) as unknown);
      found.push(member);
      if (typeof member !== 'function') continue;
      for (const given of [[], [0], [192], [1000, 64], [0xffff, 0xffff], [-400, 4000]]) {
        const result = attempt(() => Reflect.apply(member, value, given) as unknown);
        if (result instanceof Promise) result.catch(() => undefined);
        found.push(result);
      }
    }
  }
  return found;
}
const prototypeOf = (value: object) => Object.getPrototypeOf(value) as object | null;
const isBuiltIn = (value: object) =>
  [Object, Array, Error, TypeError, Promise, Function].some(({ prototype }) => prototype === value);

const WAYS: Record<string, (value: object) => unknown> = {
  'v8.serialize': serialize,
  structuredClone: (value) => structuredClone(value),
  postMessage: posted,
  'a spread': (value) => ({ ...value }),
  'Object.assign': (value) => Object.assign({}, value),
  'own properties': (value) => value,
  descriptors: (value) => Object.getOwnPropertyDescriptors(value),
  'members of its prototypes': members,
  'parts of its members': (value) =>
    members(value).flatMap((part) =>
      typeof part === 'object' && part !== null
        ? [...members(part), attempt(() => serialize(part))]
        : [],
    ),
  inspect: (value) =>
    inspect(value, { showHidden: true, depth: Infinity, getters: true, maxStringLength: Infinity }),
  'inspect without custom': (value) =>
    inspect(value, {
      customInspect: false,
      showHidden: true,
      showProxy: true,
      depth: Infinity,
      getters: true,
      maxArrayLength: Infinity,
      maxStringLength: Infinity,
    }),
  'JSON.stringify': (value) =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)),
  String: (value) => Reflect.apply(String, undefined, [value]),
};

/** What may not be found, and is, by one way or another. */
function leaks(value: object, own: readonly string[]): string[] {
  return Object.entries(WAYS).flatMap(([way, look]) => {
    const bytes = bytesOf(attempt(() => look(value)));
    const foreign = (bytes.match(CONTEXT) ?? []).filter((context) => !own.includes(context));
    if (bytes.includes(PLANTED)) foreign.push('memory of the process');
    return foreign.length === 0 ? [] : [`${way}: ${[...new Set(foreign)].slice(0, 3).join()}`];
  });
}

// What is looked at ------------------------------------------------------------------------------

type Found = [value: object, own: string[]];
const withContext = (value: object, index: number): Found => [value, [contextOf(index)]];

const SOURCES: Record<string, () => Promise<Found[]>> = {
  'entries of a list': async () => {
    const [listed] = await Promise.all([listEntries(), answer(entries(5), [doneMessage()])]);
    return listed.map((one) => withContext(one, one.id));
  },
  'entries of a large list': async () => {
    const datagrams = Array.from({ length: 20 }, (_, index) =>
      Array.from({ length: 100 }, (_, at) => entry(100 * index + at)),
    );
    const [listed] = await Promise.all([listEntries(), answer(...datagrams, [doneMessage()])]);
    expect(listed).toHaveLength(2000);
    return listed.filter(({ id }) => id % 97 === 0).map((one) => withContext(one, one.id));
  },
  'entries without extensions': async () => {
    const bare = Array.from({ length: 5 }, (_, index) => entryMessage(flow(index)));
    const [listed] = await Promise.all([listEntries(), answer(bare, [doneMessage()])]);
    return listed.map((one) => [one, []]);
  },
  'a filtered list': async () => {
    const filter = { original: { source: '10.0.0.1' } };
    const [listed] = await Promise.all([listEntries(filter), answer(entries(5), [doneMessage()])]);
    expect(listed).toHaveLength(1);
    return listed.map((one) => withContext(one, one.id));
  },
  'a stream of entries': async () => {
    const stream = streamEntries();
    const found: Found[] = [[stream, []]];
    const sending = answer(entries(5), [doneMessage()]);
    for await (const one of stream) found.push(withContext(one, one.id));
    await sending;
    return found;
  },
  'a stream that is being read': async () => {
    const stream = streamEntries();
    const batches = stream.batches();
    const next = batches.next();
    const socket = await answer(entries(5));
    await next;
    const found: Found[] = [
      [stream, [0, 1, 2, 3, 4].map(contextOf)],
      [batches, [0, 1, 2, 3, 4].map(contextOf)],
    ];
    await stream.close();
    await socket.closed();
    return found;
  },
  'an entry that was asked for': async () => {
    const found = entryMessage({ original: tcpTuple, id: 5, securityContext: contextOf(5) });
    const [one] = await Promise.all([getEntry(tcpKey), answer([found, ackMessage()])]);
    return [withContext(one as object, 5)];
  },
  events: async () => {
    const stream = watchEvents();
    const socket = await accept();
    const created = { flags: NLM_F.create | NLM_F.excl, sequence: 0, portId: 0 };
    for (let index = 0; index < 5; index++) await socket.send({ ...entry(index), ...created });
    await socket.send({ ...expectationMessage(5), sequence: 0, portId: 0 });
    const found: Found[] = [];
    for await (const event of stream) {
      if ('entry' in event) found.push(withContext(event, event.entry.id));
      if ('expectation' in event) found.push([event, []], [event.expectation, []]);
      if (found.length === 7) break;
    }
    return [...found, [stream, []]];
  },
  expectations: async () => {
    const [listed] = await Promise.all([
      listExpectations(),
      answer([expectationMessage(1), expectationMessage(2)], [doneMessage()]),
    ]);
    return listed.map((one) => [one, []]);
  },
  errors: async () => {
    const failing = errorOf(listEntries());
    await answer(entries(5), [errorMessage(12)]);
    const [refused] = await Promise.all([
      errorOf(createEntry({ ...tcpKey, timeout: 60 })),
      answer([errorMessage(17), errorMessage(2)]),
    ]);
    return [
      [(await failing) as object, []],
      [refused as object, []],
    ];
  },
  'results of a pass': async () => {
    const deleting = deleteEntries({ original: { source: '10.0.0.1' } }, { dryRun: true });
    const dump = await accept();
    await accept();
    await dump.request();
    await dump.send(...entries(5), doneMessage());
    return [[await deleting, []]];
  },
};

describe('nothing else can be had from', () => {
  beforeAll(plant);

  test.each(Object.entries(SOURCES))('%s', async (_, make) => {
    plant();
    const found = await make();
    expect(found.length).toBeGreaterThan(0);
    for (const [value, own] of found) expect(leaks(value, own)).toEqual([]);
  });
});

describe('a copy of an entry', () => {
  test('is empty; toJSON() is what can be copied', async () => {
    const [[one]] = await Promise.all([listEntries(), answer(entries(1), [doneMessage()])]);
    if (one === undefined) throw new Error('no entry');
    expect(structuredClone(one)).toEqual({});
    expect({ ...one }).toEqual({});
    expect(structuredClone(one.toJSON())).toEqual(one.toJSON());
  });
});
