/**
 * Which program a netlink port id belongs to, as /proc has it.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { NetNamespaceArgument } from '../core/native.js';
import { printable } from '../core/printable.js';
import { readProcFiles } from '../core/proc-files.js';
import { linkAt, namesIn, processIds, unlessAbsent } from '../core/proc-folders.js';
import type { OriginProgram } from './event.js';

/** As the thread's network namespace has them. */
const SOCKETS = '/proc/thread-self/net/netlink';

/** Of the command lines that are read. */
const COMMAND_BYTES = 4096;

/** An open file of a process. */
interface Holder {
  readonly pid: number;
  readonly fd: string;
}

/** Who held the sockets that were asked for last, by inode. Each is verified before it is used. */
const holders = new Map<string, Holder>();
const REMEMBERED = 64;

/** Looks through all processes that are under way, by inode. */
const looks = new Map<string, Promise<Holder | undefined>>();

export async function originOf(
  operation: string,
  netns: NetNamespaceArgument,
  portId: number,
): Promise<OriginProgram | undefined> {
  // The kernel's own sockets have that one.
  if (portId === 0) return undefined;
  const [{ text }] = readProcFiles(operation, netns, [SOCKETS] as const);
  const inode = text === undefined ? undefined : inodeOf(text, portId);
  if (inode === undefined) return undefined;
  const holder = await holderOf(operation, inode, portId);
  if (holder === undefined) return undefined;
  const { pid } = holder;
  const name = await textOf(operation, `/proc/${pid}/comm`);
  const command = await textOf(operation, `/proc/${pid}/cmdline`);
  // Behind what was read: another process may have taken the number meanwhile.
  if (name === undefined || !(await holds(operation, holder, inode))) return undefined;
  return {
    pid,
    name: printable(name.replace(/\n$/, '')),
    command: argumentsIn(command ?? ''),
  };
}

/**
 * The inode of the socket that has this port id, in a text of /proc/net/netlink. Each protocol has
 * port ids of its own.
 */
export function inodeOf(text: string, portId: number): string | undefined {
  const [header = '', ...lines] = text.split('\n').map((line) => line.split(/\s+/));
  const [protocolAt, portIdAt, inodeAt] = ['Eth', 'Pid', 'Inode'].map((name) =>
    header.indexOf(name),
  ) as [number, number, number];
  const found = lines.find(
    (line) => line[protocolAt] === NETLINK_NETFILTER && line[portIdAt] === String(portId),
  );
  return found?.[inodeAt];
}

/** linux/netlink.h */
const NETLINK_NETFILTER = '12';

async function holderOf(
  operation: string,
  inode: string,
  portId: number,
): Promise<Holder | undefined> {
  const known = holders.get(inode);
  if (known !== undefined && (await holds(operation, known, inode))) return known;
  let look = looks.get(inode);
  if (look === undefined) {
    look = lookFor(operation, inode, portId).finally(() => looks.delete(inode));
    looks.set(inode, look);
  }
  const holder = await look;
  holders.delete(inode);
  if (holder !== undefined) holders.set(inode, holder);
  const [oldest] = holders.keys();
  if (holders.size > REMEMBERED && oldest !== undefined) holders.delete(oldest);
  return holder;
}

/** The first socket of a process usually has the process's id as its port id: that one first. */
async function lookFor(
  operation: string,
  inode: string,
  portId: number,
): Promise<Holder | undefined> {
  for (const pid of [portId, ...(await processIds(operation))]) {
    const holder = await holderIn(operation, pid, inode);
    if (holder !== undefined) return holder;
  }
  return undefined;
}

async function holderIn(
  operation: string,
  pid: number,
  inode: string,
): Promise<Holder | undefined> {
  const fds = await namesIn(operation, `/proc/${pid}/fd`);
  // A process may have a million: not all at once.
  for (let first = 0; first < fds.length; first += AT_ONCE) {
    const some = fds.slice(first, first + AT_ONCE).map((fd) => ({ pid, fd }));
    const held = await Promise.all(some.map((holder) => holds(operation, holder, inode)));
    const index = held.indexOf(true);
    if (index >= 0) return some[index];
  }
  return undefined;
}

const AT_ONCE = 64;

async function holds(operation: string, { pid, fd }: Holder, inode: string): Promise<boolean> {
  return (await linkAt(operation, `/proc/${pid}/fd/${fd}`)) === `socket:[${inode}]`;
}

/** The beginning of a file; `undefined` when the process has ended. */
async function textOf(operation: string, path: string): Promise<string | undefined> {
  const file = await unlessAbsent(operation, path, open(path));
  if (file === undefined) return undefined;
  try {
    return await unlessAbsent(operation, path, beginningOf(file));
  } finally {
    await file.close();
  }
}

async function beginningOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(COMMAND_BYTES));
  return buffer.toString('utf8', 0, bytesRead);
}

/** Each ends with a NUL. */
function argumentsIn(command: string): string[] {
  const parts = command.split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts.map(printable);
}
