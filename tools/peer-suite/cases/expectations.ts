/**
 * The table of expectations.
 */
import type { Group } from '../groups.js';

const MASTER = {
  source: '192.0.2.1',
  destination: '198.51.100.2',
  sourcePort: 1025,
  destinationPort: 21,
} as const;

/** The tool demands the ports of the reply, and uses them for nothing. */
const SEARCH = [
  '-s 198.51.100.2 -d 192.0.2.1 -p tcp --sport 0 --dport 2000',
  '--reply-port-src 0 --reply-port-dst 0',
].join(' ');

const CREATE = [
  '-I expect -s 192.0.2.1 -d 198.51.100.2 -p tcp --sport 1025 --dport 21',
  '--tuple-src 198.51.100.2 --tuple-dst 192.0.2.1 --tuple-port-src 0 --tuple-port-dst 3000',
  '--mask-src 255.255.255.255 --mask-dst 255.255.255.255',
  '--mask-port-src 0 --mask-port-dst 65535 -t 200',
].join(' ');

const lines = [
  '-L expect ; OK',
  '-L expect -o id ; OK',
  '-L expect -f ipv4 ; OK',
  '-L expect -f ipv6 ; OK',
  '-C expect ; OK',
  '-C ; OK',
  `-G expect ${SEARCH} ; OK`,
  `-G expect ${SEARCH.replace('2000', '2001')} ; BAD`,
  '-L expect -s 192.0.2.1 ; BAD',
  '-L expect -o xml ; OK',
  '-C expect -p tcp ; BAD',
  '-U expect -t 5 ; BAD',
  '-A expect -t 5 ; BAD',
  `-D expect ${SEARCH} ; OK`,
  `-D expect ${SEARCH} ; BAD`,
  '-C expect ; OK',
  `${CREATE} ; OK`,
  '-F expect ; OK',
  '-C expect ; OK',
];

export const EXPECTATIONS: Group = {
  name: 'expectations',
  text: lines.join('\n'),
  comparing: 'each',
  prepare: async (handle) => {
    await handle.createEntry({
      protocol: 'tcp',
      original: MASTER,
      timeout: 300,
      helper: 'ftp',
      status: ['seenReply', 'assured'],
      tcp: { state: 'ESTABLISHED' },
    });
    await handle.createExpectation({
      protocol: 'tcp',
      master: MASTER,
      tuple: {
        source: MASTER.destination,
        destination: MASTER.source,
        sourcePort: 0,
        destinationPort: 2000,
      },
      mask: { sourcePort: 0 },
      timeout: 200,
    });
  },
};
