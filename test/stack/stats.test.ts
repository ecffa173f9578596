/** Statistics, from a kernel that may be of any age, and from one that lies. */
import { Conntrack } from 'conntrack';
import { describe, expect, test } from 'vitest';
import {
  ackMessage,
  attribute,
  CTNETLINK,
  doneMessage,
  errorMessage,
  type Message,
  NLM_F,
  u16,
  u32,
  u64,
} from '../support/message-builder.js';
import { readPressure, readStats } from '../support/own-socket.js';
import { accept, type KernelSocket } from '../support/scripted-kernel.js';

const EPERM = 1;
const ENOMEM = 12;
const EINVAL = 22;

/** The answers to expectations name the other subsystem, as the real kernel's do. */
const EXPECTATION_STATS_CPU = 0x103;

const usage = (...attributes: Buffer[]): Message => ({
  type: CTNETLINK.getStats,
  flags: NLM_F.multi,
  payload: Buffer.concat([Buffer.alloc(4), ...attributes]),
});

const cpu = (type: number, number: number, ...attributes: Buffer[]): Message => ({
  type,
  flags: NLM_F.multi,
  payload: Buffer.concat([Buffer.of(0, 0), u16(number), ...attributes]),
});

const counter = (id: number, value: number) => attribute(id, u32(value));

/** Plays a kernel that answers the three requests of readStats() like this. */
async function statsOf(...answers: Message[][]) {
  const stats = readStats();
  stats.catch(() => undefined);
  const socket = await accept();
  for (const messages of answers) {
    await socket.request();
    await socket.send(...messages);
  }
  return stats;
}

const ENTRIES = [usage(counter(1, 7), counter(2, 100)), ackMessage()];

describe('statistics', () => {
  test('of a kernel newer than this version: unknown counters keep their number', async () => {
    const { getStatsCpu } = CTNETLINK;
    const stats = await statsOf(
      ENTRIES,
      [
        cpu(getStatsCpu, 0, counter(2, 1), counter(10, 2), counter(40, 3)),
        cpu(getStatsCpu, 5, counter(10, 4), attribute(41, u64(2n ** 40n))),
        doneMessage(),
      ],
      [cpu(EXPECTATION_STATS_CPU, 5, counter(2, 6), counter(9, 8)), doneMessage()],
    );
    expect(stats).toEqual({
      source: 'netlink',
      entries: 7,
      maxEntries: 100,
      cpus: [
        { cpu: 0, found: 1, drop: 2, other: { 40: 3 } },
        { cpu: 5, drop: 4, expectCreate: 6, other: { 41: 2 ** 40, 'expect.9': 8 } },
      ],
      total: {
        found: 1,
        drop: 6,
        expectCreate: 6,
        other: { 40: 3, 41: 2 ** 40, 'expect.9': 8 },
      },
    });
  });

  test('of an older one: what it does not send is absent, and the maximum comes from /proc', async () => {
    const stats = await statsOf(
      [usage(counter(1, 7)), ackMessage()],
      [cpu(CTNETLINK.getStatsCpu, 0, counter(5, 9)), doneMessage()],
      [doneMessage()],
    );
    expect(stats.total).toEqual({ ignore: 9, other: {} });
    expect(stats.entries).toBe(7);
    expect(stats.maxEntries).toBeGreaterThan(100);
  });

  test.each([
    ['refuses', EPERM],
    ['has no ctnetlink', EINVAL],
  ])('from /proc when the kernel %s', async (_, errno) => {
    const stats = await statsOf([errorMessage(errno)]);
    expect(stats.source).toBe('proc');
    expect(stats.cpus.length).toBeGreaterThan(0);
    expect(stats.total.drop).toBeTypeOf('number');
  });

  test('another error is one', async () => {
    await expect(statsOf([errorMessage(ENOMEM)])).rejects.toMatchObject({
      code: 'ENOMEM',
      operation: 'readStats',
    });
    await expect(statsOf(ENTRIES, [errorMessage(ENOMEM)])).rejects.toMatchObject({
      code: 'ENOMEM',
    });
    await expect(statsOf(ENTRIES, [doneMessage(ENOMEM)])).rejects.toMatchObject({
      code: 'ENOMEM',
    });
  });

  test.each<[string, Message[][]]>([
    ['without the number of entries', [[usage(counter(2, 5)), ackMessage()]]],
    [
      'with a counter that is cut',
      [ENTRIES, [cpu(CTNETLINK.getStatsCpu, 0, attribute(2, u16(1)))]],
    ],
    [
      'without an nfgenmsg',
      [ENTRIES, [{ type: CTNETLINK.getStatsCpu, flags: NLM_F.multi, payload: Buffer.of(0, 0) }]],
    ],
    [
      'with more counters than fit',
      [
        ENTRIES,
        [
          cpu(
            CTNETLINK.getStatsCpu,
            0,
            ...Array.from({ length: 65 }, (_, id) => counter(id + 1, 1)),
          ),
        ],
      ],
    ],
  ])('%s could not be decoded', async (_, answers) => {
    await expect(statsOf(...answers)).rejects.toMatchObject({ code: 'EBADMSG' });
  });

  test('the pressure asks the kernel nothing where /proc shows all', async () => {
    const sample = await readPressure();
    expect(sample.maxEntries).toBeGreaterThan(100);
    expect(sample.dropped?.total).toBeTypeOf('number');
    expect(sample.buckets).toBeGreaterThan(0);
    // The next socket is that of the next call.
    expect((await statsOf([errorMessage(EPERM)])).source).toBe('proc');
  });

  test('a handle that is closed meanwhile', async () => {
    const handle = await Conntrack.open();
    const stats = handle.readStats();
    stats.catch(() => undefined);
    const socket: KernelSocket = await accept();
    await socket.request();
    const closed = handle.close();
    await socket.send(...ENTRIES);
    await expect(stats).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    await closed;
    for (const method of ['readStats', 'readSettings', 'readPressure', 'diagnose'] as const) {
      await expect(handle[method]()).rejects.toMatchObject({
        code: 'ERR_CONNTRACK_CLOSED',
        operation: method,
      });
    }
    expect(() => handle.watchPressure()).toThrow(/watchPressure: the handle is closed/);
  });
});
