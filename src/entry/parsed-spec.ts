/**
 * What both formats of lines have in common: from words to a specification.
 */
import { uint8, uint16, uint32 } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { type NamedProtocol, PROTOCOL_NUMBERS, protocolName, TCP_STATES } from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import { shown } from '../core/show-value.js';
import { inverseTuple } from '../record/inverse-tuple.js';
import { sameAddress } from '../record/ip-address.js';
import type { Tuple } from '../record/tuple.js';
import { specOf, TCP_FLAGS } from './check-spec.js';
import type { Nat, NatEndpoint } from './entry.js';
import type { EntrySpec } from './spec.js';

/** A tuple as it is being read. */
export type ReadTuple = { -readonly [Name in keyof Tuple]?: Tuple[Name] };

/** The bits of labels by name. */
export type BitsOfLabels = ReadonlyMap<string, number>;

/** A number in decimal digits; `name`: what the line calls it. */
export function numberIn(text: string, name: string, check = uint32): number {
  if (!/^\d{1,20}$/.test(text)) throw typeError(name, `must be a number, not ${shown(text)}`);
  return check(Number(text), name);
}

export const number8 = (text: string, name: string) => numberIn(text, name, uint8);
export const number16 = (text: string, name: string) => numberIn(text, name, uint16);

/** The fields of a specification that name a protocol. */
export function protocolFields(number: number): Pick<EntrySpec, 'protocol' | 'protocolNumber'> {
  const protocol = protocolName(number);
  return protocol === 'other' ? { protocol, protocolNumber: number } : { protocol };
}

/** The protocol that a word or a number stands for. */
export function protocolNumberOf(text: string, name: string): number {
  if (/^\d/.test(text)) return number8(text, name);
  if (Object.hasOwn(PROTOCOL_NUMBERS, text)) return PROTOCOL_NUMBERS[text as NamedProtocol];
  const known = Object.keys(PROTOCOL_NUMBERS).join(', ');
  throw typeError(name, `must be a number or one of ${known}, not ${shown(text)}`);
}

/** The bits of labels in a list of names. */
export function labelsIn(names: string, bits: BitsOfLabels | undefined, name: string): bigint {
  let labels = 0n;
  for (const label of names.split(',')) {
    const bit = bits?.get(label);
    if (bit === undefined) {
      const why = bits === undefined ? 'needs options.labels' : 'is not in options.labels';
      throw typeError(name, `the label ${shown(label)} ${why}`);
    }
    labels |= 1n << BigInt(bit);
  }
  return labels;
}

/**
 * What a line has of TCP is the state. As `conntrack -A` does, this has the kernel not check the
 * windows: without their scales it would take packets of the flow for invalid (tcp_in_window).
 */
export function tcpOfState(state: string): NonNullable<EntrySpec['tcp']> {
  const words: readonly string[] = TCP_STATES;
  const isOver = words.indexOf(state) >= words.indexOf('TIME_WAIT');
  const { sack, closed, liberal } = TCP_FLAGS;
  const flags = sack | liberal | (isOver ? closed : 0);
  const direction = { flags, flagsMask: flags };
  // The word is checked with the rest.
  return { state: state as never, original: direction, reply: direction };
}

/** Whether the line says that an end is translated, or that it is not; `undefined`: neither. */
export interface SaidOfNat {
  readonly source?: boolean | undefined;
  readonly destination?: boolean | undefined;
}

/**
 * The specification, if it is a valid one. Where the line does not say it, a reply that is not the
 * inverse of the original is that of NAT: a packet makes the inverse, and nothing but NAT changes it
 * (nf_conntrack_alter_reply).
 */
export function parsedSpec(spec: EntrySpec, protocol: number, said: SaidOfNat = {}): EntrySpec {
  const present = presentFields(spec);
  specOf(present, 'entry');
  const { original, reply } = present;
  if (reply === undefined) return present;
  const nat = natOf(original, reply, protocol, said);
  return nat === undefined ? present : { ...present, nat };
}

function natOf(original: Tuple, reply: Tuple, protocol: number, said: SaidOfNat): Nat | undefined {
  const inverse = inverseTuple(original, protocol, 'entry.original');
  const isSource =
    said.source ??
    (!sameAddress(reply.destination, inverse.destination) ||
      reply.destinationPort !== inverse.destinationPort);
  const isDestination =
    said.destination ??
    (!sameAddress(reply.source, inverse.source) || reply.sourcePort !== inverse.sourcePort);
  // One id has both ends; where it alone differs, the source is translated.
  const isId = !isSource && !isDestination && reply.icmp?.id !== inverse.icmp?.id;
  if (!isSource && !isDestination && !isId) return undefined;
  return presentFields<Nat>({
    source:
      isDestination && !isSource ? undefined : endpoint(reply.destination, reply.destinationPort),
    destination: isDestination ? endpoint(reply.source, reply.sourcePort) : undefined,
  });
}

function endpoint(address: string, port: number | undefined): NatEndpoint {
  return presentFields({ address, port });
}
