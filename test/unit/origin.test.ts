/** The socket of a port id in /proc/net/netlink. */
import { describe, expect, test } from 'vitest';
import { inodeOf } from '../../src/event/origin.js';

/** Of Linux 6.18. */
const TEXT = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
000000003c30ee0b 0   30866      00000000 0        0        0     2        0        5076290
0000000084c61723 12  3048103927 00000000 0        0        0     2        0        5076357
000000006d4f9846 12  30866      00000000 0        0        0     2        0        5076356
00000000bcbfa864 12  0          00000000 0        0        0     2        0        5076297
000000001f9aecca 15  77         00000000 0        0        0     2        0        5076293
`;

describe('the socket of a port id', () => {
  test.each<[string, number, string | undefined]>([
    ['of a process, which has one of another protocol, too', 30866, '5076356'],
    ['that the kernel chose', 3048103927, '5076357'],
    ['of another protocol alone', 77, undefined],
    ['that nobody has', 3086, undefined],
  ])('%s', (_, portId, inode) => {
    expect(inodeOf(TEXT, portId)).toBe(inode);
  });

  test('in columns of another order', () => {
    expect(inodeOf('Inode Pid More Eth\n5 7 x 12\n', 7)).toBe('5');
  });

  test.each(['', '\n', 'sk Eth Pid\n1 12 7\n', 'Inode\n'])('in no such text: %j', (text) => {
    expect(inodeOf(text, 7)).toBeUndefined();
  });
});
