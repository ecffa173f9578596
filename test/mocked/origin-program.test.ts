/** The programs of port ids and the namespaces of ids, by sockets and links of this process. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { namespaceIdsOf } from '../../src/event/namespaces.js';
import { originOf } from '../../src/event/origin.js';

const kernel = vi.hoisted(() => ({
  text: undefined as string | undefined,
  /** What an inode or a path is to the kernel. */
  idOf: (_path: string): object => ({}),
  failure: undefined as object | undefined,
  asked: [] as string[],
}));

vi.mock('../../src/core/load-addon.js', () => ({
  loadAddon: () => ({
    readFiles: () => [kernel.text === undefined ? {} : { text: kernel.text }],
    namespaceIds: async (_: unknown, paths: readonly string[]) => {
      kernel.asked.push(...paths);
      return { ids: paths.map((path) => kernel.idOf(path)), failure: kernel.failure };
    },
  }),
}));

/** The inode that a link of /proc names; a process may end meanwhile. */
function inodeAt(path: string): number {
  try {
    return Number(/\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const openInodes = () => readdirSync('/proc/self/fd').map((fd) => inodeAt(`/proc/self/fd/${fd}`));

/** Any socket of this process stands for its netlink socket. */
async function openSocket(): Promise<{ server: Server; inode: number }> {
  const before = openInodes();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const inode = openInodes().find((one) => one > 0 && !before.includes(one));
  if (inode === undefined) throw new Error('no socket was opened');
  return { server, inode };
}

const closed = (server: Server) => new Promise((resolve) => server.close(resolve));
const origin = (portId: number) => originOf('findOrigin', undefined, portId);

const own = {
  pid: process.pid,
  name: readFileSync('/proc/self/comm', 'utf8').trimEnd(),
  command: readFileSync('/proc/self/cmdline', 'utf8').slice(0, -1).split('\0'),
};

describe('the program of a port id', () => {
  let server: Server;

  beforeEach(async () => {
    const opened = await openSocket();
    ({ server } = opened);
    const line = (portId: number, inode: number) => `0 12 ${portId} 0 0 0 0 2 0 ${inode}\n`;
    kernel.text =
      'sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n' +
      line(process.pid, opened.inode) +
      line(3_048_103_927, opened.inode) +
      line(0, opened.inode) +
      line(77, 1);
  });
  afterEach(() => closed(server));

  test.each([process.pid, 3_048_103_927])('%i is the one that has the socket open', async (id) => {
    expect(await origin(id)).toEqual(own);
  });

  test('is the same for all who ask at a time, and later', async () => {
    expect(await Promise.all([origin(process.pid), origin(process.pid)])).toEqual([own, own]);
    expect(await origin(process.pid)).toEqual(own);
  });

  test.each([
    ['of the kernel', 0],
    ['that nobody has', 5],
    ['of a socket that no process has open', 77],
  ])('%s is none', async (_, portId) => {
    expect(await origin(portId)).toBeUndefined();
  });

  test('is none without a list of sockets', async () => {
    kernel.text = undefined;
    expect(await origin(process.pid)).toBeUndefined();
  });

  test('is none once the socket is closed, though it was found before', async () => {
    expect(await origin(process.pid)).toEqual(own);
    await closed(server);
    expect(await origin(process.pid)).toBeUndefined();
    server = (await openSocket()).server;
  });
});

describe('the namespaces that have an id', () => {
  const here = inodeAt('/proc/self/ns/net');
  const list = () => namespaceIdsOf('listNamespaceIds', undefined);

  beforeEach(() => {
    kernel.asked = [];
    kernel.failure = undefined;
  });

  test('have a path of one of their processes, and all that may be looked into', async () => {
    kernel.idOf = (path) => (inodeAt(path) === here ? { inode: here, id: 0 } : {});
    const [only, ...others] = await list();
    expect(others).toEqual([]);
    expect(only?.id).toBe(0);
    expect(only?.path).toMatch(/^\/proc\/\d+\/ns\/net$/);
    expect(inodeAt(only?.path ?? '')).toBe(here);
    expect(only?.pids).toContain(process.pid);
    expect(only).not.toHaveProperty('name');
    const asked = kernel.asked.filter((path) => path.startsWith('/proc/'));
    expect(asked.filter((path) => inodeAt(path) === here).length).toBeLessThanOrEqual(3);
  });

  test.each<[string, object]>([
    ['without an id', { inode: here }],
    ['that has ended', { failure: { errno: 2, syscall: 'open' } }],
    ['that may not be opened', { failure: { errno: 13, syscall: 'open' } }],
  ])('are not those %s', async (_, answer) => {
    kernel.idOf = () => answer;
    expect(await list()).toEqual([]);
  });

  test.each<[string, () => void]>([
    ['of one', () => (kernel.idOf = () => ({ failure: { errno: 24, syscall: 'open' } }))],
    ['of all', () => (kernel.failure = { errno: 24, syscall: 'open' })],
  ])('fail with another failure: %s', async (_, fail) => {
    kernel.idOf = () => ({});
    fail();
    await expect(list()).rejects.toMatchObject({ code: 'EMFILE', operation: 'listNamespaceIds' });
  });
});
