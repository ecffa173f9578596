/**
 * The tuple of the answers.
 */
import { typeError } from '../core/errors.js';
import { PROTOCOL_NUMBERS } from '../core/names.js';
import type { IcmpTuple, Tuple } from './tuple.js';

const { icmp, icmpv6 } = PROTOCOL_NUMBERS;

/** The types of ICMP requests that the kernel tracks, and of their answers. */
const ICMP_ANSWERS: Readonly<Record<number, ReadonlyMap<number, number>>> = {
  [icmp]: pairs([8, 0], [13, 14], [15, 16], [17, 18]),
  [icmpv6]: pairs([128, 129], [139, 140]),
};

function pairs(...all: [number, number][]): ReadonlyMap<number, number> {
  return new Map(all.flatMap(([one, other]) => [[one, other] as const, [other, one] as const]));
}

/** Returns the tuple of the answers, without NAT. */
export function inverseTuple(tuple: Tuple, protocol: number, field: string): Tuple {
  const { source, destination, sourcePort, destinationPort, sourceKey, destinationKey } = tuple;
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    sourceKey: destinationKey,
    destinationKey: sourceKey,
    icmp: tuple.icmp && answerTo(tuple.icmp, protocol, field),
  };
}

function answerTo(message: IcmpTuple, protocol: number, field: string): IcmpTuple {
  const answers = ICMP_ANSWERS[protocol];
  const type = answers?.get(message.type);
  if (type === undefined) {
    const tracked = [...(answers?.keys() ?? [])].join(', ');
    throw typeError(
      `${field}.icmp.type`,
      `must be one of ${tracked}: the kernel tracks no other type`,
    );
  }
  return { ...message, type };
}
