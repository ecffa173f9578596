/** Records in files: nothing half becomes a record, nothing acknowledged is missing. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import {
  type FlowFileDamage,
  type FlowFilesOptions,
  openFlowFiles,
  readFlowFiles,
} from '../../src/flow-log/files/files.js';
import type { FlowPart, FlowRecord } from '../../src/flow-log/flow-log.js';
import { allOf, countsOf, lossesOf, lossOf, oneTo, partOf } from './flow-samples.js';
import { holdsAsync } from './property.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'conntrack-flows-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const openFiles = (options: Partial<FlowFilesOptions> = {}) =>
  openFlowFiles({ directory, ...options });
const readAll = () => allOf(readFlowFiles(directory));
/** The files of records, by what is behind their time. */
const suffixes = () =>
  readdirSync(directory)
    .filter((name) => name.startsWith('flows-'))
    .map((name) => name.replace(/^flows-\d{8}T\d{9}Z/, ''));
const linesOf = (records: readonly FlowRecord[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');
const NAME = 'flows-20260101T000000000Z';
const put = (suffix: string, content: string | Buffer, name = NAME) => {
  writeFileSync(join(directory, name + suffix), content);
};

describe('a file', () => {
  it('has a line for each record, and is read while it is written', async () => {
    const files = await openFiles();
    const records = [partOf(1), lossOf(2), partOf(3)];
    await files.write(records.slice(0, 2));
    expect(suffixes()).toEqual(['.ndjson.part']);
    await files.write([]);
    await files.write(records.slice(2));
    expect(await readAll()).toEqual(records);
    const [name = ''] = readdirSync(directory).filter((one) => one.startsWith('flows-'));
    expect(readFileSync(join(directory, name), 'utf8')).toBe(linesOf(records));
    expect(statSync(join(directory, name)).mode & 0o007).toBe(0);
    await files.close();
    expect(suffixes()).toEqual(['.ndjson.gz']);
    expect(await readAll()).toEqual(records);
  });

  it('is complete when it has enough bytes, and is compressed then', async () => {
    const files = await openFiles({ fileBytes: 4096 });
    for (let first = 1; first < 200; first += 10) await files.write(lossesOf(first, first + 9));
    await files.close();
    const names = readdirSync(directory).filter((name) => name.endsWith('.gz'));
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const { length } = gunzipSync(readFileSync(join(directory, name)));
      expect(length).toBeLessThan(5200);
    }
    expect(readdirSync(directory).sort()).toEqual([...names, 'open-flows.ndjson'].sort());
    expect(countsOf(await readAll())).toEqual(oneTo(200));
  });

  it('is complete after its time, whether records come or not', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const files = await openFiles({ fileTime: '10s', compress: false });
      await files.write([lossOf(1)]);
      vi.advanceTimersByTime(9999);
      await files.write([lossOf(2)]);
      expect(suffixes()).toEqual(['.ndjson.part']);
      vi.advanceTimersByTime(1);
      await vi.waitFor(() => {
        expect(suffixes()).toEqual(['.ndjson']);
      });
      await files.write([lossOf(3)]);
      // The time is over, and the timer has not come.
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 10_000);
      await files.write([lossOf(4)]);
      expect(suffixes()).toEqual(['.ndjson', '.ndjson', '.ndjson.part']);
      await files.close();
      expect(countsOf(await readAll())).toEqual(oneTo(4));
    } finally {
      vi.restoreAllMocks();
      vi.useRealTimers();
    }
  });

  it('stays as it is with compress: false', async () => {
    const files = await openFiles({ compress: false });
    await files.write([lossOf(1)]);
    await files.close();
    expect(suffixes()).toEqual(['.ndjson']);
  });

  it('is not there without records', async () => {
    await (await openFiles()).close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('follows the one before it in the order of names, though the clock was set back', async () => {
    put('.ndjson', linesOf([lossOf(1)]), 'flows-21260101T000000000Z');
    const files = await openFiles({ compress: false });
    await files.write([lossOf(2)]);
    await files.close();
    expect(countsOf(await readAll())).toEqual([1, 2]);
  });
});

it('writes that are begun at once come one after another', async () => {
  const files = await openFiles({ fileBytes: 4096 });
  await Promise.all(oneTo(50).map((number) => files.write(lossesOf(10 * number - 9, 10 * number))));
  await files.close();
  expect(countsOf(await readAll())).toEqual(oneTo(500));
});

