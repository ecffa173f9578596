/**
 * Specifications of arguments.
 */
import { checked, object, optional, recordOf, uint16, uint32 } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { type Family, PROTOCOL_NUMBERS } from '../core/names.js';
import {
  address,
  masterOf,
  protocolOf,
  requireFamily,
  requireOneZone,
  type TupleOfProtocol,
  tupleOf,
} from '../record/check-tuple.js';
import { inverseTuple } from '../record/inverse-tuple.js';
import { familyOf } from '../record/ip-address.js';
import type { Tuple } from '../record/tuple.js';
import { ENTRY_FIELDS } from './check-key.js';
import {
  type CheckedDccp,
  type CheckedSctp,
  type CheckedTcp,
  dccp,
  helper,
  labels,
  sctp,
  sequenceAdjust,
  status,
  synproxy,
  tcp,
  timeout,
} from './check-values.js';
import type { Nat, NatEndpoint, SequenceAdjust, Synproxy } from './entry.js';
import type { EntrySpec } from './spec.js';

interface Values {
  readonly timeout: number;
  readonly zone: number | undefined;
  readonly status: number | undefined;
  readonly mark: number | undefined;
  readonly tcp: CheckedTcp | undefined;
  readonly sctp: CheckedSctp | undefined;
  readonly dccp: CheckedDccp | undefined;
  readonly labels: bigint | undefined;
  readonly helper: string | undefined;
  readonly sequenceAdjust: SequenceAdjust | undefined;
  readonly synproxy: Synproxy | undefined;
}

/** A specification that was checked. */
export interface CheckedSpec extends Values {
  readonly protocol: number;
  readonly original: Tuple;
  /** As the kernel takes it: with `nat`, what it translates. */
  readonly reply: Tuple;
  readonly master: TupleOfProtocol | undefined;
  readonly nat: Nat | undefined;
}

/** What can be checked without knowing the tuple. */
const VALUES = {
  timeout,
  zone: optional(uint16),
  status: optional(status),
  mark: optional(uint32),
  tcp: optional(tcp),
  sctp: optional(sctp),
  dccp: optional(dccp),
  labels: optional(labels),
  helper: optional(helper),
  sequenceAdjust: optional(sequenceAdjust),
  synproxy: optional(synproxy),
};

const SPEC_FIELDS = [
  'protocol',
  'protocolNumber',
  'original',
  'reply',
  'master',
  'nat',
  ...(Object.keys(VALUES) as (keyof Values)[]),
] as const satisfies (keyof EntrySpec)[];

export function specOf(value: unknown, path: string): CheckedSpec {
  const given = recordOf(value, path, SPEC_FIELDS, ENTRY_FIELDS, 'an object, such as an entry');
  const protocol = protocolOf(given, path);
  const original = tupleOf(given.original, `${path}.original`, protocol);
  const family = familyOf(original.source);
  const nat = given.nat === undefined ? undefined : natOf(given.nat, `${path}.nat`, family);
  const { master } = given;
  for (const name of ['tcp', 'sctp', 'dccp'] as const) {
    if (given[name] !== undefined && protocol !== PROTOCOL_NUMBERS[name]) {
      throw typeError(`${path}.${name}`, `protocol ${protocol} does not have it`);
    }
  }
  const values = checked<Values>(given, path, VALUES);
  const reply = replyOf(given.reply, path, original, protocol, nat);
  requireOneZone(path, {
    zone: values.zone,
    'original.zone': original.zone,
    'reply.zone': reply.zone,
  });
  // One shape for all: copies of objects of many shapes take V8 as long as all checks.
  const { timeout, zone, status, mark, labels, helper, sequenceAdjust, synproxy } = values;
  return {
    timeout,
    zone,
    status,
    mark,
    tcp: values.tcp,
    sctp: values.sctp,
    dccp: values.dccp,
    labels,
    helper,
    sequenceAdjust,
    synproxy,
    protocol,
    original,
    reply,
    master: master === undefined ? undefined : masterOf(master, `${path}.master`, protocol),
    nat,
  };
}

/** The inverse of the original tuple unless another one is given. */
function replyOf(
  value: unknown,
  path: string,
  original: Tuple,
  protocol: number,
  nat: Nat | undefined,
): Tuple {
  const inverse = inverseTuple(original, protocol, `${path}.original`);
  if (value === undefined) return inverse;
  const reply = tupleOf(value, `${path}.reply`, protocol);
  requireFamily(familyOf(original.source), reply.source, `${path}.reply.source`, 'original');
  // From the translated tuple the kernel would derive nothing to translate.
  return nat === undefined ? reply : { ...inverse, zone: reply.zone };
}

const endpoint = object<NatEndpoint>({ address, port: optional(uint16) });
const translation = object<Nat>({ source: optional(endpoint), destination: optional(endpoint) });

function natOf(value: unknown, path: string, family: Family): Nat {
  const nat = translation(value, path);
  for (const end of ['source', 'destination'] as const) {
    const { address: translated } = nat[end] ?? {};
    if (translated === undefined) continue;
    requireFamily(family, translated, `${path}.${end}.address`, 'original');
  }
  return nat;
}
