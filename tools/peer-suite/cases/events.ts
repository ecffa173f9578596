/**
 * What `-E` prints.
 */
import { PORTS } from './flows.js';

/** What makes the events; both sides run it with the tool. */
export const EVENT_ACTIONS: readonly string[] = [
  `-I -s 192.0.2.1 -d 198.51.100.2 -p udp ${PORTS} -t 600`,
  `-I -s 192.0.2.1 -d 198.51.100.2 -p udp ${PORTS} -t 700 -u SEEN_REPLY -m 5 -w 3`,
  `-I -s 2001:db8::1 -d 2001:db8:1::2 -p tcp ${PORTS} -t 800 --state ESTABLISHED --label-add voice`,
  '-U -s 2001:db8::1 -m 4',
  '-D -s 192.0.2.1 -g',
  '-D -s 192.0.2.1',
  '-D -s 2001:db8::1',
];

/** The options of `-E`, and how many lines it then prints. */
export type EventCase = readonly [options: string, lines: number];

export const EVENT_CASES: readonly EventCase[] = [
  ['', 7],
  ['-o id,extended', 7],
  ['-o xml', 9],
  ['-o save', 7],
  ['-o labels', 7],
  ['-b 1000000', 7],
  ['-e NEW', 3],
  ['-e UPDATES', 1],
  ['-e DESTROY', 3],
  ['-e NEW,DESTROY', 6],
  ['-f ipv6', 3],
  ['-p tcp', 3],
  ['-s 192.0.2.0/24', 4],
  ['-d 198.51.100.2 -e NEW', 2],
  ['-w 3', 2],
  ['-m 5', 2],
  ['-p udp --sport 1025 -e DESTROY', 2],
  ['-r 2001:db8:1::2', 3],
];
