/** The file of a database: what becomes of it when processes end, disks fill and others use it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { FlowDatabaseError, openFlowDatabase } from '../../src/flow-log/sqlite/sqlite.js';
import { describeWithTools } from '../support/requirements.js';
import { describeWithEngine, ENGINE, folder, open, raw, sql } from './engine.js';
import { part, parts } from './records.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const DIST = here('../../dist');
const MODULE = join(DIST, 'flow-log/sqlite/sqlite.js');
const newFile = () => join(folder(), 'flows.db');
const countOf = (path: string) =>
  Number(sql(path, 'SELECT count(*) AS count FROM flow_parts')[0]?.count);

async function errorOf(promise: Promise<unknown>): Promise<FlowDatabaseError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FlowDatabaseError);
  return error as FlowDatabaseError;
}

describeWithEngine('the file of a database', () => {
  test('keeps what it has confirmed, and no half of a batch, when its process is killed', async () => {
    for (const [round, least] of [1, 2, 5, 9].entries()) {
      const path = newFile();
      const child = spawn(process.execPath, [here('writer.mjs'), MODULE, path, ENGINE ?? '']);
      const exited = once(child, 'exit');
      let told = -1;
      for await (const line of createInterface({ input: child.stdout })) {
        told = Number(line);
        // In the middle of a write that comes: each round at another moment.
        if (told === least) setTimeout(() => child.kill('SIGKILL'), round);
      }
      expect(await exited).toEqual([null, 'SIGKILL']);
      const batches = sql(
        path,
        'SELECT to_ms AS number, count(*) AS count FROM flow_parts GROUP BY 1',
      );
      expect(batches.length).toBeGreaterThanOrEqual(told + 1);
      expect(batches.every(({ count }) => count === 1000)).toBe(true);
      // And it goes on.
      await using database = await open({ path });
      await database.write([part()]);
    }
  });

  test('is read by another process while it is written', async () => {
    const path = newFile();
    const writer = await open({ path });
    await writer.write(parts(10));
    await using reader = await open({ path, readOnly: true });
    expect([...reader.flows()]).toHaveLength(10);
    const page = reader.flows();
    page.next();
    await writer.write(parts(10, 10));
    page.return?.();
    expect([...reader.flows()]).toHaveLength(20);
    const error = await errorOf(reader.write([part()]));
    expect(error.message).toContain('cannot be written: it was opened to be read alone');
    await writer.close();
    expect([...reader.flows()]).toHaveLength(20);
  });

  test('takes the writes of two processes, each of which waits for the other', async () => {
    const path = newFile();
    await open({ path });
    const children = [0, 1].map(() =>
      spawnSync(process.execPath, [here('writer.mjs'), MODULE, path, ENGINE ?? '', '3']),
    );
    expect(children.map(({ status }) => status)).toEqual([0, 0]);
    // The same names: they are there once.
    expect(countOf(path)).toBe(3000);
    await Promise.all(
      [0, 1].map(async (number) => {
        const copy = `${path}.mjs`;
        writeFileSync(
          copy,
          readFileSync(here('writer.mjs'), 'utf8').replace('`batch$', `\`${number}batch$`),
        );
        const child = spawn(process.execPath, [copy, MODULE, path, ENGINE ?? '', '5'], {
          stdio: 'ignore',
        });
        expect(await once(child, 'exit')).toEqual([0, null]);
      }),
    );
    expect(countOf(path)).toBeGreaterThanOrEqual(8000);
  });

  test('is that of one recorder that resumes', async () => {
    const path = newFile();
    const first = await open({ path });
    expect(existsSync(`${path}-recorder`)).toBe(false);
    await first.history();
    const second = await open({ path });
    const error = await errorOf(second.history());
    expect(error).toMatchObject({ reason: 'busy', path });
    expect(error.message).toContain(
      `cannot be resumed: process ${process.pid} records into it\nGive each recorder a file`,
    );
    // Who reads is no recorder, nor is who writes something else.
    await using reader = await open({ path, readOnly: true });
    await second.write([part()]);
    expect(await reader.history()).toBeDefined();
    await first.history();
    await first.close();
    expect(existsSync(`${path}-recorder`)).toBe(false);
    await second.history();
    await second.close();
    await errorOf(second.history());
    expect(existsSync(`${path}-recorder`)).toBe(false);
  });

  test('that another recorder has taken, while this one was stopped, is not written', async () => {
    const path = newFile();
    await using database = await open({ path });
    await database.history();
    const other = {
      ...(JSON.parse(readFileSync(`${path}-recorder`, 'utf8')) as object),
      token: '',
    };
    writeFileSync(`${path}-recorder`, JSON.stringify(other));
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + LIMITS.lockSilenceMs);
    const error = await errorOf(database.write([part()]));
    vi.restoreAllMocks();
    expect(error).toMatchObject({ reason: 'busy', path });
    expect(countOf(path)).toBe(0);
  });

  test('is busy while another process does not end its transaction', async () => {
    const path = newFile();
    await using database = await open({ path });
    const other = raw(path);
    other.exec('BEGIN IMMEDIATE');
    const error = await errorOf(database.write([part()]));
    expect(error).toMatchObject({ reason: 'busy', path });
    expect(error.message).toMatch(
      /cannot be written: database is locked\nAnother process is writing/,
    );
    other.exec('ROLLBACK');
    other.close();
    await database.write([part()]);
    expect([...database.flows()]).toHaveLength(1);
  });

  test.each([
    [
      'text',
      (path: string) => {
        writeFileSync(path, 'no database, but a text of some length\n'.repeat(50));
      },
      /cannot be opened: file is not a database\n/,
    ],
    [
      'a database of another program',
      (path: string) => {
        const other = raw(path);
        other.exec('CREATE TABLE t (a)');
        other.close();
      },
      /another program has made this database\n/,
    ],
  ])('that is %s is refused, and left as it is', async (_, make, message) => {
    const path = newFile();
    make(path);
    const before = readFileSync(path);
    const error = await errorOf(open({ path }));
    expect(error).toMatchObject({ reason: 'foreign', path, code: 'ERR_FLOW_DATABASE' });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('of a newer version is refused', async () => {
    const path = newFile();
    await (await open({ path })).close();
    const other = raw(path);
    other.exec('PRAGMA user_version = 2');
    other.close();
    const error = await errorOf(open({ path }));
    expect(error).toMatchObject({ reason: 'newer' });
    expect(error.message).toContain(
      'its tables are of version 2, and this package knows 1\nUse the newer',
    );
  });

  test('that is damaged is named', async () => {
    const path = newFile();
    const database = await open({ path });
    await database.write(parts(5000));
    await database.close();
    const file = openSync(path, 'r+');
    const { length } = readFileSync(path);
    for (let page = 1; 4096 * page < length; page++) writeSync(file, 'x'.repeat(4096), 4096 * page);
    await using damaged = await open({ path });
    for (const use of [
      async () => [...damaged.flows()],
      () => damaged.write([part()]),
      () => damaged.history(),
    ]) {
      const error = await errorOf(use());
      expect(error).toMatchObject({ reason: 'corrupt', path });
      expect(error.message).toContain('Move the file and those ending in -wal and -shm away');
    }
  });

  test('that cannot be there, or is not there to be read', async () => {
    const path = join(folder(), 'nowhere/flows.db');
    expect((await errorOf(open({ path }))).message).toMatch(
      /nowhere\/flows\.db cannot be opened: .*\n.*folder/i,
    );
    for (const missing of [path, newFile()]) {
      const error = await errorOf(open({ path: missing, readOnly: true }));
      expect(error).toMatchObject({ reason: 'other', path: missing });
      expect(error.message).toMatch(
        /flows\.db cannot be opened: the file does not exist\nPass the path of a database of flows\./,
      );
    }
    // It is there.
    const error = await errorOf(open({ path: folder(), readOnly: true }));
    expect(error.message).not.toContain('does not exist');
    const empty = newFile();
    writeFileSync(empty, '');
    expect((await errorOf(open({ path: empty, readOnly: true }))).message).toMatch(
      /it has no flows\nOpen it once/,
    );
  });

  test('has all records when its writer has closed it, also beside a reader', async () => {
    const path = newFile();
    const writer = await open({ path });
    await writer.write(parts(1000));
    // A connection that only reads does not empty the log when it closes as the last one.
    const reader = await open({ path, readOnly: true });
    expect([...reader.flows()]).toHaveLength(1000);
    await writer.close();
    expect(statSync(`${path}-wal`).size).toBe(0);
    await reader.close();
    const copy = newFile();
    copyFileSync(path, copy);
    expect(countOf(copy)).toBe(1000);
  });

  test('can be copied by SQLite while it is written', async () => {
    const path = newFile();
    const writer = await open({ path });
    await writer.write(parts(10));
    const copy = newFile();
    const other = raw(path);
    other.exec(`VACUUM INTO '${copy}'`);
    other.close();
    await using database = await open({ path: copy });
    expect([...database.flows()]).toHaveLength(10);
    await database.write(parts(10, 10));
    expect([...database.flows()]).toHaveLength(20);
  });

  test('may be opened by somebody else, who closes it', async () => {
    const path = newFile();
    const database = raw(path);
    const flows = await openFlowDatabase({ database });
    await flows.write([part({ id: 5 })]);
    expect([...flows.flows()]).toEqual([part({ id: 5 })]);
    await flows.close();
    await flows.close();
    database.exec('SELECT 1');
    const closed = await errorOf(flows.write([part()]));
    expect(closed).toMatchObject({ reason: 'closed', path });
    expect(closed.message).toContain('cannot be used: it is closed');
    expect(() => flows.notes()).toThrow(FlowDatabaseError);
    expect(() => [...flows.flows()]).toThrow(FlowDatabaseError);
    database.close();
  });

  test('is as durable as SQLite can make it, and whole', async () => {
    const path = newFile();
    const database = raw(path);
    const one = (text: string) =>
      Object.values(
        (database.prepare(text) as { all(): Record<string, unknown>[] }).all()[0] ?? {},
      )[0];
    await using flows = await openFlowDatabase({ database });
    expect([
      one('PRAGMA journal_mode'),
      one('PRAGMA synchronous'),
      one('PRAGMA auto_vacuum'),
    ]).toEqual(['wal', 2, 2]);
    await flows.write(parts(1000));
    expect(one('PRAGMA integrity_check')).toBe('ok');
    expect(one("SELECT count(*) FROM flow_parts WHERE typeof(to_ms) <> 'integer'")).toBe(0);
  });

  test('a record of wrong values fails its whole write, and the next one works', async () => {
    await using database = await open();
    const wrong: unknown[] = [
      { ...part({ flow: 'run-2' }), to: undefined },
      { ...part({ flow: 'run-2' }), zone: 'one' },
      { ...part({ flow: 'run-2' }), mark: {} },
      { ...part({ flow: 'run-2' }), to: new Date(Number.NaN) },
    ];
    for (const record of wrong) {
      const error = await errorOf(database.write([part(), record as never]));
      expect(error).toMatchObject({ reason: 'record' });
    }
    for (const records of ['flows', [undefined], [{ type: 'flows' }], [part(), 5]]) {
      await expect(database.write(records as never)).rejects.toThrow(/records(\[[01]\])?/);
    }
    expect([...database.flows()]).toEqual([]);
    await database.write([part()]);
    expect([...database.flows()]).toEqual([part()]);
  });
});

/** In a mount namespace of its own, where the disk is a small one in memory. */
const unshare = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

