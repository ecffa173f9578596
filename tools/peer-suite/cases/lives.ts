/**
 * The life of a flow, from `-I` to `-D`.
 */
import type { Group } from '../groups.js';
import { hasTimeoutsOf } from '../kernel.js';
import { ADDRESSES, FLOWS, type Flow } from './flows.js';

const OUTPUTS = ['extended', 'id', 'xml', 'extended,id,labels', 'save', 'ktimestamp'];

function lifeOf(flow: Flow): Group {
  const { protocol, family, tuple, state, otherTuple, isRare } = flow;
  const { source, destination, nat } = ADDRESSES[family];
  const [ok, bad] = isRare ? ['SAME', 'SAME'] : ['OK', 'BAD'];
  const ends = `-s ${source} -d ${destination}`;
  const flowOption = `-p ${protocol} ${tuple}`;
  const one = `${ends} ${flowOption}`;
  const own = `-s ${source} -p ${protocol}`;
  const other = `-s ${destination} -d ${source} -p ${protocol} ${otherTuple}`;
  // What reads no table, and takes a few milliseconds.
  const quick = [
    `-I ${one} ${state} -t 600 ; ${ok}`,
    `-I ${one} ${state} -t 600 ; ${bad}`,
    `-A ${one} ${state} -t 900 -m 3 ; ${ok}`,
    `-G ${one} ; ${ok}`,
    ...OUTPUTS.map((output) => `-G ${one} -o ${output} ; ${ok}`),
    `-G ${other} ; ${bad}`,
    `-I ${ends} ${state} ${flowOption} ; BAD`,
    `-I -s ${source} ${state} ${flowOption} -t 600 ; BAD`,
    `-I -d ${destination} ${state} ${flowOption} -t 600 ; BAD`,
    `-I ${other} ${state} -t 700 -u ASSURED,SEEN_REPLY -m 0x5 -w 9 --label-add voice ; ${ok}`,
    `-I ${one} ${state} -t 700 --orig-zone 4 -u FIXED_TIMEOUT ; SAME`,
    `-I ${one} ${state} -t 700 --reply-zone 5 -m 7/7 ; SAME`,
  ];
  const slow = [
    `-U ${own} -t 800 -u ASSURED -m 8 ; ${ok}`,
    `-U ${own} -m 0x10/0xf0 ; ${ok}`,
    `-U ${own} -m 0x10/0xf0 ; ${bad}`,
    `-U ${own} --label-add guest,last ; ${ok}`,
    `-U ${own} --label-del guest ; ${ok}`,
    `-A ${one} ${state} -t 990 ;`,
    '-R - ; SAME',
    `-L -p ${protocol} -o labels,extended ; OK`,
    `-D -p ${protocol} -m 0x5 ; ${ok}`,
    `-D ${one} -f ${family} ; ${ok}`,
    `-D -p ${protocol} ; SAME`,
    `-I ${one} ${state} -t 600 -n ${nat} ; ${ok}`,
    `-D -p ${protocol} -n ; ${ok}`,
    `-I ${one} ${state} -t 600 -g ${nat} ; ${ok}`,
    `-D -p ${protocol} -g -o save ; ${ok}`,
    `-I ${one} ${state} -t 600 -g ${nat} -n ${nat} ; SAME`,
  ];
  const lines = isRare && family === 'ipv6' ? quick : [...quick, ...slow];
  const group = { name: `${protocol}-${family}`, text: lines.join('\n') };
  return protocol === 'dccp' ? { ...group, isFor: hasTimeoutsOf('dccp') } : group;
}

export const LIVES: readonly Group[] = FLOWS.map(lifeOf);
