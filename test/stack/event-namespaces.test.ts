/** Which namespace an event names: the id that the kernel gives, whatever it is. */
import { type ConntrackEvent, watchEvents } from 'conntrack';
import { expect, test } from 'vitest';
import { entryMessage, expectationMessage, NLM_F } from '../support/message-builder.js';
import { accept } from '../support/scripted-kernel.js';
import { flow } from './flows.js';

const NEW = 1;
const EXPECTATION_NEW = 4;
const EVENT = { flags: NLM_F.create | NLM_F.excl, sequence: 0, portId: 0 };
const created = (id: number) => ({ ...entryMessage(flow(id)), ...EVENT });
const expectation = expect.objectContaining({ id: 5 }) as unknown;

/** The kernel counts the ids from 0. */
const IDS = [0, 1, 7, 0x7fffffff];

test('every id, and none for its own', async () => {
  const stream = watchEvents({ allNamespaces: true });
  const socket = await accept();
  for (const netns of [-1, ...IDS]) expect(socket.multicast(NEW, created(1), netns)).toBe('yes');
  const events: ConntrackEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (events.length === IDS.length + 1) break;
  }
  const [own, ...others] = events;
  expect(own).not.toHaveProperty('netns');
  expect(others.map((event) => 'netns' in event && event.netns)).toEqual(IDS);
  for (const event of others) expect(event).not.toHaveProperty('eventTimeNs');
});

test('of expectations, too', async () => {
  const stream = watchEvents({ events: [], expectations: true, allNamespaces: true });
  const socket = await accept();
  const expected = { ...expectationMessage(5), ...EVENT };
  for (const netns of [-1, ...IDS]) {
    expect(socket.multicast(EXPECTATION_NEW, expected, netns)).toBe('yes');
  }
  const events: ConntrackEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (events.length === IDS.length + 1) break;
  }
  const [own, ...others] = events;
  expect(own).toEqual({ type: 'expectation-new', expectation, originPortId: 0 });
  expect(others).toEqual(
    IDS.map((netns) => ({ type: 'expectation-new', expectation, originPortId: 0, netns })),
  );
});

test('beside the time of the event', async () => {
  const stream = watchEvents({ allNamespaces: true });
  const socket = await accept();
  const eventTimeNs = 1_700_000_000_123_456_789n;
  const timed = { ...entryMessage({ ...flow(1), eventTime: eventTimeNs }), ...EVENT };
  socket.multicast(NEW, timed, 7);
  for await (const event of stream) {
    expect(event).toMatchObject({ type: 'new', netns: 7, eventTimeNs });
    break;
  }
});

test('a stream of its own namespace hears nothing of others', async () => {
  const stream = watchEvents();
  const socket = await accept();
  expect(IDS.map((netns) => socket.multicast(NEW, created(1), netns))).toEqual(IDS.map(() => 'no'));
  await stream.close();
});

test('what the kernel has dropped is told with its number, between the events', async () => {
  const stream = watchEvents();
  const socket = await accept();
  const batches = stream.batches();
  const words: unknown[] = [];
  const take = async (count: number) => {
    while (words.length < count) {
      const { value = [] } = (await batches.next()) as { value?: ConntrackEvent[] };
      words.push(...value.map((event) => ('entry' in event ? event.entry.id : event)));
    }
  };
  socket.multicast(NEW, created(1));
  await take(1);
  socket.overrun(3);
  await take(2);
  socket.multicast(NEW, created(2));
  await take(3);
  expect(words).toEqual([
    1,
    expect.objectContaining({ type: 'lost', cause: 'kernel', count: 3 }),
    2,
  ]);
  expect(stream.counters).toMatchObject({ lostInKernel: 3, received: 2, delivered: 2 });
  await stream.close();
});
