/**
 * Each command with each option: those that it takes, and those that it refuses.
 */

import { ACCEPTED, LETTERS, type LetterCommand } from '../../../dist/cli/line/compat.js';
import { OPTION_NAMES, type OptionName, shapeOf } from '../../../dist/cli/line/options.js';
import type { Group } from '../groups.js';
import { PORTS, UDP_FLOW } from './flows.js';

/** An example of each option's value. */
const VALUES: { readonly [Name in OptionName]?: string } = {
  source: '192.0.2.1',
  destination: '198.51.100.2',
  replySource: '198.51.100.2',
  replyDestination: '192.0.2.1',
  protocol: 'udp',
  timeout: '50',
  status: 'SEEN_REPLY',
  events: 'NEW',
  mark: '1',
  id: '5',
  family: 'ipv4',
  output: 'id',
  sourceNat: '203.0.113.9',
  destinationNat: '203.0.113.9',
  anyNat: '203.0.113.9',
  receiveBufferBytes: '100000',
  securityMark: '1',
  zone: '3',
  labels: 'voice',
  labelsSet: 'voice',
  labelsClear: 'voice',
  originalZone: '1',
  replyZone: '1',
  maskSource: '255.0.0.0',
  maskDestination: '255.0.0.0',
  tupleSource: '192.0.2.1',
  tupleDestination: '192.0.2.1',
};

/** What a command needs in any case. */
const NEEDED: { readonly [Name in LetterCommand]?: string } = {
  create: `${UDP_FLOW} -t 500`,
  add: `${UDP_FLOW} -t 500`,
  get: UDP_FLOW,
  update: '-s 192.0.2.1',
};

const WITH_OPTIONS: readonly LetterCommand[] = [
  ...(['list', 'get', 'delete', 'create', 'add', 'update'] as const),
  ...(['watch', 'flush', 'count', 'stats'] as const),
];

const GENERAL = OPTION_NAMES.filter((name) => {
  const { old, protocols } = shapeOf(name);
  return old !== undefined && protocols === undefined;
});

function withOption(command: LetterCommand, name: OptionName): string {
  const { letter, old = [], value } = shapeOf(name);
  const option = letter === undefined ? `--${old[0] ?? name}` : `-${letter}`;
  const words = [`-${LETTERS[command][0]}`, NEEDED[command], option];
  if (value !== undefined) words.push(VALUES[name]);
  return words.filter((word) => word !== undefined).join(' ');
}

const accepted = WITH_OPTIONS.filter((command) => command !== 'watch').flatMap((command) =>
  (ACCEPTED.conntrack[command] ?? []).flatMap((name) => [
    command === 'create' || command === 'add'
      ? '-F ; OK'
      : `-I ${UDP_FLOW} -t 500 -u SEEN_REPLY -m 1 ; SAME`,
    `${withOption(command, name)} ; SAME`,
  ]),
);

export const ACCEPTED_OPTIONS: Group = { name: 'accepted', text: accepted.join('\n') };

const ofOthers = WITH_OPTIONS.flatMap((command) =>
  GENERAL.filter((name) => !ACCEPTED.conntrack[command]?.includes(name)).map((name) =>
    withOption(command, name),
  ),
);

const wrong = [
  '-L -D',
  '-L nat',
  '-C dying',
  '-D dying',
  '-X',
  '--nothing',
  '-L --nothing 1',
  '-L -s 192.0.2.300',
  '-L -s localhost',
  '-L -s 192.0.2.1/33',
  '-L -s 2001:db8::/129',
  '-L -s 192.0.2.1/x',
  '-L -d nothing',
  '-L -s 192.0.2.1 -d 2001:db8::1',
  '-L -s 192.0.2.1 -n 2001:db8::1',
  '-L -f ipv6 -s 192.0.2.1',
  '-L -f inet',
  '-L --mask-src 255.0.0.0',
  '-L -s 192.0.2.1 --mask-src ffff::',
  '-L -p nothing',
  '-L -p 256',
  '-L -p -1',
  '-L -u NOTHING',
  '-L -u ASSURED,NOTHING',
  '-L -p tcp --state NOTHING',
  '-L -p sctp --state LISTEN',
  '-L -p dccp --role nobody',
  '-L -l nothing',
  '-L -o nothing',
  '-L -o save,xml',
  '-L -j -n',
  '-L -j -g',
  '-L -g 203.0.113.9:',
  '-L -g 203.0.113.9:65536',
  '-L -g 203.0.113.9:1:2',
  '-L -g [2001:db8::1]',
  '-L --sport 1',
  '-L -p icmp --sport 1',
  '-L -p tcp --icmp-type 1',
  '-L -p udp --state ESTABLISHED',
  `-I -s 192.0.2.1 -d 198.51.100.2 -p tcp ${PORTS} -t 500`,
  '-I -s 192.0.2.1 -d 198.51.100.2 -p udp --sport 1 -t 500',
  '-I -s 192.0.2.1 -d 198.51.100.2 -p icmp --icmp-type 8 -t 500',
  '-I -s 192.0.2.1 -d 198.51.100.2 -p gre --srckey 1 -t 500',
  '-I -s 192.0.2.1 -d 198.51.100.2 -t 500',
  `-I ${UDP_FLOW} -t 500 -u CONFIRMED`,
  '-U -s 192.0.2.1 -p udp --label-add voice --label-del',
  '-G -s 192.0.2.1 -d 198.51.100.2',
  '-G -s 192.0.2.1 -d 198.51.100.2 -p udp --sport 5',
  '-U -s 192.0.2.1 -m 5',
  '-R /nothing',
];

export const REFUSALS: Group = {
  name: 'refusals',
  text: [...ofOthers, ...wrong].map((line) => `${line} ; BAD`).join('\n'),
};
