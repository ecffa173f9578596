/**
 * Handles on network namespaces that the process is not in.
 */

import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Conntrack, countEntries, type Entry, readSettings } from 'conntrack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../support/built.js';
import { isEmulated, LONG } from '../support/emulation.js';
import { run, setting } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';

const populate = built('test/support/native/populate');
const packageUrl = new URL('../../dist/index.js', import.meta.url).href;

const flow = (source: string, port: number) =>
  ({
    protocol: 'udp',
    original: { source, destination: '10.9.9.9', sourcePort: port, destinationPort: 53 },
    timeout: 600,
  }) as const;

/** The network namespaces of all threads of this process. */
function namespacesOfThreads(): Set<string> {
  const links = readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      return readlinkSync(`/proc/self/task/${thread}/ns/net`);
    } catch {
      return []; // it has ended meanwhile
    }
  });
  return new Set(links);
}

/** Open descriptors of network namespaces. */
function heldNamespaces(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('net:');
    } catch {
      return false; // that of the listing itself
    }
  }).length;
}

const threads = () =>
  Number(/^Threads:\t(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

describeInNamespace(
  'conntrack',
  'ip',
  'unshare',
)('another network namespace', () => {
  let blue: OtherNetwork;
  let green: OtherNetwork;
  const own = namespacesOfThreads();

  beforeAll(async () => {
    [blue, green] = await Promise.all([OtherNetwork.create(), OtherNetwork.create()]);
  });

  afterAll(async () => {
    await Promise.all([blue, green].map((network) => network[Symbol.asyncDispose]()));
  });

  test('every function works in it, and nothing of it shows in ours', async () => {
    const handle = await Conntrack.open({ netns: { pid: blue.pid } });
    const stream = handle.watchEvents();
    blue.setting('events', 0);
    expect(handle.watchEvents().coverage).toBe('none');
    blue.setting('events', 1);

    const entry = await handle.createEntry(flow('10.0.0.1', 1));
    await handle.createEntries([flow('10.0.0.1', 2), flow('10.0.0.1', 3)]);
    expect(await handle.updateEntries({ port: 53 }, { mark: 5 })).toMatchObject({ updated: 3 });
    expect((await handle.updateEntry(entry, { mark: 6 })).mark).toBe(6);
    expect((await handle.getEntry(entry))?.id).toBe(entry.id);
    const listed = await handle.listEntries({ mark: 5 });
    expect(listed.map(({ original }) => original.sourcePort).sort()).toEqual([2, 3]);
    expect(handle.explainFilter({ mark: 5 }).fields[0]?.evaluatedBy).toBe('kernel');
    const streamed: Entry[] = [];
    for await (const one of handle.streamEntries()) streamed.push(one);
    expect(streamed).toHaveLength(3);
    expect(blue.run('conntrack', '-C').trim()).toBe('3');
    expect(await handle.countEntries()).toBe(3);
    expect((await handle.readPressure()).entries).toBe(3);
    expect(await countEntries()).toBe(0);

    expect(await handle.deleteEntry(entry)).toBe(true);
    expect(await handle.deleteEntries({ mark: 5 })).toMatchObject({ deleted: 2 });
    await handle.createEntry(flow('10.0.0.1', 4));
    await handle.flushEntries({ family: 'ipv4' });
    expect(await handle.countEntries()).toBe(0);

    const types: string[] = [];
    for await (const { type } of stream) {
      types.push(type);
      if (types.length === 12) break;
    }
    expect(types.filter((type) => type === 'new')).toHaveLength(4);
    expect(types.filter((type) => type === 'destroy')).toHaveLength(4);
    await handle.close();
    expect(namespacesOfThreads()).toEqual(own);
    expect(heldNamespaces()).toBe(0);
  });

  test('by name and by path', () => {
    const script = `
      const { Conntrack } = await import('${packageUrl}');
      const names = ['blue', '/run/netns/blue', '/run/netns/../netns/blue'];
      for (const netns of names) {
        const handle = await Conntrack.open({ netns });
        console.log(await handle.countEntries());
        await handle.close();
      }
      for (const netns of ['red', '/run/netns/red', '/run/netns/plain', '/run/netns'])
        await Conntrack.open({ netns }).catch(({ code }) => console.log(code));
    `;
    const insert =
      'ip netns exec blue conntrack -I -p 253 -s 10.0.0.1 -d 10.0.0.2 -t 600 >/dev/null 2>&1';
    const shell = `mount -t tmpfs none /run && mkdir /run/netns && ip netns add blue && ${insert} &&
      touch /run/netns/plain && exec "$0" --input-type=module -e "$1"`;
    const args = ['--mount', '--', 'sh', '-c', shell, process.execPath, script];
    expect(
      run('unshare', ...args)
        .trim()
        .split('\n'),
    ).toEqual([...['1', '1', '1'], ...['ENOENT', 'ENOENT', 'EINVAL', 'EINVAL']]);
  });

  test.each<[string, string | { pid: number }, string, RegExp]>([
    [
      'one that does not exist',
      'no-such-name',
      'ENOENT',
      /no network namespace at \/run\/netns\/no-such-name/,
    ],
    ['a process that does not exist', { pid: 2 ** 22 + 1 }, 'ENOENT', /has ended/],
    ['a file that is none', '/proc/self/status', 'EINVAL', /is not a network namespace/],
    ['a namespace of another kind', '/proc/self/ns/uts', 'EINVAL', /is not a network namespace/],
    ['a folder', '/proc/self', 'EINVAL', /is not a network namespace/],
    ['a device', '/dev/null', 'EINVAL', /is not a network namespace/],
    ['a path through a file', '/proc/self/status/net', 'ENOTDIR', /no network namespace/],
  ])('%s is an error', async (_, netns, code, message) => {
    const refused = Conntrack.open({ netns });
    await expect(refused).rejects.toMatchObject({ code, operation: 'Conntrack.open' });
    await expect(refused).rejects.toThrow(message);
    expect(heldNamespaces()).toBe(0);
  });

  test.each<[string, unknown]>([
    ['options', 5],
    ['options.namespace', { namespace: 'blue' }],
    ['options.netns', { netns: '' }],
    ['options.netns', { netns: '..' }],
    ['options.netns', { netns: 'a/b' }],
    ['options.netns', { netns: 'a\0b' }],
    ['options.netns', { netns: `/${'x'.repeat(5000)}` }],
    ['options.netns', { netns: 7 }],
    ['options.netns.name', { netns: { name: 'blue' } }],
    ['options.netns.pid', { netns: { pid: '7' } }],
    ['options.netns.pid', { netns: { pid: 0 } }],
    ['options.netns.pid', { netns: { pid: 1.5 } }],
  ])('a wrong argument names %s', async (field, options) => {
    await expect(Conntrack.open(options as object)).rejects.toThrow(`${field}: `);
  });

  test('one that may not be entered is EPERM or EACCES, and says what is needed', () => {
    const script = `import { Conntrack } from '${packageUrl}';
      await Conntrack.open({ netns: { pid: ${blue.pid} } })
        .catch(({ code, message }) => console.log(code, message));`;
    const rights = ['--bounding-set=-sys_admin', '--inh-caps=-sys_admin', '--'];
    const args = [...rights, process.execPath, '--input-type=module', '-e', script];
    const told = run('setpriv', ...args);
    expect(told).toMatch(/^(EPERM|EACCES) /);
    expect(told).toContain('CAP_SYS_ADMIN');
  });

  test('that is deleted while the handle is open goes on', async () => {
    const network = await OtherNetwork.create();
    const handle = await Conntrack.open({ netns: { pid: network.pid } });
    await handle.createEntry(flow('10.0.0.1', 1));
    await network[Symbol.asyncDispose]();
    expect(await handle.countEntries()).toBe(1);
    expect(await handle.listEntries()).toHaveLength(1);
    expect((await handle.writeSettings({ udpTimeout: 44 })).udpTimeout).toBe(44);
    const stream = handle.watchEvents({ events: ['new'] });
    await handle.createEntry(flow('10.0.0.1', 2));
    for await (const event of stream) {
      expect(event.type).toBe('new');
      break;
    }
    await handle.close();
    await expect(handle.readSettings()).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    expect(setting('udp_timeout')).not.toBe('44');
    expect(heldNamespaces()).toBe(0);
  });

  test('a handle that was dropped lets go of it', async () => {
    const drop = async () => {
      await Conntrack.open({ netns: { pid: blue.pid } });
    };
    for (let i = 0; i < 20; i++) await drop();
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    for (let i = 0; i < 50 && heldNamespaces() > 0; i++) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(heldNamespaces()).toBe(0);
  });

  describe('and a third at the same time, ten thousand times', () => {
    // More of them: CONNTRACK_ROUNDS=10000 npx vitest run --project kernel net-namespaces
    const ROUNDS = isEmulated ? 400 : Number(process.env.CONNTRACK_ROUNDS ?? 4000);

    test(
      'are never mixed up, and no thread stays in a wrong one',
      async () => {
        const names = ['blue', 'green'] as const;
        const networks = { blue, green };
        const marks = { blue: 1, green: 2 };
        const counts = { blue: 100, green: 37 };
        const timeouts = { blue: 1000, green: 2000 };
        const handles = {
          blue: await Conntrack.open({ netns: { pid: blue.pid } }),
          green: await Conntrack.open({ netns: { pid: green.pid } }),
        };
        for (const name of names) {
          networks[name].setting('events', 1);
          await handles[name].createEntries(
            Array.from({ length: counts[name] }, (_, index) => ({
              ...flow(name === 'blue' ? '10.1.0.1' : '10.2.0.1', index + 1),
              mark: marks[name],
            })),
          );
        }
        const ours = (await readSettings()).udpTimeout;
        const before = threads();

        /** One that is always the same in one namespace, and another in each. */
        const work: ((name: 'blue' | 'green', round: number) => Promise<void>)[] = [
          async (name) => {
            expect(await handles[name].countEntries()).toBe(counts[name]);
          },
          async (name) => {
            const entries = await handles[name].listEntries();
            expect(new Set(entries.map(({ mark }) => mark))).toEqual(new Set([marks[name]]));
            expect(entries).toHaveLength(counts[name]);
          },
          async (name) => {
            expect((await handles[name].readStats()).entries).toBe(counts[name]);
          },
          async (name, round) => {
            const udpTimeout = timeouts[name] + (round % 500);
            const { udpTimeout: now = 0 } = await handles[name].writeSettings({ udpTimeout });
            expect(Math.floor(now / 1000)).toBe(marks[name]);
          },
          async (name) => {
            const { udpTimeout = 0 } = await handles[name].readSettings();
            expect(Math.floor(udpTimeout / 1000)).toBe(marks[name]);
          },
          async (name) => {
            expect((await handles[name].readPressure()).entries).toBe(counts[name]);
          },
          async () => {
            expect((await readSettings()).udpTimeout).toBe(ours);
          },
          async () => {
            expect(await countEntries()).toBe(0);
          },
          async (name, round) => {
            // A subscription of its own hears of its own namespace alone.
            const stream = handles[name].watchEvents({ events: ['update'] });
            const [entry] = await handles[name].listEntries({ port: 1 + (round % 30) });
            if (entry === undefined) throw new Error('no entry');
            await handles[name].updateEntry(entry, { timeout: 600 + (round % 100) });
            for await (const event of stream) {
              if (!('entry' in event)) throw new Error(event.type);
              expect(event.entry.original.source).toBe(name === 'blue' ? '10.1.0.1' : '10.2.0.1');
              break;
            }
          },
        ];
        for (const name of names) await handles[name].writeSettings({ udpTimeout: timeouts[name] });

        // Watched meanwhile, and the kernel busy with a fourth.
        const watching = new AbortController();
        const { signal } = watching;
        const samples = { blue: 0, green: 0 };
        const watch = async (name: 'blue' | 'green') => {
          for await (const { entries } of handles[name].watchPressure({ intervalMs: 5, signal })) {
            expect(entries).toBe(counts[name]);
            samples[name]++;
          }
        };
        const watches = names.map((name) => expect(watch(name)).rejects.toBe(signal));
        const red = await OtherNetwork.create();
        const churn = red.start(populate, 'churn', '0', '500');

        let done = 0;
        const worker = async (first: number) => {
          for (let round = first; round < ROUNDS; round += WORKERS) {
            const name = names[round % 2] ?? 'blue';
            await work[Math.floor(round / 2) % work.length]?.(name, round);
            done++;
            if (round % 100 === 0)
              expect([...namespacesOfThreads()].filter((one) => !expected.has(one))).toEqual([]);
          }
        };
        const WORKERS = 16;
        const expected = new Set([
          ...own,
          ...[blue, green].map(({ pid }) => readlinkSync(`/proc/${pid}/ns/net`)),
        ]);
        await Promise.all(Array.from({ length: WORKERS }, (_, index) => worker(index)));
        expect(done).toBe(ROUNDS);
        watching.abort(signal);
        await Promise.all(watches);
        expect(Math.min(samples.blue, samples.green)).toBeGreaterThan(10);
        churn.stdin?.end();
        expect(await once(churn, 'exit')).toEqual([0, null]);
        await red[Symbol.asyncDispose]();

        await Promise.all(names.map((name) => handles[name].close()));
        // Those that enter a namespace have ended.
        expect(namespacesOfThreads()).toEqual(own);
        expect(threads()).toBeLessThanOrEqual(before + 4); // libuv's pool, which starts when needed
        expect(heldNamespaces()).toBe(0);
      },
      LONG,
    ); // half a minute, and more beside other tests
  });
});
