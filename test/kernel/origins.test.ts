/**
 * Which program caused an event: this one, another one, and one that is gone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  Conntrack,
  createEntry,
  deleteEntry,
  findOrigin,
  type NamespaceId,
  watchEvents,
} from 'conntrack';
import { beforeAll, expect, test } from 'vitest';
import { run, setting } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';

const packageUrl = new URL('../../dist/index.js', import.meta.url).href;

const flow = (sourcePort: number) =>
  ({
    protocol: 'udp',
    original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort, destinationPort: 53 },
    timeout: 600,
  }) as const;

/** A program that creates an entry with each of so many sockets, and stays. */
function program(title: string, sockets: number) {
  const script = `
    process.title = ${JSON.stringify(title)};
    const { Conntrack } = await import(${JSON.stringify(packageUrl)});
    for (let port = 1; port <= ${sockets}; port++) {
      const handle = await Conntrack.open();
      const original = { source: '10.0.0.9', destination: '10.0.0.2', sourcePort: port, destinationPort: 53 };
      await handle.createEntry({ protocol: 'udp', original, timeout: 600 });
      globalThis['handle' + port] = handle;
    }
    process.stdin.resume();`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
}

describeInNamespace('conntrack', 'unshare')('findOrigin', () => {
  beforeAll(() => {
    setting('events', 1);
  });

  async function originsOf(count: number, act: () => unknown, handle?: Conntrack) {
    const stream = (handle ?? { watchEvents }).watchEvents({ events: ['new'] });
    await act();
    const portIds: number[] = [];
    for await (const event of stream) {
      if ('originPortId' in event) portIds.push(event.originPortId);
      if (portIds.length === count) break;
    }
    return portIds;
  }

  test('this program, whichever socket it was', async () => {
    await using second = await Conntrack.open();
    const portIds = await originsOf(2, async () => {
      await createEntry(flow(1));
      await second.createEntry(flow(2));
    });
    expect(new Set(portIds).size).toBe(2);
    for (const portId of portIds) {
      const origin = await findOrigin(portId);
      expect(origin?.pid).toBe(process.pid);
      expect(await findOrigin(portId)).toEqual(origin);
    }
    await deleteEntry(flow(1));
  });

  test('another one, with its name escaped, until it ends', async () => {
    const children: ReturnType<typeof program>[] = [];
    const portIds = await originsOf(3, () => children.push(program('a\u001b[31mb', 3)));
    const [child] = children;
    expect(new Set(portIds).size).toBe(3);
    const origins = await Promise.all([...portIds, ...portIds].map((id) => findOrigin(id)));
    for (const origin of origins) {
      expect(origin).toMatchObject({ pid: child?.pid, name: 'a\\u001b[31mb' });
      expect(origin?.command.at(0)).toBe('a\\u001b[31mb');
    }
    if (child === undefined) throw new Error('there is no program');
    child.stdin.end();
    await once(child, 'exit');
    for (const portId of portIds) expect(await findOrigin(portId)).toBeUndefined();
  });

  test('none that is gone when the event comes', async () => {
    const [portId = 0] = await originsOf(1, () =>
      run('conntrack', '-I', '-p', '253', '-s', '10.0.0.1', '-d', '10.0.0.2', '-t', '600'),
    );
    expect(portId).not.toBe(0);
    expect(await findOrigin(portId)).toBeUndefined();
  });

  test('none for the kernel, and none that has a process id and no socket', async () => {
    expect(await findOrigin(0)).toBeUndefined();
    const idle = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    expect(await findOrigin(idle.pid ?? 0)).toBeUndefined();
    idle.stdin.end();
    await once(idle, 'exit');
  });

  test('of the namespace of the handle', async () => {
    await using blue = await OtherNetwork.create();
    await using handle = await Conntrack.open({ netns: { pid: blue.pid } });
    blue.setting('events', 1);
    const [portId = 0] = await originsOf(1, () => handle.createEntry(flow(5)), handle);
    expect(await handle.findOrigin(portId)).toMatchObject({ pid: process.pid });
    const { name = '' } = (await handle.findOrigin(portId)) ?? {};
    expect(name.length).toBeLessThanOrEqual(15);
    // The port id that the other namespace knows is unknown here, or that of another socket of ours.
    const here = await findOrigin(portId);
    expect([undefined, process.pid]).toContain(here?.pid);
  });
});

describeInNamespace(
  'ip',
  'unshare',
  'readlink',
  'stat',
)('listNamespaceIds', () => {
  /** In namespaces of its own, with an empty /run, so that names and ids are this test's alone. */
  const ids = (shell: string, script: string): unknown => {
    const program = `import { Conntrack, listNamespaceIds } from '${packageUrl}';
      console.log(JSON.stringify(await (async () => {${script}})()));`;
    const commands = `mount -t tmpfs none /run && mkdir /run/netns && ${shell}
      "$0" --input-type=module -e "$1"; [ -z "$P" ] || kill $P`;
    const args = ['--net', '--mount', '--', 'sh', '-ec', commands, process.execPath, program];
    const text = run('unshare', ...args);
    return JSON.parse(text.slice(text.lastIndexOf('\n', text.length - 2) + 1));
  };

  test('names, paths and processes, and nothing without an id; as ip netns list-id', () => {
    const shell = `
      for name in blue green none; do ip netns add $name; done
      ip netns set blue 7; ip netns set green 3
      touch /run/netns/plain
      unshare --net sleep 60 & P=$!
      until [ "$(readlink /proc/$P/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
      ip link add one type veth peer name two netns $P
      ip netns exec green sleep 60 & G=$!
      until [ "$(readlink /proc/$G/ns/net)" = "net:[$(stat -Lc %i /run/netns/green)]" ]; do :; done
      P="$P $G"
      ip netns list-id >&2`;
    const script = `
      const list = await listNamespaceIds();
      const blue = await Conntrack.open({ netns: 'blue' });
      return { list, ofBlue: await blue.listNamespaceIds() };`;
    const { list, ofBlue } = ids(shell, script) as {
      list: NamespaceId[];
      ofBlue: NamespaceId[];
    };
    const [first, second] = list;
    const { pids = [] } = second ?? {};
    expect(list).toEqual([
      { id: 0, path: `/proc/${first?.pids[0]}/ns/net`, pids: [first?.pids[0]] },
      { id: 3, name: 'green', path: '/run/netns/green', pids: [pids[0]] },
      { id: 7, name: 'blue', path: '/run/netns/blue', pids: [] },
    ]);
    expect(first?.pids).toHaveLength(1);
    expect(pids).toHaveLength(1);
    expect(ofBlue).toEqual([]);
  });

  test('the id of an event', async () => {
    const script = `
      const own = await Conntrack.open();
      const blue = await Conntrack.open({ netns: 'blue' });
      const stream = own.watchEvents({ allNamespaces: true });
      const original = { source: '10.0.0.1', destination: '10.0.0.2' };
      await blue.createEntry({ protocol: 253, original, timeout: 60 });
      for await (const { netns } of stream) {
        const found = (await own.listNamespaceIds()).find(({ id }) => id === netns);
        return [netns, found?.name];
      }`;
    const shell = `ip netns add blue; ip netns set blue 7
      ip netns exec blue sh -c 'echo 1 > /proc/sys/net/netfilter/nf_conntrack_events'`;
    expect(ids(shell, script)).toEqual([7, 'blue']);
  });

  test('none where there are none', () => {
    expect(ids('', 'return listNamespaceIds();')).toEqual([]);
  });
});
