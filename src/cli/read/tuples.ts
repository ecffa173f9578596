/**
 * The tuples that options describe.
 */
import { type IcmpTuple, PROTOCOL_NUMBERS, type Tuple } from '../../index.js';
import { longOf, type OptionName } from '../line/options.js';
import { type Given, lastValue } from '../line/parse.js';
import { UsageError } from '../usage-error.js';
import { addressIn, number8, number16, protocolNumber } from './values.js';

/** A tuple of which some fields may be missing. */
export type PartOfTuple = { -readonly [Name in keyof Tuple]?: Tuple[Name] };

/** The value of an option, read; `undefined`: it is not given. */
export function read<T>(
  given: Given,
  name: OptionName,
  as: (text: string, what: string) => T,
): T | undefined {
  const text = lastValue(given, name);
  return text === undefined ? undefined : as(text, `--${longOf(name)}`);
}

/** A key of GRE: 16 bits. */
export const keyIn = number16;

/** Without the fields that are `undefined`. */
export function present<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function originalIn(given: Given): PartOfTuple {
  return present({
    source: read(given, 'source', addressIn),
    destination: read(given, 'destination', addressIn),
    sourcePort: read(given, 'sourcePort', number16),
    destinationPort: read(given, 'destinationPort', number16),
    sourceKey: read(given, 'sourceKey', keyIn),
    destinationKey: read(given, 'destinationKey', keyIn),
    icmp: icmpIn(given),
    zone: read(given, 'originalZone', number16),
  }) as PartOfTuple;
}

export function replyIn(given: Given): PartOfTuple {
  return present({
    source: read(given, 'replySource', addressIn),
    destination: read(given, 'replyDestination', addressIn),
    sourcePort: read(given, 'replySourcePort', number16),
    destinationPort: read(given, 'replyDestinationPort', number16),
    sourceKey: read(given, 'replySourceKey', keyIn),
    destinationKey: read(given, 'replyDestinationKey', keyIn),
    zone: read(given, 'replyZone', number16),
  }) as PartOfTuple;
}

export function icmpFields(given: Given): Partial<IcmpTuple> {
  return present({
    type: read(given, 'icmpType', number8),
    code: read(given, 'icmpCode', number8),
    id: read(given, 'icmpId', number16),
  }) as Partial<IcmpTuple>;
}

/** The id defaults to 0. */
function icmpIn(given: Given): IcmpTuple | undefined {
  const fields = icmpFields(given);
  return Object.keys(fields).length === 0 ? undefined : ({ id: 0, ...fields } as IcmpTuple);
}

export function protocolIn(given: Given): number {
  if (given.protocol === undefined) throw new UsageError('--protocol is missing');
  return protocolNumber(given.protocol);
}

/** The answers to ICMP and ICMPv6 by type, as the kernel inverts tuples; both ways. */
const ANSWERS: Readonly<Record<number, ReadonlyMap<number, number>>> = {
  [PROTOCOL_NUMBERS.icmp]: bothWays([
    [8, 0],
    [13, 14],
    [15, 16],
    [17, 18],
  ]),
  [PROTOCOL_NUMBERS.icmpv6]: bothWays([
    [128, 129],
    [139, 140],
  ]),
};

function bothWays(pairs: readonly (readonly [number, number])[]): Map<number, number> {
  return new Map(pairs.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]));
}

/** The other direction of a flow without NAT. */
export function inverse(tuple: PartOfTuple, protocol: number): PartOfTuple {
  const { source, destination, sourcePort, destinationPort, sourceKey, destinationKey, icmp } =
    tuple;
  return present({
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    sourceKey: destinationKey,
    destinationKey: sourceKey,
    icmp: icmp && { ...icmp, type: ANSWERS[protocol]?.get(icmp.type) ?? icmp.type },
  }) as PartOfTuple;
}