describeWithTools('unshare')('on a full disk', () => {
  describeWithEngine('a write', () => {
    test('fails with the remedy; retry() keeps every record once when there is room', () => {
      const disk = folder();
      const script = 'mount -t tmpfs -o size=40m none "$1" && exec "$2" "$3" "$4" "$1" "$5"';
      const { stdout, stderr, status } = spawnSync(
        'unshare',
        [
          ...unshare,
          'sh',
          '-c',
          script,
          'sh',
          disk,
          process.execPath,
          here('full-disk.mjs'),
          DIST,
          ENGINE ?? '',
        ],
        { encoding: 'utf8' },
      );
      expect(stderr.replace(/.*(ExperimentalWarning|trace-warnings).*\n/g, '')).toBe('');
      expect(status).toBe(0);
      const { written, flows, failures } = JSON.parse(stdout) as {
        written: number;
        flows: number;
        failures: { reason: string; message: string }[];
      };
      expect({ written, flows }).toEqual({ written: 10_000, flows: 10_000 });
      expect(failures.map(({ reason }) => reason)).toEqual(['full', 'full']);
      expect(failures[0]?.message).toContain(
        'cannot be written: database or disk is full\nFree some space',
      );
    });
  });
});

describe('without an engine', () => {
  /** The package in a folder of its own, with these modules beside it. */
  function installed(modules: Readonly<Record<string, string>>): string {
    const root = folder();
    cpSync(DIST, join(root, 'dist'), { recursive: true });
    copyFileSync(here('../../package.json'), join(root, 'package.json'));
    for (const [name, code] of Object.entries(modules)) {
      mkdirSync(join(root, 'node_modules', name), { recursive: true });
      writeFileSync(join(root, 'node_modules', name, 'index.js'), code);
    }
    return root;
  }
  function told(root: string, options: string): string {
    const code = `
      await import('./dist/flow-log/flow-log.js');
      const { openFlowDatabase } = await import('./dist/flow-log/sqlite/sqlite.js');
      await openFlowDatabase(${options}).catch((error) => console.log(error.reason, error.message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
      encoding: 'utf8',
    });
    return stdout;
  }

  test('the error names what to install', () => {
    const root = installed({});
    expect(told(root, "{ path: 'f.db', engine: 'better-sqlite3' }")).toMatch(
      /^engine .* f\.db cannot be opened: better-sqlite3 is not here\nnpm install better-sqlite3 /,
    );
    if (ENGINE === 'node:sqlite') return;
    expect(told(root, "{ path: 'f.db' }")).toMatch(
      /no engine for SQLite is installed\nnpm install better-sqlite3 /,
    );
    expect(told(root, "{ path: 'f.db', engine: 'node:sqlite' }")).toMatch(
      /node:sqlite is not here\nNode\.js has it from 22\.13 on/,
    );
  });

  test('one whose binary is missing is named, where there is no other', () => {
    const root = installed({
      'better-sqlite3':
        'module.exports = class { constructor() ' +
        "{ throw new Error('Could not locate the bindings file. Tried:\\n -> /a\\n -> /b') } }",
    });
    expect(told(root, "{ path: 'f.db', engine: 'better-sqlite3' }")).toMatch(
      /cannot be opened: Could not locate the bindings file\.\n.*npm rebuild better-sqlite3\nSee conntrack\/docs\/errors\.md#err_flow_database\n$/,
    );
    const any = told(root, "{ path: 'f.db' }");
    if (ENGINE === 'node:sqlite') expect(any).toBe('');
    else
      expect(any).toMatch(
        /npm rebuild better-sqlite3\nSee conntrack\/docs\/errors\.md#err_flow_database\n$/,
      );
  });
});
