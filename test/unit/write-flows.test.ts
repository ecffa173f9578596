/** Records go from any source to any writer: what is written together, what fails, what ends it. */
import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import {
  type FlowRecord,
  FlowTotals,
  type FlowWriteError,
  type FlowWriter,
  writeFlows,
} from '../../src/flow-log/flow-log.js';
import { exportFlows } from '../../src/flow-log/opentelemetry/opentelemetry.js';

const record = (count: number): FlowRecord => ({
  type: 'lost',
  cause: 'kernel',
  count,
  at: new Date(count),
});
const records = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => record(first + index));
const countsOf = (all: readonly FlowRecord[]) =>
  all.map((one) => (one.type === 'lost' ? one.count : -1));

/** Keeps what it gets, and waits, or fails, as it is told. */
class Keeper implements FlowWriter {
  readonly kept: number[][] = [];
  readonly errors: Error[] = [];
  hold: Promise<void> | undefined;

  async write(some: readonly FlowRecord[]) {
    await this.hold;
    const error = this.errors.shift();
    if (error !== undefined) throw error;
    this.kept.push(countsOf(some));
  }
}

async function* items(...all: FlowRecord[]) {
  yield* all;
}

/** A source of batches, which notes how it is left. */
function source(...batches: (FlowRecord[] | Error)[]) {
  const state = { taken: 0, isLeft: false };
  return {
    state,
    [Symbol.asyncIterator]: () => {
      throw new Error('not item by item');
    },
    async *batches() {
      try {
        for (const batch of batches) {
          if (batch instanceof Error) throw batch;
          state.taken++;
          yield batch;
        }
      } finally {
        state.isLeft = true;
      }
    },
  };
}

it('writes all records in their order, and counts them', async () => {
  const writer = new Keeper();
  expect(await writeFlows(items(...records(1, 3)), writer)).toBe(3);
  expect(writer.kept.flat()).toEqual([1, 2, 3]);
  expect(await writeFlows(items(), writer)).toBe(0);
});

it('writes what comes during a write together, 8,192 at a time, and reads on meanwhile', async () => {
  const writer = new Keeper();
  let release = () => {};
  writer.hold = new Promise((resolve) => {
    release = resolve;
  });
  const from = source(
    records(1, 1),
    ...Array.from({ length: 30 }, (_, index) => records(1000 * index, 1000 * index + 999)),
  );
  const written = writeFlows(from, writer);
  await vi.waitFor(() => {
    expect(from.state.taken).toBe(10);
  });
  await new Promise(setImmediate);
  expect(from.state.taken).toBe(10);
  writer.hold = undefined;
  release();
  expect(await written).toBe(30_001);
  expect(writer.kept.slice(0, 2).map((some) => some.length)).toEqual([1, 8192]);
  expect(Math.max(...writer.kept.map((some) => some.length))).toBe(8192);
});

it('gives several writers the same records, the next ones when all have these', async () => {
  const [one, other] = [new Keeper(), new Keeper()];
  let release = () => {};
  other.hold = new Promise((resolve) => {
    release = resolve;
  });
  const written = writeFlows(source(records(1, 1), records(2, 2)), [one, other]);
  await vi.waitFor(() => {
    expect(one.kept).toHaveLength(1);
  });
  await new Promise(setImmediate);
  expect(one.kept).toEqual([[1]]);
  other.hold = undefined;
  release();
  expect(await written).toBe(2);
  expect(one.kept).toEqual([[1], [2]]);
  expect(other.kept).toEqual([[1], [2]]);
});

