/**
 * Tuples become records.
 */
import { familyOf, writeAddress } from './ip-address.js';
import { FAMILY_NUMBERS, TUPLE, TUPLE_PRESENT } from './layout.js';
import type { Tuple } from './tuple.js';
import { LITTLE_ENDIAN } from './words.js';

const ADDRESS_SIZE = TUPLE.destination - TUPLE.source;

/** Writes the record at `at`. */
export function writeTuple(view: DataView, at: number, tuple: Tuple, protocol: number): void {
  writeAddress(view, at + TUPLE.source, tuple.source);
  writeAddress(view, at + TUPLE.destination, tuple.destination);
  writeEnds(view, at, tuple, protocol);
}

/** The same behind the record of the original tuple, which mostly has the addresses. */
export function writeReply(
  view: DataView,
  at: number,
  reply: Tuple,
  protocol: number,
  [original, originalAt]: readonly [Tuple, number],
): void {
  if (reply.source !== original.destination || reply.destination !== original.source) {
    writeTuple(view, at, reply, protocol);
    return;
  }
  for (let byte = 0; byte < ADDRESS_SIZE; byte += 4) {
    const source = view.getUint32(originalAt + TUPLE.source + byte);
    const destination = view.getUint32(originalAt + TUPLE.destination + byte);
    view.setUint32(at + TUPLE.source + byte, destination);
    view.setUint32(at + TUPLE.destination + byte, source);
  }
  writeEnds(view, at, reply, protocol);
}

/** All but the addresses. */
function writeEnds(view: DataView, at: number, tuple: Tuple, protocol: number): void {
  view.setUint8(at + TUPLE.family, FAMILY_NUMBERS[familyOf(tuple.source)]);
  view.setUint8(at + TUPLE.protocol, protocol);

  let present = 0;
  // Fields by number: to look each up by its name takes V8 as long as all that is written.
  const put = (value: number | undefined, field: number, bit: number) => {
    if (value === undefined) return;
    view.setUint16(at + field, value, LITTLE_ENDIAN);
    present |= bit;
  };
  put(tuple.sourcePort, TUPLE.sourcePort, TUPLE_PRESENT.sourcePort);
  put(tuple.destinationPort, TUPLE.destinationPort, TUPLE_PRESENT.destinationPort);
  // GRE keys take the place of ports.
  put(tuple.sourceKey, TUPLE.sourcePort, TUPLE_PRESENT.sourceKey);
  put(tuple.destinationKey, TUPLE.destinationPort, TUPLE_PRESENT.destinationKey);
  put(tuple.zone, TUPLE.zone, TUPLE_PRESENT.zone);
  if (tuple.icmp !== undefined) {
    const { id, type, code } = tuple.icmp;
    put(id, TUPLE.icmpId, TUPLE_PRESENT.icmpId);
    view.setUint8(at + TUPLE.icmpType, type);
    view.setUint8(at + TUPLE.icmpCode, code);
    present |= TUPLE_PRESENT.icmpType | TUPLE_PRESENT.icmpCode;
  }
  view.setUint32(at + TUPLE.present, present, LITTLE_ENDIAN);
}
