/** The namespaces that have an id, on a machine whose folders this test plays. */
import { beforeEach, expect, test, vi } from 'vitest';
import { namespaceIdsOf } from '../../src/event/namespaces.js';

interface Answer {
  readonly inode?: number;
  readonly id?: number;
  readonly failure?: object;
}

interface Machine {
  folders: Record<string, string[]>;
  /** Of each process, the inode of its namespace; 0 when it may not be looked into. */
  processes: Map<number, number>;
  /** By path; of a process, by its inode. */
  answers: Map<string | number, Answer>;
  calls: (readonly string[])[];
}

const machine = vi.hoisted(
  (): Machine => ({ folders: {}, processes: new Map(), answers: new Map(), calls: [] }),
);

/** The process of a path such as /proc/1/ns/net. */
const inodeOf = (path: string) => machine.processes.get(Number(/\d+/.exec(path)?.[0])) ?? 0;

vi.mock('../../src/core/proc-folders.js', () => ({
  isAbsentCode: (code: string) => code === 'ENOENT',
  namesIn: async (_: string, folder: string) => machine.folders[folder] ?? [],
  processIds: async () => [...machine.processes.keys()],
  linkAt: async (_: string, path: string) =>
    inodeOf(path) === 0 ? undefined : `net:[${inodeOf(path)}]`,
}));
vi.mock('../../src/core/load-addon.js', () => ({
  loadAddon: () => ({
    namespaceIds: async (_: unknown, paths: readonly string[]) => {
      machine.calls.push(paths);
      const answerOf = (path: string) =>
        machine.answers.get(path.startsWith('/proc/') ? inodeOf(path) : path) ?? {};
      return { ids: paths.map(answerOf) };
    },
  }),
}));

const list = () => namespaceIdsOf('listNamespaceIds', undefined);
const processPath = (pid: number) => `/proc/${pid}/ns/net`;

beforeEach(() => {
  Object.assign(machine, {
    folders: {},
    processes: new Map(),
    answers: new Map(),
    calls: [],
  });
});

test('are in the order of their ids, each once, with the name of `ip netns`', async () => {
  machine.folders = { '/run/netns': ['web', 'db', 'again', 'gone'], '/run/docker/netns': ['9f'] };
  machine.answers = new Map<string | number, Answer>([
    ['/run/netns/web', { inode: 10, id: 5 }],
    ['/run/netns/again', { inode: 11, id: 3 }],
    ['/run/netns/db', { inode: 11, id: 3 }],
    ['/run/netns/gone', { failure: { errno: 2, syscall: 'open' } }],
    ['/run/docker/netns/9f', { inode: 12, id: 4 }],
    [13, { inode: 13, id: 0 }],
    [14, { inode: 14 }],
  ]);
  machine.processes = new Map([
    [1, 14],
    [20, 12],
    [21, 13],
    [22, 10],
    [23, 13],
    [24, 0],
  ]);
  expect(await list()).toEqual([
    { id: 0, path: processPath(21), pids: [21, 23] },
    { id: 3, name: 'again', path: '/run/netns/again', pids: [] },
    { id: 4, path: '/run/docker/netns/9f', pids: [20] },
    { id: 5, name: 'web', path: '/run/netns/web', pids: [22] },
  ]);
  // A namespace with a path is not asked for by its processes.
  expect(
    machine.calls
      .flat()
      .filter((path) => path.startsWith('/proc/'))
      .sort(),
  ).toEqual([1, 21, 23].map(processPath));
});

test('are asked for by three of their processes, 64 paths at a time', async () => {
  const inodes = Array.from({ length: 50 }, (_, index) => 100 + index);
  machine.processes = new Map(
    inodes.flatMap((inode) =>
      Array.from({ length: 5 }, (_, index) => [10 * inode + index, inode] as const),
    ),
  );
  machine.answers = new Map(inodes.map((inode) => [inode, { inode, id: inode }]));
  expect(await list()).toEqual(
    inodes.map((inode) => ({
      id: inode,
      path: processPath(10 * inode),
      pids: [0, 1, 2, 3, 4].map((index) => 10 * inode + index),
    })),
  );
  const asked = inodes.flatMap((inode) => [0, 1, 2].map((at) => processPath(10 * inode + at)));
  expect(machine.calls.flat()).toEqual(asked);
  expect(machine.calls.map(({ length }) => length)).toEqual([64, 64, 22]);
});
