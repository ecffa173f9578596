/**
 * Tuples become records.
 */
import { familyOf, writeAddress } from './ip-address.js';
import { FAMILY_NUMBERS, TUPLE, TUPLE_PRESENT } from './layout.js';
import type { Tuple } from './tuple.js';
import { LITTLE_ENDIAN } from './words.js';

/** Writes the record at `at`. */
export function writeTuple(view: DataView, at: number, tuple: Tuple, protocol: number): void {
  writeAddress(view, at + TUPLE.source, tuple.source);
  writeAddress(view, at + TUPLE.destination, tuple.destination);
  view.setUint8(at + TUPLE.family, FAMILY_NUMBERS[familyOf(tuple.source)]);
  view.setUint8(at + TUPLE.protocol, protocol);

  let present = 0;
  const put = (
    value: number | undefined,
    name: 'sourcePort' | 'destinationPort' | 'icmpId' | 'zone',
    as: keyof typeof TUPLE_PRESENT = name,
  ) => {
    if (value === undefined) return;
    view.setUint16(at + TUPLE[name], value, LITTLE_ENDIAN);
    present |= TUPLE_PRESENT[as];
  };
  put(tuple.sourcePort, 'sourcePort');
  put(tuple.destinationPort, 'destinationPort');
  // GRE keys take the place of ports.
  put(tuple.sourceKey, 'sourcePort', 'sourceKey');
  put(tuple.destinationKey, 'destinationPort', 'destinationKey');
  put(tuple.zone, 'zone');
  if (tuple.icmp !== undefined) {
    const { id, type, code } = tuple.icmp;
    put(id, 'icmpId');
    view.setUint8(at + TUPLE.icmpType, type);
    view.setUint8(at + TUPLE.icmpCode, code);
    present |= TUPLE_PRESENT.icmpType | TUPLE_PRESENT.icmpCode;
  }
  view.setUint32(at + TUPLE.present, present, LITTLE_ENDIAN);
}
