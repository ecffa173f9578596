/** The lock of those who write records: who has it, who takes it over, and who notices. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { Lock } from '../../src/flow-log/lock.js';

vi.mock('../../src/core/limits.js', async (original) => {
  const { LIMITS } = await original<typeof import('../../src/core/limits.js')>();
  return { LIMITS: { ...LIMITS, lockBeatMs: 30, lockSilenceMs: 300, lockLookMs: 10 } };
});

const SILENCE = LIMITS.lockSilenceMs;
/** Files of which a call fails. */
const failing = vi.hoisted(() => ({ file: vi.fn((_path: string): boolean => false) }));

vi.mock('node:fs/promises', async (original) => {
  const { readFile, link, open, ...others } = await original<typeof import('node:fs/promises')>();
  return {
    ...others,
    open: (path: string, ...how: [string?, number?]) =>
      path.endsWith('.stale') && failing.file(path)
        ? Promise.reject(new Error('EMFILE'))
        : open(path, ...how),
    link: (from: string, to: string) =>
      failing.file(from) ? Promise.reject(new Error('ENOENT')) : link(from, to),
    readFile: (path: string, encoding: 'utf8') =>
      failing.file(path) ? Promise.reject(new Error('ENOENT')) : readFile(path, encoding),
  };
});

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'conntrack-lock-'));
  path = join(directory, 'lock');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const take = () => Lock.take(path, (who) => new Error(`${who} has it`));
const content = () => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** The content of the lock of this process, with changes, after it was given back. */
async function contentWith(changes: Record<string, unknown>): Promise<string> {
  const lock = await take();
  const own = content();
  await lock.release();
  return JSON.stringify({ ...own, token: 'another', ...changes });
}

const FOREIGN: readonly [string, Record<string, unknown>][] = [
  ['another container', { pidNamespace: 'pid:[1]' }],
  ['another machine, or an earlier run of this one', { bootId: 'another' }],
  ['another thread of this process', {}],
];

describe('a lock', () => {
  it('refuses a second owner until the first one has given it back', async () => {
    const lock = await take();
    const began = performance.now();
    await expect(take()).rejects.toThrow(`process ${process.pid} has it`);
    expect(performance.now() - began).toBeLessThan(SILENCE / 2);
    expect(readdirSync(directory)).toEqual(['lock']);
    await lock.release();
    expect(readdirSync(directory)).toEqual([]);
    await (await take()).release();
  });

  it('is refused at once while another process has it', async () => {
    const text = await contentWith({ pid: 1, startTicks: startTicks(1) });
    writeFileSync(path, text);
    await expect(take()).rejects.toThrow('process 1 has it');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a process that has ended', { pid: spawnSync('true').pid }],
    ['a later process with its id', { pid: 1, startTicks: '1' }],
  ])('is taken at once: of %s', async (_, changes) => {
    writeFileSync(path, await contentWith(changes));
    const began = performance.now();
    const lock = await take();
    expect(performance.now() - began).toBeLessThan(SILENCE);
    expect(content()).toHaveProperty('pid', process.pid);
    await lock.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('cannot be taken where the file system knows no links, and leaves nothing', async () => {
    failing.file.mockImplementation((name) => name.startsWith(`${path}.`));
    await expect(take()).rejects.toThrow('ENOENT');
    failing.file.mockReset();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('goes back where it cannot be looked at any more, as for want of descriptors', async () => {
    writeFileSync(path, await contentWith({ pid: spawnSync('true').pid }));
    failing.file.mockImplementation((name) => {
      if (!name.endsWith('.stale')) return false;
      failing.file.mockReset();
      return true;
    });
    await (await take()).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is watched where the process of another user is hidden', async () => {
    failing.file.mockImplementation((path) => path.startsWith('/proc/1/'));
    writeFileSync(path, await contentWith({ pid: 1, startTicks: startTicks(1) }));
    const timer = setInterval(() => {
      utimesSync(path, Date.now() / 1000, Date.now() / 1000);
    }, SILENCE / 2);
    await expect(take()).rejects.toThrow('process 1 has it');
    clearInterval(timer);
    await (await take()).release();
    failing.file.mockReset();
  });

  it.each(FOREIGN)('is taken when nobody touches it: of %s', async (_, changes) => {
    writeFileSync(path, await contentWith(changes));
    const began = performance.now();
    const lock = await take();
    expect(performance.now() - began).toBeGreaterThan(SILENCE * 0.9);
    expect(await lock.isLost()).toBe(false);
    await lock.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(['', 'null', '1', '{}', '{"pid":"1"}', 'x'.repeat(100_000)])(
    'is taken when nobody touches it: %.20s',
    async (text) => {
      writeFileSync(path, text);
      await (await take()).release();
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  it.each(FOREIGN)('is refused while somebody touches it: of %s', async (what, changes) => {
    const text = await contentWith(changes);
    writeFileSync(path, text);
    let seconds = 0;
    // An owner whose clock stands, or goes back, touches it, too.
    const timer = setInterval(() => {
      utimesSync(path, 1000 - seconds, 1000 - seconds++);
    }, SILENCE / 2);
    const who = what.includes('thread') ? `process ${process.pid}` : 'another process';
    await expect(take()).rejects.toThrow(`${who} has it`);
    clearInterval(timer);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  it('is touched by its owner', async () => {
    const lock = await take();
    // To who cannot know the process.
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"token":"\w+"/, '"token":"x"'));
    await expect(take()).rejects.toThrow('has it');
    await lock.release();
  });

  it('is taken from a worker thread that was terminated, and not from one that runs', async () => {
    const module = JSON.stringify(
      new URL('../../dist/flow-log/files/files.js', import.meta.url).href,
    );
    const worker = new Worker(
      `import(${module}).then(async ({ openFlowFiles }) => {
         await openFlowFiles({ directory: ${JSON.stringify(directory)} });
         require('node:worker_threads').parentPort.postMessage('open');
         setInterval(() => {}, 1000);
       });`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    // It touches it every two seconds.
    utimesSync(path, 1, 1);
    await worker.terminate();
    await (await take()).release();
  });

  it.each([
    [
      'removed',
      () => {
        rmSync(path, { force: true });
      },
      undefined,
    ],
    [
      'taken by another',
      () => {
        writeFileSync(path, 'another');
      },
      'another',
    ],
  ])('is lost for ever where it was %s, and then left alone', async (_, change, left) => {
    const lock = await take();
    const own = readFileSync(path, 'utf8');
    change();
    await vi.waitUntil(() => lock.isLost(), { interval: 10 });
    writeFileSync(path, own);
    await setTimeout(2 * LIMITS.lockBeatMs);
    expect(await lock.isLost()).toBe(true);
    rmSync(path);
    change();
    await lock.release();
    expect(existsSync(path) ? readFileSync(path, 'utf8') : undefined).toBe(left);
  });

  it('goes to one of many that want it', async () => {
    writeFileSync(path, await contentWith({ pid: spawnSync('true').pid }));
    for (let round = 0; round < 20; round++) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, take));
      const locks = results.flatMap((result) =>
        result.status === 'fulfilled' ? result.value : [],
      );
      expect(locks).toHaveLength(1);
      expect(readdirSync(directory)).toEqual(['lock']);
      expect(await locks[0]?.isLost()).toBe(false);
      await locks[0]?.release();
      writeFileSync(path, await contentWith({ pid: spawnSync('true').pid }));
    }
  });
});

/** The 22nd field; no name of a process here has spaces. */
function startTicks(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21];
}