it('a reader at any time has all records up to then, each once', async () => {
  const files = await openFiles({ fileBytes: 4096 });
  let written = 0;
  const writing = (async () => {
    for (let first = 1; first <= 1500; first += 15) {
      await files.write(lossesOf(first, first + 14));
      written = first + 14;
    }
    await files.close();
  })();
  let readings = 0;
  for (let done = false; !done; readings++) {
    done = written === 1500;
    const before = written;
    const counts = countsOf(await readAll());
    expect(counts).toEqual(oneTo(counts.length));
    expect(counts.length).toBeGreaterThanOrEqual(before);
  }
  await writing;
  expect(readings).toBeGreaterThan(2);
});

describe('what a killed process has left', () => {
  const whole = linesOf(lossesOf(1, 3));
  const gzipped = gzipSync(linesOf(lossesOf(1, 3)));

  it.each<[string, Record<string, string | Buffer>]>([
    ['half a line', { '.ndjson.part': `${whole}{"type":"lo` }],
    ['a line without its end', { '.ndjson.part': whole + JSON.stringify(lossOf(4)) }],
    ['zeros, as some file systems have them', { '.ndjson.part': `${whole}\0\0\0\0` }],
    ['lines of zeros', { '.ndjson.part': `${whole}\0\0\n\0\0\n` }],
    ['a complete file', { '.ndjson': whole }],
    ['half of what is compressed', { '.ndjson': whole, '.ndjson.gz.part': gzipped.subarray(9) }],
    ['both of them', { '.ndjson': whole, '.ndjson.gz': gzipped }],
    ['half of the open flows', { '.ndjson.part': whole }],
  ])('%s', async (what, left) => {
    for (const [suffix, content] of Object.entries(left)) put(suffix, content);
    if (what.includes('open')) writeFileSync(join(directory, 'open-flows.ndjson.part'), '{"aft');
    const files = await openFiles();
    await files.write([lossOf(4)]);
    await files.close();
    expect(countsOf(await readAll())).toEqual([1, 2, 3, 4]);
    expect(suffixes()).toEqual(['.ndjson.gz', '.ndjson.gz']);
    expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it.each(['', '{"type"', '\0\0'])('no record at all: %j', async (content) => {
    put('.ndjson.part', content);
    await (await openFiles()).close();
    expect(suffixes()).toEqual([]);
  });

  it('at any byte: the lines before it', async () => {
    const records = [partOf(1), lossOf(2), partOf(3, { helper: 'ünï\ncode' }), lossOf(4)];
    const bytes = Buffer.from(linesOf(records));
    await holdsAsync(fc.nat(bytes.length), async (length) => {
      put('.ndjson.part', bytes.subarray(0, length));
      const ends = [...bytes.subarray(0, length)].filter((byte) => byte === 10).length;
      expect(await readAll()).toEqual(records.slice(0, ends));
      await (await openFiles({ compress: false })).close();
      expect(await readAll()).toEqual(records.slice(0, ends));
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    });
  });
});

describe('damage', () => {
  const first = linesOf([lossOf(1)]);
  const last = linesOf([lossOf(2)]);

  it.each<[string, string, string | Buffer, number | undefined, RegExp]>([
    ['a line that is no JSON', '.ndjson', `${first}{"a\n${last}`, 2, /JSON/],
    ['a line that is no record', '.ndjson.part', `${first}{}\n${last}`, 2, /record\.type/],
    ['a line that is too long', '.ndjson', `${first}${'a'.repeat(70_000)}\n${last}`, 2, /65536/],
    ['a file that is no gzip', '.ndjson.gz', 'flows', undefined, /header/],
  ])('%s: ends the reading, or is reported', async (_, suffix, content, line, message) => {
    put('.ndjson', first, 'flows-20250101T000000000Z');
    put(suffix, content);
    const file = join(directory, NAME + suffix);
    const place = line === undefined ? file : `${file}, line ${line}`;
    await expect(readAll()).rejects.toMatchObject({ code: 'EBADMSG' });
    await expect(readAll()).rejects.toThrow(`readFlowFiles: ${place}: `);
    const damages: FlowFileDamage[] = [];
    const rest = await allOf(
      readFlowFiles(directory, { onDamage: (damage) => void damages.push(damage) }),
    );
    expect(damages).toEqual([
      { file, error: expect.any(Error) as Error, ...(line === undefined ? {} : { line }) },
    ]);
    expect(damages[0]?.error.message).toMatch(message);
    expect(countsOf(rest)).toEqual(line === undefined ? [1] : [1, 1, 2]);
  });

  it('does not keep a writer from its work, and is left as it is', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    put('.ndjson.part', `${first}{"a\n${last}`);
    writeFileSync(join(directory, 'open-flows.ndjson'), 'no\n');
    const files = await openFiles({ compress: false });
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      expect.stringContaining('open-flows.ndjson, line 1: '),
      expect.stringContaining(`${NAME}.ndjson, line 2: `),
    ]);
    expect(warned.mock.calls[0]?.[1]).toEqual({ code: 'CONNTRACK_FLOW_FILES' });
    warned.mockRestore();
    await files.close();
    expect(readFileSync(join(directory, `${NAME}.ndjson`), 'utf8')).toBe(`${first}{"a\n${last}`);
  });

  it('no directory, no log', async () => {
    await expect(allOf(readFlowFiles(join(directory, 'none')))).rejects.toMatchObject({
      name: 'ConntrackError',
      code: 'ENOENT',
      operation: 'readFlowFiles',
    });
    mkdirSync(join(directory, 'flows-of-others.ndjson'));
    expect(await readAll()).toEqual([]);
  });

  it.each([
    ['/dev/null', 'ENOTDIR'],
    ['/dev/null/flows', 'ENOTDIR'],
    ['/proc/none', 'ENOENT'],
    ['/proc/none/flows', 'ENOENT'],
  ])('cannot be made: %s', async (path, code) => {
    await expect(openFlowFiles({ directory: path })).rejects.toMatchObject({
      name: 'ConntrackError',
      code,
      operation: 'openFlowFiles',
    });
  });

  it('is made with those above it, and not for others to read', async () => {
    const made = ['a', 'a/b', 'a/b/c'].map((path) => join(directory, path));
    const [, , lowest = ''] = made;
    const opened = await Promise.all(
      ['1', '2'].map((name) => openFlowFiles({ directory: join(lowest, name) })),
    );
    expect(made.map((path) => statSync(path).mode & 0o777)).toEqual([0o750, 0o750, 0o750]);
    for (const files of opened) await files.close();
  });
});

