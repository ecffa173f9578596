/**
 * Who listens to events: the floor, this package, and a peer.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from './native.js';

export interface EventListener {
  key: string;
  name: string;
  command: string;
  args: string[];
  /** Whether it says what it saw; others print a line an event. */
  counts: boolean;
}

const watch = fileURLToPath(new URL('trials/watch.js', import.meta.url));

/** The floor first: the others are compared with it. */
export const listeners: readonly EventListener[] = [
  {
    key: 'floor',
    name: 'recvmmsg only, in C',
    command: native('event_floor'),
    args: [],
    counts: true,
  },
  {
    key: 'watch',
    name: 'watchEvents(), each event read',
    command: process.execPath,
    args: [watch],
    counts: true,
  },
  {
    key: 'watch-blocked',
    name: 'the same, blocked for 500 ms',
    command: process.execPath,
    args: [watch, '500'],
    counts: true,
  },
  {
    key: 'conntrack-tool',
    name: 'conntrack -E > file',
    command: 'conntrack',
    args: ['-E', '-e', 'NEW'],
    counts: false,
  },
];

export function isPresent({ command }: EventListener): boolean {
  if (command.includes('/')) return existsSync(command);
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, command)));
}
