/**
 * A process that sends forged messages to everybody who listens: test/support/native/forge.cc.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Entry } from 'conntrack';
import { type Child, ended, Place, program } from './place.js';

/** How many datagrams it sent. */
export interface Forged {
  /** To each of the groups of ctnetlink: new, update, destroy, and these of expectations. */
  readonly groups: readonly number[];
  readonly ports: number;
}

export class Forger {
  readonly #child: Child;
  readonly #printed: Promise<string>;

  /** Sends so many datagrams a second to the groups and to sockets by their port ids. */
  constructor(rate: number, ports: readonly string[] = [], place = new Place()) {
    this.#child = place.start(program('forge'), 'flood', String(rate), ...ports);
    this.#printed = text(this.#child.stdout);
  }

  async stop(): Promise<Forged> {
    const code = await ended(this.#child);
    if (code !== 0) throw new Error(`forge ended with ${code}`);
    const numbers = (await this.#printed).trim().split(' ').map(Number);
    return { groups: numbers.slice(0, 6), ports: numbers[6] ?? 0 };
  }
}

/** Whether somebody believed a forger: no other entry has these addresses. */
export function isForged({ original, reply }: Entry): boolean {
  return [original.source, reply.source].some((address) => address.startsWith('203.0.113.'));
}

const NETLINK_NETFILTER = '12';

/** The port ids of the sockets of NETLINK_NETFILTER that this process has in a namespace. */
export async function portIdsOf(place: Place): Promise<string[]> {
  const own = new Set(socketInodes());
  const sockets = await text(place.start('cat', '/proc/net/netlink').stdout);
  return sockets.split('\n').flatMap((line) => {
    const [, protocol, portId, , , , , , , inode] = line.trim().split(/\s+/);
    const isOurs = protocol === NETLINK_NETFILTER && inode !== undefined && own.has(inode);
    return isOurs && portId !== undefined ? [portId] : [];
  });
}

function socketInodes(): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`))?.[1];
      return inode === undefined ? [] : [inode];
    } catch {
      return []; // closed meanwhile
    }
  });
}
