/**
 * What the tool gets wrong, or takes without a meaning, and what the API cannot say: each is in the list
 * of known differences, and fails a run when it is a difference no longer.
 */
import type { Group } from '../groups.js';
import { UDP_FLOW } from './flows.js';

const lines = [
  `-I ${UDP_FLOW} -t 600 -m 1 -u SEEN_REPLY ; OK`,
  `-I ${UDP_FLOW} -t 600 -u SEEN_REPLY -m 1 -w 7 ; OK`,
  '-L -m 1 -u SEEN_REPLY ; OK',
  '-D -w 7 ; OK',
  '-U -m 9 ; OK',
  '-U -s 192.0.2.1 -m 0x1f/0xf ; OK',
  `-I ${UDP_FLOW} -t 600 -w 4 ; OK`,
  '-U -s 192.0.2.1 -t 550 -m 77 ; OK',
  '-G -r 198.51.100.2 -q 192.0.2.1 -p udp --reply-port-src 53 --reply-port-dst 1025 ; OK',
  '-I -s 2001:db8::1 -d 2001:db8:1::2 -p udp --sport 5 --dport 6 -t 600 -g 2001:db8:2::9 ; OK',
  '-L -g 2001:db8:3::1 ; OK',
  '-L --orig-zone 0 ; OK',
  '-L -w 70000 ; BAD',
  '-L -m x ; BAD',
  '-L -p udp --sport x ; BAD',
  '-L -r 192.0.2 ; BAD',
  '-L -s 192.0.2.1 stray ; BAD',
  '-L --sport 5 -p udp ; OK',
  '-L -s 192.0.2.0 --mask-src 255.0.255.0 ; OK',
  '-L unconfirmed ; OK',
  '-U -s 192.0.2.1 -m 5 ;',
  '-R - ; OK',
  '-F -f ipv4 ; OK',
  '-F ; OK',
  `-I ${UDP_FLOW} -t 600 -w 1 --label-add guest ;`,
  `-I ${UDP_FLOW} -t 600 -w 2 --label-add guest ;`,
  '-R - ; OK',
];

export const FAULTS: Group = { name: 'faults', text: lines.join('\n'), comparing: 'each' };
