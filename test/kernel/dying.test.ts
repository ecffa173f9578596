/**
 * Entries that have ended and whose event has found no room: they are listed, and count in the
 * table, until the listener takes it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { countEntries, deleteEntry, getEntry, listEntries, streamEntries } from 'conntrack';
import { expect, onTestFinished, test } from 'vitest';
import { run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { createMany } from './populate.js';

const COUNT = 1000;

const packageUrl = new URL('../../dist/index.js', import.meta.url).href;

/** Takes so many events, unless it is stopped. */
const LISTENER = `
  const { watchEvents } = await import(${JSON.stringify(packageUrl)});
  const options = { events: ['destroy'], receiveBufferBytes: 4096, reliableDestroy: true };
  const stream = watchEvents(options);
  console.log('listens');
  let taken = 0;
  for await (const _ of stream) if (++taken === ${COUNT}) break;`;

/** A program that listens and takes nothing before it is continued: what the kernel keeps, it keeps. */
async function stoppedListener() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', LISTENER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const state = () => / ([A-Z]) /.exec(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))?.[1];
  await expect.poll(state).toBe('T');
  return child;
}

describeInNamespace('conntrack')('entries that are dying', () => {
  test('are listed, filtered and counted until their event is taken', async () => {
    setting('events', 1);
    const listener = await stoppedListener();
    createMany(0, COUNT);
    expect(await listEntries(undefined, { table: 'dying' })).toEqual([]);
    run('conntrack', '-F');

    // The buffer of the listener holds some; the rest waits.
    const dying = await listEntries(undefined, { table: 'dying' });
    expect(dying.length).toBeGreaterThan(COUNT / 2);
    expect(dying.length).toBeLessThan(COUNT);
    expect(dying.every(({ status }) => status.dying)).toBe(true);
    expect(await listEntries()).toEqual([]);
    expect(await countEntries()).toBe(dying.length);
    const oracle = run('conntrack', '-L', 'dying').trim().split('\n');
    expect(oracle).toHaveLength(dying.length);

    for (const filter of [
      { family: 'ipv6' },
      { protocol: 'udp', mark: 0 },
      { original: { source: dying[0]?.original.source } },
      { not: { family: 'ipv4' } },
      { protocol: 'tcp' },
    ] as const) {
      const expected = dying.filter(
        ({ family, protocol, original }) =>
          (!('family' in filter) || filter.family === family) &&
          (!('not' in filter) || filter.not.family !== family) &&
          (!('protocol' in filter) || filter.protocol === protocol) &&
          (!('original' in filter) || filter.original.source === original.source),
      );
      const listed = await listEntries(filter, { table: 'dying' });
      expect(listed.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
    }
    let streamed = 0;
    for await (const batch of streamEntries(undefined, { table: 'dying' }).batches()) {
      streamed += batch.length;
    }
    expect(streamed).toBe(dying.length);

    // They have ended: no key finds them.
    const [first] = dying;
    expect(first && (await deleteEntry(first))).toBe(false);
    expect(first && (await getEntry(first))).toBeUndefined();

    listener.kill('SIGCONT');
    expect(await once(listener, 'exit')).toEqual([0, null]);
    await expect
      .poll(async () => (await listEntries(undefined, { table: 'dying' })).length)
      .toBe(0);
    expect(await countEntries()).toBe(0);
  });

  test('are not zeroed', async () => {
    const options = { table: 'dying', zeroCounters: true } as const;
    await expect(listEntries(undefined, options)).rejects.toThrow(
      /^options\.zeroCounters: excludes table: 'dying'/,
    );
    expect(() => streamEntries(undefined, { table: 'unconfirmed' as 'dying' })).toThrow(
      /^options\.table: must be 'dying'/,
    );
  });
});
