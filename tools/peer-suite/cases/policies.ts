/**
 * Timeout policies of each protocol.
 */
import { TIMEOUT_STATES, type TimeoutProtocol } from 'conntrack';
import type { Group } from '../groups.js';
import { hasTimeoutsOf } from '../kernel.js';
import { wordOf } from '../nfct.js';

function policiesOf(protocol: TimeoutProtocol): Group {
  const states = TIMEOUT_STATES[protocol].filter((state) => !state.startsWith('heartbeat'));
  const words = states.map((state) => wordOf(state, protocol));
  const all = words.map((word, index) => `${word} ${index + 11}`).join(' ');
  const family = protocol === 'icmpv6' ? 'inet6' : 'inet';
  const lines = [
    `add timeout one ${family} ${protocol} ${words[0]} 41 ; OK`,
    `add timeout one ${family} ${protocol} ${words[0]} 41 ; BAD`,
    'get timeout one ; OK',
    `add timeout two inet6 ${protocol} ${all} ; OK`,
    'list timeout ; OK',
    'delete timeout one ; OK',
    'get timeout one ; BAD',
    'delete timeout one ; BAD',
    `default-get timeout ${family} ${protocol} ; OK`,
    `default-set timeout ${family} ${protocol} ${all} ; OK`,
    `default-get timeout ${family} ${protocol} ; OK`,
    `add timeout three ${family} ${protocol} ${words.at(-1)} 5 ; OK`,
    'get timeout three ; OK',
    `add timeout four ${family} ${protocol} nothing 5 ; BAD`,
    `add timeout four ${family} ${protocol} ${words[0]} ; BAD`,
    'flush timeout ; OK',
    'list timeout ; OK',
  ];
  return { name: `policies-${protocol}`, text: lines.join('\n'), isFor: hasTimeoutsOf(protocol) };
}

const refusals: Group = {
  name: 'policies-refused',
  text: [
    'add timeout one inet nothing ; BAD',
    'add timeout one nothing udp ; BAD',
    'add timeout one inet tcp ; OK',
    'delete timeout one ; SAME',
    `add timeout ${'a'.repeat(32)} inet udp replied 5 ; BAD`,
    'add timeout one inet udp replied x ; BAD',
    'delete timeout ; BAD',
    'get timeout ; BAD',
    'get timeout nothing ; BAD',
    'nothing timeout ; BAD',
    'list nothing ; BAD',
    'list ; BAD',
  ].join('\n'),
  comparing: 'each',
};

export const POLICIES: readonly Group[] = [
  ...(Object.keys(TIMEOUT_STATES) as TimeoutProtocol[]).map(policiesOf),
  refusals,
];