describe('a write that fails', () => {
  it('ends the writing: the error has all that was read', async () => {
    const writer = new Keeper();
    const cause = new Error('ENOSPC: no space left on device');
    writer.errors.push(cause);
    const from = source(records(1, 2), records(3, 3));
    const error = await writeFlows(from, writer).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'FlowWriteError', code: 'ERR_FLOW_WRITE', cause });
    const { message, records: left, hint } = error as FlowWriteError;
    expect(hint).toMatch(
      /^They are in "records" of this error\. .*\nSee conntrack\/docs\/errors\.md#err_flow_write$/,
    );
    expect(message.endsWith(`\n${hint}`)).toBe(true);
    expect(countsOf(left).slice(0, 2)).toEqual([1, 2]);
    expect(countsOf(left)).toEqual([1, 2, 3].slice(0, left.length));
    expect(message).toContain(`${left.length} records are not written: ENOSPC: no space left`);
    expect(message).toContain('"retry"');
    expect(from.state.isLeft).toBe(true);
  });

  it('is tried again as long as "retry" says', async () => {
    const writer = new Keeper();
    writer.errors.push(...['one', 'two', 'three', 'four'].map((name) => new Error(name)));
    const asked: unknown[] = [];
    const error = await writeFlows(items(record(1)), writer, {
      retry: (reason, failures) => {
        asked.push([(reason as Error).message, failures]);
        return failures < 4 ? failures : undefined;
      },
    }).catch((reason: unknown) => reason);
    expect(asked).toEqual([
      ['one', 1],
      ['two', 2],
      ['three', 3],
      ['four', 4],
    ]);
    expect(error).toMatchObject({ cause: { message: 'four' } });
    expect(error).toHaveProperty('message', expect.stringContaining(': four\n'));
    writer.errors.push(new Error('one'));
    expect(await writeFlows(items(record(1)), writer, { retry: () => 0 })).toBe(1);
    expect(writer.kept).toEqual([[1]]);
  });

  it('of one writer comes again to that one alone', async () => {
    const [one, other] = [new Keeper(), new Keeper()];
    other.errors.push(new Error('away'));
    await writeFlows(items(record(1), record(2)), [one, other], { retry: () => 1 });
    expect(one.kept.flat()).toEqual([1, 2]);
    expect(other.kept.flat()).toEqual([1, 2]);
  });
});

describe('the source', () => {
  it('fails: what came before is written', async () => {
    const writer = new Keeper();
    await expect(writeFlows(source(records(1, 2), new Error('EPERM')), writer)).rejects.toThrow(
      'EPERM',
    );
    expect(writer.kept.flat()).toEqual([1, 2]);
  });

  it('never returns: a failure does not wait for it', async () => {
    const stuck = (async function* () {
      yield record(1);
      await new Promise(() => undefined);
    })();
    const writer = new Keeper();
    writer.errors.push(new Error('no'));
    await expect(writeFlows(stuck, writer)).rejects.toThrow('no');
  });
});

describe('the signal', () => {
  it('ends the wait for records', async () => {
    const controller = new AbortController();
    const writer = new Keeper();
    const stuck = (async function* () {
      yield record(1);
      await new Promise(() => undefined);
    })();
    const written = writeFlows(stuck, writer, { signal: controller.signal });
    await vi.waitFor(() => {
      expect(writer.kept).toEqual([[1]]);
    });
    controller.abort(new Error('enough'));
    await expect(written).rejects.toThrow('enough');
  });

  it('ends the wait of a retry: the records are tried once more', async () => {
    const controller = new AbortController();
    const writer = new Keeper();
    writer.errors.push(new Error('away'));
    const written = writeFlows(items(record(1)), writer, {
      signal: controller.signal,
      retry: () => {
        queueMicrotask(() => {
          controller.abort(new Error('enough'));
        });
        return 1e6;
      },
    });
    await expect(written).rejects.toThrow('enough');
    expect(writer.kept).toEqual([[1]]);
  });

  it('and a writer that fails for good: the error has the records', async () => {
    const controller = new AbortController();
    const writer = new Keeper();
    writer.errors.push(new Error('away'), new Error('gone'));
    const written = writeFlows(items(record(1)), writer, {
      signal: controller.signal,
      retry: () => {
        controller.abort(new Error('enough'));
        return 1e6;
      },
    });
    await expect(written).rejects.toMatchObject({ code: 'ERR_FLOW_WRITE', records: [record(1)] });
  });

  it('that is aborted already', async () => {
    const writer = new Keeper();
    const from = source(records(1, 1));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(writeFlows(from, writer, { signal })).rejects.toThrow('enough');
    expect(from.state.taken).toBe(0);
  });
});

it.each([
  [[{}, new Keeper()], /^records: must be records of flows/],
  [[items(), {}], /^to: must be a writer of flows/],
  [[items(), new PassThrough()], /^to: must be a writer of flows: an object whose write\(\) takes/],
  [[items(), []], /^to: must have a writer of flows/],
  [[items(), [new Keeper(), 1]], /^to\[1\]: must be a writer of flows/],
  [[items(), new Keeper(), { retry: 1 }], /^options\.retry: must be a function/],
  [[items(), new Keeper(), { retries: 1 }], /^options\.retries: /],
])('refuses %o', async (given, message) => {
  await expect(writeFlows(...(given as Parameters<typeof writeFlows>))).rejects.toThrow(message);
});

it('a writer of the package refuses what is no array of records', async () => {
  const exporter = { export: () => undefined, shutdown: async () => undefined };
  for (const one of [new FlowTotals(), exportFlows({ exporter })]) {
    await expect(one.write(record(1) as never)).rejects.toThrow(/^records: must be an array/);
  }
});
