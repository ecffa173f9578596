/** The search for the process that has a socket open, on a machine whose /proc this test plays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { originOf } from '../../src/event/origin.js';

const machine = vi.hoisted(() => ({
  /** Of each process: its open files, by their numbers. */
  processes: new Map<number, Map<string, string>>(),
  looks: [] as string[],
  /** Links that are being read, and the most at a time. */
  reading: 0,
  most: 0,
  /** A file that is closed once it was looked at. */
  closing: '',
}));

const filesOf = (path: string) => machine.processes.get(Number(/\d+/.exec(path)?.[0]));

vi.mock('../../src/core/proc-folders.js', async (original) => ({
  ...(await original<object>()),
  namesIn: async (_: string, folder: string) => {
    machine.looks.push(folder);
    return [...(filesOf(folder)?.keys() ?? [])];
  },
  processIds: async () => [...machine.processes.keys()],
  linkAt: async (_: string, path: string) => {
    machine.most = Math.max(machine.most, ++machine.reading);
    await turn();
    machine.reading--;
    const [fd = ''] = path.split('/').slice(-1);
    const link = filesOf(path)?.get(fd);
    if (path === machine.closing) filesOf(path)?.delete(fd);
    return link;
  },
}));
vi.mock('../../src/core/load-addon.js', () => ({
  loadAddon: () => ({
    readFiles: () => [{ text: `Eth Pid Inode\n${sockets.map(lineOf).join('\n')}\n` }],
  }),
}));

/** Port ids. The inode of each is a million more. */
const sockets = Array.from({ length: 200 }, (_, index) => 3_000_000_000 + index);
const inodeOf = (portId: number) => portId + 1_000_000;
const lineOf = (portId: number) => `12 ${portId} ${inodeOf(portId)}`;
const linkTo = (portId: number) => `socket:[${inodeOf(portId)}]`;

/** Whose name and command line can be read. */
const OWN = process.pid;
const origin = (portId: number) => originOf('findOrigin', undefined, portId);

/** The file of a descriptor, which may be closed meanwhile. */
function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const folder = (pid: number) => `/proc/${pid}/fd`;

/** Lets processes have so many files each that are no sockets, and the last one the sockets behind. */
function open(others: readonly number[], files: number, portIds: readonly number[], last = OWN) {
  const noise = Array.from({ length: files }, (_, fd) => [String(fd), 'pipe:[1]'] as const);
  const own = portIds.map((portId, at) => [String(files + at), linkTo(portId)] as const);
  machine.processes = new Map([
    ...others.map((pid) => [pid, new Map(noise)] as const),
    [last, new Map([...noise, ...own])],
  ]);
}

beforeEach(() => {
  machine.looks = [];
  machine.closing = '';
  machine.most = 0;
});

describe('a process', () => {
  test('is found behind others, by the last of many files', async () => {
    open([2, 3], 130, sockets.slice(0, 1));
    expect(await origin(sockets[0] as number)).toMatchObject({ pid: OWN });
    expect(machine.looks).toEqual([sockets[0] as number, 2, 3, OWN].map(folder));
    expect(machine.most, 'at a time').toBe(64);
  });

  test('is looked for once by all who ask, and not again while it has the socket', async () => {
    const [portId] = sockets.slice(1) as [number];
    open([2], 1, [portId]);
    const both = await Promise.all([origin(portId), origin(portId)]);
    expect(both.map((one) => one?.pid)).toEqual([OWN, OWN]);
    const looks = [portId, 2, OWN].map(folder);
    expect(machine.looks).toEqual(looks);
    await origin(portId);
    expect(machine.looks).toEqual(looks);
    // Another file has taken the number.
    open([2], 2, [portId]);
    expect(await origin(portId)).toMatchObject({ pid: OWN });
    expect(machine.looks).toEqual([...looks, ...looks]);
  });

  test('is remembered until 64 others were found since', async () => {
    const asked = sockets.slice(10, 75);
    open([], 0, asked);
    for (const portId of asked) await origin(portId);
    machine.looks = [];
    for (const portId of asked.slice(1)) expect(await origin(portId)).toBeDefined();
    expect(machine.looks).toEqual([]);
    expect(await origin(asked[0] as number)).toBeDefined();
    expect(machine.looks).toHaveLength(2);
  });

  test('is not looked for when there is no socket of that port id', async () => {
    open([2], 1, []);
    expect(await origin(5)).toBeUndefined();
    expect(machine.looks).toEqual([]);
  });

  test('that nobody is has been looked for everywhere, and is so the next time', async () => {
    const [portId] = sockets.slice(100) as [number];
    open([2], 3, []);
    for (const _ of [1, 2]) {
      machine.looks = [];
      expect(await origin(portId)).toBeUndefined();
      expect(machine.looks).toEqual([portId, 2, OWN].map(folder));
    }
  });

  test.each([
    ['has ended', 2_000_000_000, ''],
    ['closes it meanwhile', OWN, `${folder(OWN)}/0`],
  ])('that %s is none', async (_, pid, closing) => {
    open([], 0, sockets.slice(110, 111), pid);
    machine.closing = closing;
    expect(await origin(sockets[110] as number)).toBeUndefined();
  });
});

describe('the name and the command line', () => {
  let place: string;
  let program: string;
  let child: ChildProcess | undefined;

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'conntrack-origin-'));
    program = join(place, 'a\nb');
    symlinkSync('/bin/sh', program);
  });
  afterEach(() => {
    child?.kill();
  });
  afterAll(() => {
    rmSync(place, { recursive: true });
  });

  test.each([
    ['whole', ['x', '', '\x1b[2J', ''], ['x', '', '\\u001b[2J', '']],
    [
      'by their first 4,096 bytes',
      ['y'.repeat(5000)],
      ['y'.repeat(4096 - 'sh -c read x sh '.length)],
    ],
  ])('are printable, and read %s', async (_, given, read) => {
    child = spawn(program, ['-c', 'read x', 'sh', ...given], { argv0: 'sh' });
    const { pid = 0 } = child;
    const portId = sockets[120] as number;
    open([], 0, [portId], pid);
    const command = ['sh', '-c', 'read x', 'sh', ...read];
    expect(await origin(portId)).toEqual({ pid, name: 'a\\u000ab', command });
    const left = readdirSync('/proc/self/fd').map((fd) => linkAt(`/proc/self/fd/${fd}`));
    expect(left.filter((path) => path.startsWith(`/proc/${pid}/`))).toEqual([]);
  });
});
