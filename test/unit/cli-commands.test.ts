/** Commands over an API that the test plays. */
import { ConntrackError, type Entry } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import type { Call, Command } from '../../src/cli/command.js';
import count from '../../src/cli/commands/count-matching.js';
import create from '../../src/cli/commands/create.js';
import remove from '../../src/cli/commands/delete.js';
import expectations from '../../src/cli/commands/expect.js';
import get from '../../src/cli/commands/get.js';
import timeouts from '../../src/cli/commands/timeouts.js';
import update from '../../src/cli/commands/update.js';
import watch from '../../src/cli/commands/watch.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { Writer } from '../../src/cli/print/writer.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { failing, sink, worldOf } from './cli-world.js';
import { entryWith, TCP_TUPLES } from './records.js';

type Handle = Parameters<typeof update>[0];

const entry = entryWith({ ...TCP_TUPLES, mark: 5 });

const streaming = (...batches: Entry[][]) => ({
  batches: async function* () {
    yield* batches;
  },
});

function callOf(line: string, world = worldOf()): Call & { world: typeof world } {
  return {
    line: parseLine(line.split(' ')),
    world,
    writer: new Writer(world.out),
    run: async () => 0,
  };
}

it('update leaves out what has ended since it was read', async () => {
  const errors = ['ENOENT', 'EBUSY'].map(
    (code) => new ConntrackError('refused', { code, operation: 'updateEntry' }),
  );
  const answers: (Entry | Error | undefined)[] = [entry, errors[0]];
  const handle = {
    streamEntries: () => streaming([entry, entry]),
    updateEntry: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as Handle;
  const call = callOf('update --mark 5');
  expect(await update(handle, call)).toBe(0);
  expect(call.world.out.text().match(/mark=5/g)).toHaveLength(1);
  answers.push(entry, errors[1]);
  await expect(update(handle, callOf('update --mark 5'))).rejects.toBe(errors[1]);
});

it('count counts a family, which the API deletes by no filter', async () => {
  const handle = {
    streamEntries: () => streaming([entry], [entry, entry]),
    deleteEntries: async () => ({ matched: 7 }),
  } as unknown as Handle;
  const family = callOf('count --family ipv4');
  await count(handle, family);
  const port = callOf('count --port 5 --json');
  await count(handle, port);
  expect([family, port].map((call) => call.world.out.text())).toEqual(['3\n', '{"entries":7}\n']);
});

describe('what would do nothing is refused', () => {
  const refuse = () => {
    throw new Error('the API was called');
  };
  const never = new Proxy({}, { get: () => refuse }) as unknown as Handle;

  test.each<[string, Command]>([
    ['expect flush --protocol tcp', expectations],
    ['expect flush --zone 1', expectations],
    ['expect list --dry-run', expectations],
    ['expect create --address 10.0.0.1', expectations],
    ['expect delete --zone 1 --helper ftp', expectations],
    ['timeouts get tcp established=5', timeouts],
    ['timeouts list tcp', timeouts],
    ['timeouts set tcp --family ipv4 established=5', timeouts],
    ['get --protocol tcp --source 10.0.0.1 --reply-source 10.0.0.2', get],
    ['create --protocol sctp --original-tag 5', create],
    ['delete --family ipv4', remove],
    ['delete', remove],
  ])('%s', async (line, run) => {
    await expect(run(never, callOf(line))).rejects.toThrow(UsageError);
  });
});

it('a key of an expectation has no other conditions', async () => {
  const deleted: unknown[] = [];
  const handle = {
    deleteExpectation: async (key: unknown) => deleted.push('key', key),
    deleteExpectations: async (filter: unknown) => {
      deleted.push('filter', filter);
      return { deleted: 1 };
    },
  } as unknown as Handle;
  const key = 'expect delete --protocol tcp --source 10.0.0.1 --destination 10.0.0.2';
  await expectations(handle, callOf(key));
  await expectations(handle, callOf(`${key} --helper ftp`));
  const tuple = { source: '10.0.0.1', destination: '10.0.0.2' };
  expect(deleted).toEqual([
    ...['key', { protocol: 6, tuple }],
    ...['filter', { protocol: 6, tuple, helper: 'ftp' }],
  ]);
});

it('watch closes its stream when nobody reads', async () => {
  let closed = 0;
  const handle = {
    watchEvents: () => ({
      ...streaming([{ type: 'new', entry, originPortId: 0 } as unknown as Entry]),
      close: async () => {
        closed++;
      },
      counters: {},
    }),
  } as unknown as Handle;
  const world = worldOf({ out: sink({}, failing('EPIPE')) });
  await expect(watch(handle, callOf('watch', world))).rejects.toThrow('EPIPE');
  expect(closed).toBe(1);
  expect(world.err.text()).toBe('');
});