describe('the lock', () => {
  const lock = () => join(directory, 'lock');
  it('refuses a second writer until the first one has closed', async () => {
    const files = await openFiles();
    await expect(openFiles()).rejects.toMatchObject({
      code: 'EBUSY',
      operation: 'openFlowFiles',
      message: expect.stringContaining(`process ${process.pid} writes to ${directory}`) as string,
    });
    expect(readdirSync(directory)).toEqual(['lock']);
    await files.close();
    await files.close();
    await (await openFiles()).close();
    expect(existsSync(lock())).toBe(false);
  });

  it('that another process has taken: nothing is acknowledged, and nothing of its own is touched', async () => {
    const files = await openFiles();
    await files.write([lossOf(1)]);
    const [name = ''] = readdirSync(directory).filter((one) => one.endsWith('.part'));
    const other = { ...(JSON.parse(readFileSync(lock(), 'utf8')) as object), token: 'other' };
    writeFileSync(lock(), JSON.stringify(other));
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + LIMITS.lockSilenceMs);
    await expect(files.write([lossOf(2)])).rejects.toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining(`another process has taken ${directory}`) as string,
    });
    vi.restoreAllMocks();
    await files.close();
    expect(readdirSync(directory).sort()).toEqual([name, 'lock'].sort());
    expect(await readAll()).toEqual([lossOf(1)]);
  });

  it('is given back where the directory cannot be opened', async () => {
    mkdirSync(join(directory, 'open-flows.ndjson.part'));
    await expect(openFiles()).rejects.toThrow(/EISDIR|EPERM/);
    expect(existsSync(lock())).toBe(false);
  });
});

