/**
 * Names, paths and processes of the network namespaces that events name by their ids.
 */
import { codeOf, errorOfPlainFailure } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { isAbsentCode, linkAt, namesIn, processIds } from '../core/proc-folders.js';
import type { NamespaceId } from './event.js';

/** Where `ip netns` and Docker keep namespaces. */
const NAMED = '/run/netns';
const FOLDERS = [NAMED, '/run/docker/netns'];

/** Paths of a job, and links that are read at a time. */
const AT_ONCE = 64;

/** Processes of a namespace by which it is asked for: one may have ended. */
const ASKED = 3;

interface Place {
  readonly path: string;
  readonly inode: number;
  readonly id: number | undefined;
}

export async function namespaceIdsOf(
  operation: string,
  netns: NetNamespaceArgument,
): Promise<NamespaceId[]> {
  const files = (await Promise.all(FOLDERS.map((folder) => filesIn(operation, folder)))).flat();
  const places = await placesAt(operation, netns, files);
  const processes = await processesByInode(operation);
  const known = new Set(places.map(({ inode }) => inode));
  const others = [...processes].filter(([inode]) => !known.has(inode));
  const asked = others.flatMap(([, pids]) => pids.slice(0, ASKED).map(pathOf));
  places.push(...(await placesAt(operation, netns, asked)));

  const found = new Map<number, NamespaceId>();
  for (const { path, inode, id } of places) {
    if (id === undefined || found.has(id)) continue;
    const name = path.startsWith(`${NAMED}/`) ? path.slice(NAMED.length + 1) : undefined;
    const pids = processes.get(inode) ?? [];
    found.set(id, { id, ...(name !== undefined && { name }), path, pids });
  }
  return [...found.values()].sort((one, other) => one.id - other.id);
}

/** What is at the paths: nothing where there is no namespace, or one that may not be opened. */
async function placesAt(
  operation: string,
  netns: NetNamespaceArgument,
  paths: readonly string[],
): Promise<Place[]> {
  const places: Place[] = [];
  for (let first = 0; first < paths.length; first += AT_ONCE) {
    const some = paths.slice(first, first + AT_ONCE);
    const { ids, failure } = await loadAddon().namespaceIds(netns, some);
    if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
    for (const [index, { inode, id, failure }] of ids.entries()) {
      if (failure !== undefined && !isAbsentCode(codeOf(failure.errno))) {
        throw errorOfPlainFailure(operation, failure);
      }
      if (inode !== undefined) places.push({ path: some[index] as string, inode, id });
    }
  }
  return places;
}

async function filesIn(operation: string, folder: string): Promise<string[]> {
  const names = await namesIn(operation, folder);
  return names.sort().map((name) => `${folder}/${name}`);
}

/** Those of processes that this one may not look into are left out. */
async function processesByInode(operation: string): Promise<Map<number, number[]>> {
  const pids = await processIds(operation);
  const byInode = new Map<number, number[]>();
  for (let first = 0; first < pids.length; first += AT_ONCE) {
    const some = pids.slice(first, first + AT_ONCE);
    const links = await Promise.all(some.map((pid) => linkAt(operation, pathOf(pid))));
    for (const [index, link] of links.entries()) {
      const [, inode] = /^net:\[(\d+)\]$/.exec(link ?? '') ?? [];
      if (inode === undefined) continue;
      const those = byInode.get(Number(inode));
      if (those === undefined) byInode.set(Number(inode), [some[index] as number]);
      else those.push(some[index] as number);
    }
  }
  return byInode;
}

const pathOf = (pid: number) => `/proc/${pid}/ns/net`;
