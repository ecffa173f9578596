/**
 * One table with flows of all protocols, and each way to choose of them.
 */
import type { Group } from '../groups.js';
import { ADDRESSES, FLOWS, PORTS } from './flows.js';

/** One of them for each flow in turn. */
const MARKED = [
  '',
  '-u SEEN_REPLY',
  '-u SEEN_REPLY,ASSURED -m 5',
  '-m 0xff -w 3',
  '-u FIXED_TIMEOUT --orig-zone 2',
  '-m 0x10 --reply-zone 6',
];

const flows = FLOWS.filter(({ isRare }) => !isRare);

const restored = flows.flatMap(({ family, protocol, tuple, state }, index) => {
  const { source, destination, nat } = ADDRESSES[family];
  const one = `-I -s ${source} -d ${destination} -p ${protocol} ${tuple} ${state}`;
  const withPort = family === 'ipv4' ? `${nat}:80` : `[${nat}]:80`;
  return [
    `${one} -t ${100 + index} ${MARKED[index % MARKED.length]} ;`,
    `${one} -t 600 -w 20 -g ${tuple === PORTS ? withPort : nat} ;`,
    `${one} -t 600 -w 21 -n ${nat} ;`,
  ];
});

const labelled = ['guest', 'voice', 'guest,voice'].flatMap((labels, zone) =>
  [ADDRESSES.ipv4, ADDRESSES.ipv6].map(
    ({ source, destination }) =>
      `-I -s ${source} -d ${destination} -p udp ${PORTS} -t 700 -w 3${zone} --label-add ${labels} ; OK`,
  ),
);

type Addresses = (typeof ADDRESSES)['ipv4' | 'ipv6'];

const both = (option: (addresses: Addresses) => string) =>
  [ADDRESSES.ipv4, ADDRESSES.ipv6].map(option);

const CONDITIONS = [
  '',
  ...both(({ source }) => `-s ${source}`),
  ...both(({ destination }) => `-d ${destination}`),
  ...both(({ destination }) => `-r ${destination}`),
  ...both(({ source }) => `-q ${source}`),
  ...both(({ source, prefix }) => `-s ${source}/${prefix}`),
  ...both(({ destination, mask }) => `-d ${destination} --mask-dst ${mask}`),
  '-f ipv4',
  '-f ipv6',
  ...new Set(flows.map(({ protocol }) => `-p ${protocol}`)),
  '-p UDP',
  '-u SEEN_REPLY',
  '-u ASSURED,SEEN_REPLY',
  '-u OFFLOAD',
  '-u FIXED_TIMEOUT',
  ...['5', '1/1', '0xf/0xf', '0/0xf0', '9/4', '0/0'].map((mark) => `-m ${mark}`),
  ...[0, 3, 20, 4000].map((zone) => `-w ${zone}`),
  '--orig-zone 2',
  '--reply-zone 6',
  '-l voice',
  '-l guest,voice',
  '-l guest -l voice -o labels',
  '-l last',
  '-n',
  '-g',
  '-j',
  '-n -g',
  '-n 203.0.113.9',
  '-g 203.0.113.9',
  '-g 203.0.113.9:80',
  '-g 203.0.113.9:81',
  '-j 203.0.113.9',
  '-j 203.0.113.7',
  '-p tcp --sport 1025',
  '-p udp --dport 53 --orig-port-src 1025',
  '-p tcp --reply-port-src 53',
  '-p tcp --reply-port-dst 1',
  '-p tcp --state ESTABLISHED',
  '-p tcp --state LISTEN',
  '-p icmp --icmp-id 77',
  '-p icmp --icmp-code 0 --icmp-type 8 --icmp-id 1',
  '-p icmpv6 --icmpv6-id 77',
  '-z',
  '-o xml',
  '-o save',
  '-o extended,id,ktimestamp,labels',
];

const lines = [
  ...restored,
  '-R - ; OK',
  ...labelled,
  '-C ; OK',
  '-S ; OK',
  ...CONDITIONS.map((condition) => `-L ${condition} ; OK`),
  '-L dying ; OK',
  '-D -w 4000 ; BAD',
  '-D -l guest ; OK',
  '-D -s 192.0.2.0/24 -w 20 -p tcp --dport 53 ; OK',
  '-D -n 203.0.113.9 -o xml ; OK',
  '-D -s 2001:db8::/32 -u FIXED_TIMEOUT ; SAME',
  '-L -w 20 -o save ; |s/-w 20/-w 40/g',
  '-R - ; OK',
  '-D -w 20 -o save ; |s/-w 20/-w 41/g; s/-D /-A /g',
  '-R - ; OK',
  '-D -w 77 ;',
  '-D -w 40 -p tcp ;',
  '-R - ; OK',
  '-D ; OK',
  '-D ; BAD',
  '-C ; OK',
];

export const FILTERS: Group = { name: 'filters', text: lines.join('\n') };