describe('a write that fails', () => {
  const prototypeOf = async () => {
    const handle = await open('/dev/null');
    await handle.close();
    return Object.getPrototypeOf(handle) as FileHandle;
  };
  afterEach(() => void vi.restoreAllMocks());
  const full = () =>
    Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC', syscall: 'write' });

  it.each(['write', 'datasync', 'half a write', 'write and truncate', 'datasync and truncate'])(
    '%s: its records are not there, those of the next one are',
    async (what) => {
      const files = await openFiles();
      await files.write([lossOf(1)]);
      const prototype = await prototypeOf();
      if (what === 'half a write') {
        const spy = vi.spyOn(prototype, 'write');
        spy.mockImplementationOnce(async (...given: unknown[]) => {
          const [bytes, at, , position] = given as [Buffer, number, number, number];
          spy.mockRejectedValueOnce(full());
          // As the kernel does where there is room for some of them.
          const [name = ''] = readdirSync(directory).filter((one) => one.endsWith('.part'));
          const file = openSync(join(directory, name), 'r+');
          const bytesWritten = writeSync(file, bytes, at, 20, position);
          closeSync(file);
          return { bytesWritten, buffer: bytes } as never;
        });
      } else {
        for (const name of what.split(' and ') as ('write' | 'datasync' | 'truncate')[]) {
          vi.spyOn(prototype, name).mockRejectedValueOnce(full());
        }
      }
      await expect(files.write([lossOf(7), lossOf(8)])).rejects.toMatchObject({
        code: 'ENOSPC',
        operation: 'FlowFiles.write',
        hint: expect.stringContaining('keepBytes') as string,
      });
      vi.restoreAllMocks();
      await files.write([lossOf(2)]);
      expect(countsOf(await readAll())).toEqual([1, 2]);
      expect((await files.history())?.until).toEqual(new Date(1));
      await files.close();
      expect(countsOf(await readAll())).toEqual([1, 2]);
    },
  );

  it('a look at the lock behind it: its records are there once, after the next call', async () => {
    const files = await openFiles();
    await files.write([lossOf(1)]);
    const prototype = await prototypeOf();
    const datasync: (this: FileHandle) => Promise<void> = Reflect.get(prototype, 'datasync');
    const lock = join(directory, 'lock');
    const content = readFileSync(lock);
    vi.spyOn(prototype, 'datasync').mockImplementationOnce(async function (this: FileHandle) {
      await datasync.call(this);
      rmSync(lock);
      mkdirSync(lock);
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + LIMITS.lockSilenceMs);
    });
    await expect(files.write([lossOf(2)])).rejects.toMatchObject({
      code: 'EISDIR',
      message: expect.stringContaining(`records are not written to ${directory}`) as string,
    });
    vi.restoreAllMocks();
    rmSync(lock, { recursive: true });
    writeFileSync(lock, content);
    expect(await readAll()).toEqual([lossOf(1)]);
    await files.write([lossOf(2)]);
    expect(await readAll()).toEqual([lossOf(1), lossOf(2)]);
    await files.close();
  });

  it('and a close behind it: what was acknowledged is there', async () => {
    const files = await openFiles();
    await files.write([lossOf(1)]);
    const prototype = await prototypeOf();
    vi.spyOn(prototype, 'datasync').mockRejectedValueOnce(full());
    vi.spyOn(prototype, 'truncate').mockRejectedValueOnce(full());
    await expect(files.write([lossOf(7)])).rejects.toThrow('ENOSPC');
    await files.close();
    expect(countsOf(await readAll())).toEqual([1]);
  });

  it('after close()', async () => {
    const files = await openFiles();
    await files.close();
    await expect(files.write([lossOf(1)])).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
  });
});

it('a file that another program removes is missed, and the next one is written', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
  const files = await openFiles({ fileBytes: 4096 });
  await files.write(lossesOf(1, 100));
  for (const name of readdirSync(directory)) {
    if (name.endsWith('.part')) rmSync(join(directory, name));
  }
  await files.write([lossOf(101)]);
  expect(warned.mock.calls.flat()).toContainEqual(
    expect.stringContaining('was removed by another'),
  );
  warned.mockRestore();
  await files.close();
  expect(countsOf(await readAll())).toEqual([101]);
});

describe('old files', () => {
  const fill = async (files: Awaited<ReturnType<typeof openFiles>>) => {
    for (let first = 1; first < 300; first += 100) await files.write(lossesOf(first, first + 99));
  };

  it('are removed, the oldest first, when all have more than keepBytes', async () => {
    const files = await openFiles({ fileBytes: 4096, compress: false, keepBytes: 16_000 });
    await fill(files);
    await files.close();
    const counts = countsOf(await readAll());
    expect(counts).toEqual(oneTo(300).slice(100));
  });

  it('are removed when their last record is older than keepFor', async () => {
    put('.ndjson.gz', gzipSync(linesOf([lossOf(1)])), 'flows-20250101T000000000Z');
    put('.ndjson.gz', gzipSync(linesOf([lossOf(2)])));
    utimesSync(join(directory, 'flows-20250101T000000000Z.ndjson.gz'), 0, Date.now() / 1000 - 7300);
    const before = await openFiles({ keepFor: '2h' });
    await before.write([lossOf(3)]);
    await before.close();
    expect(countsOf(await readAll())).toEqual([2, 3]);
  });

  it('stay while the next start needs them', async () => {
    const files = await openFiles({ keepBytes: 0 });
    await files.write([partOf(1, { outcome: 'open' })]);
    expect(await readAll()).toHaveLength(1);
    await files.close();
    const after = await openFiles({ keepBytes: 0 });
    expect(await allOf((await after.history())?.open as AsyncIterable<FlowPart>)).toHaveLength(1);
    await after.close();
  });
});

describe('the history', () => {
  const open = async (files: Awaited<ReturnType<typeof openFiles>>) =>
    allOf((await files.history())?.open as AsyncIterable<FlowPart>);

  it('of no records is none', async () => {
    const files = await openFiles();
    expect(await files.history()).toBeUndefined();
    await files.close();
  });

  it('is what the records say, across files and starts', async () => {
    /** A part of a flow, or its end; a start; a file that is complete. */
    const act = fc.record({
      flow: fc.nat(4),
      kind: fc.constantFrom('open', 'open', 'end', 'restart', 'kill', 'complete'),
    });
    await holdsAsync(fc.array(act, { maxLength: 25 }), async (acts) => {
      const at = mkdtempSync(join(directory, 'run-'));
      const options = { directory: at, fileBytes: 4096, compress: false };
      let files = await openFlowFiles(options);
      const last = new Map<string, FlowPart>();
      /** The next flow has another name. */
      const ends = new Map<number, number>();
      let number = 0;
      for (const { flow, kind } of acts) {
        number++;
        if (kind === 'restart') {
          await files.close();
          files = await openFlowFiles(options);
        } else if (kind === 'kill') {
          // Nothing is completed; nobody holds the lock.
          rmSync(join(at, 'lock'));
          files = await openFlowFiles(options);
        } else if (kind === 'complete') {
          await files.write(lossesOf(1, 60));
        } else {
          const name = `run-${flow}.${ends.get(flow) ?? 0}`;
          const part = partOf(number, {
            flow: name,
            part: (last.get(name)?.part ?? 0) + 1,
            outcome: kind === 'end' ? 'expired' : 'open',
          });
          if (kind === 'open') last.set(name, part);
          else {
            last.delete(name);
            ends.set(flow, number);
          }
          await files.write([part]);
        }
      }
      const history = await files.history();
      const parts = await allOf((history?.open ?? []) as AsyncIterable<FlowPart>);
      const byName = (one: FlowPart, other: FlowPart) => (one.flow < other.flow ? -1 : 1);
      expect(parts.sort(byName)).toEqual([...last.values()].sort(byName));
      await files.close();
    });
  });

  it('is complete until the last event that tells it', async () => {
    const files = await openFiles();
    const until = async (...records: FlowRecord[]) => {
      await files.write(records);
      return Number((await files.history())?.until);
    };
    const at = (ms: number) => new Date(ms);
    // Of the first reading nothing is known but that the recorder ran before.
    expect(await until(partOf(50, { outcome: 'open' }))).toBe(1050);
    expect(await until(partOf(10, { end: at(1010) }), lossOf(1600))).toBe(1010);
    // Without timestamps a record has the time at which it was made.
    expect(await until(partOf(70))).toBe(1010);
    expect(await until(partOf(80, { outcome: 'unobserved' }))).toBe(1010);
    // The second reading came after all that the first one has taken in.
    expect(await until(partOf(50, { outcome: 'open', part: 2, from: at(1050) }))).toBe(1050);
    expect(await until(partOf(90, { outcome: 'open', from: at(1500) }))).toBe(1050);
    expect(await until({ type: 'gap', from: at(0), to: at(1100) })).toBe(1100);
    expect(await until({ type: 'notice', code: 'events-off', message: '', at: at(1900) })).toBe(
      1100,
    );
    const code = 'finished';
    await files.write([{ type: 'notice', code, message: '', at: new Date(2000) }]);
    expect((await files.history())?.until).toEqual(new Date(2000));
    await files.close();
    const after = await openFiles();
    expect((await after.history())?.until).toEqual(new Date(2000));
    expect(await open(after)).toHaveLength(2);
    await after.close();
  });
});

it.each([
  [{}, /^options\.directory: /],
  [{ directory: '' }, /^options\.directory: /],
  [{ directory: 'a\0b' }, /^options\.directory: /],
  [{ directory: 'a', fileBytes: 1 }, /^options\.fileBytes: must be an integer from 4096/],
  [{ directory: 'a', fileTime: '1ms' }, /^options\.fileTime: must be from 1000 ms/],
  [{ directory: 'a', keepFor: 'long' }, /^options\.keepFor: must be milliseconds, or/],
  [{ directory: 'a', keepBytes: -1 }, /^options\.keepBytes: /],
  [{ directory: 'a', compress: 1 }, /^options\.compress: /],
  [{ directory: 'a', rotate: 1 }, /^options\.rotate: /],
])('refuses %o', async (options, message) => {
  await expect(openFlowFiles(options as FlowFilesOptions)).rejects.toThrow(message);
});
