/**
 * Specifications of arguments.
 */
import {
  type FieldCopy,
  type Fields,
  field,
  newTimeout,
  object,
  optional,
  recordOf,
  uint16,
  uint32,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import { PROTOCOL_NUMBERS, TCP_STATES } from '../core/names.js';
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
import { ENTRY_FORM } from './check-key.js';
import {
  type CheckedDccp,
  type CheckedSctp,
  type CheckedTcp,
  helper,
  labels,
  type NewStatus,
  newDccp,
  newSctp,
  newStatus,
  sequenceAdjust,
  synproxy,
  tcp,
} from './check-values.js';
import type { Nat, NatEndpoint, SequenceAdjust, Synproxy } from './entry.js';
import type { EntrySpec } from './spec.js';

interface Values {
  readonly timeout: number | undefined;
  readonly zone: number | undefined;
  readonly status: NewStatus | undefined;
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
export interface CheckedSpec extends Omit<Values, 'status'> {
  readonly timeout: number;
  readonly status: number | undefined;
  readonly protocol: number;
  readonly original: Tuple;
  /** As the kernel takes it: with `nat`, what it translates. */
  readonly reply: Tuple;
  readonly master: TupleOfProtocol | undefined;
  /** A port may be the id of ICMP, for which the kernel takes it. */
  readonly nat: Nat | undefined;
  /** Whether the specification names a reply. */
  readonly hasReply: boolean;
}

/** What a create can set. */
export const SPEC_FIELDS = [
  'protocol',
  'protocolNumber',
  'original',
  'reply',
  'master',
  'nat',
  'timeout',
  'zone',
  'status',
  'mark',
  'tcp',
  'sctp',
  'dccp',
  'labels',
  'helper',
  'sequenceAdjust',
  'synproxy',
] as const satisfies (keyof EntrySpec)[];

type SpecField = (typeof SPEC_FIELDS)[number];

const copy: FieldCopy<SpecField> = {
  empty: () => ({
    protocol: undefined,
    protocolNumber: undefined,
    original: undefined,
    reply: undefined,
    master: undefined,
    nat: undefined,
    timeout: undefined,
    zone: undefined,
    status: undefined,
    mark: undefined,
    tcp: undefined,
    sctp: undefined,
    dccp: undefined,
    labels: undefined,
    helper: undefined,
    sequenceAdjust: undefined,
    synproxy: undefined,
  }),
  field: (to, from, name) => {
    if (name === 'protocol') to.protocol = from.protocol;
    else if (name === 'protocolNumber') to.protocolNumber = from.protocolNumber;
    else if (name === 'original') to.original = from.original;
    else if (name === 'reply') to.reply = from.reply;
    else if (name === 'timeout') to.timeout = from.timeout;
    else if (name === 'status') to.status = from.status;
    else if (name === 'mark') to.mark = from.mark;
    else if (name === 'tcp') to.tcp = from.tcp;
    else if (name === 'zone') to.zone = from.zone;
    else if (name === 'master') to.master = from.master;
    else if (name === 'nat') to.nat = from.nat;
    else if (name === 'sctp') to.sctp = from.sctp;
    else if (name === 'dccp') to.dccp = from.dccp;
    else if (name === 'labels') to.labels = from.labels;
    else if (name === 'helper') to.helper = from.helper;
    else if (name === 'sequenceAdjust') to.sequenceAdjust = from.sequenceAdjust;
    else to.synproxy = from.synproxy;
  },
};

const SPEC_FORM = {
  ...ENTRY_FORM,
  expected: 'an entry, or { protocol, original, timeout, ... }',
  copy,
};

export function specOf(value: unknown, path: string): CheckedSpec {
  const given = recordOf(value, path, SPEC_FIELDS, SPEC_FORM);
  const protocol = protocolOf(given, path);
  const original = originalOf(given, path, protocol);
  const nat = given.nat === undefined ? undefined : natOf(given.nat, `${path}.nat`, original);
  const { master } = given;
  refuseOther(given.tcp, path, 'tcp', protocol);
  refuseOther(given.sctp, path, 'sctp', protocol);
  refuseOther(given.dccp, path, 'dccp', protocol);
  const values = valuesOf(given, path);
  const offloaded = values.status?.isOffloaded ? offloadedAs(protocol) : undefined;
  const { reply, id } = replyOf(given.reply, path, original, protocol, nat);
  requireOneZone(path, values.zone, original, reply);
  // One shape for all: copies of objects of many shapes take V8 as long as all checks.
  const { zone, mark, labels, helper, sequenceAdjust, synproxy } = values;
  return {
    timeout: values.timeout ?? offloaded?.timeout ?? newTimeout(undefined, `${path}.timeout`),
    zone,
    status: values.status?.bits,
    mark,
    tcp: values.tcp ?? offloaded?.tcp,
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
    nat: nat === undefined || id === undefined ? nat : natWithId(nat, id),
    hasReply: given.reply !== undefined,
  };
}

/** What can be checked without knowing the tuple. */
function valuesOf(given: Fields<keyof Values>, path: string): Values {
  return {
    timeout: field(newTimeout, given.timeout, path, '.timeout'),
    zone: field(uint16, given.zone, path, '.zone'),
    status: field(newStatus, given.status, path, '.status'),
    mark: field(uint32, given.mark, path, '.mark'),
    tcp: field(tcp, given.tcp, path, '.tcp'),
    sctp: field(newSctp, given.sctp, path, '.sctp'),
    dccp: field(newDccp, given.dccp, path, '.dccp'),
    labels: field(labels, given.labels, path, '.labels'),
    helper: field(helper, given.helper, path, '.helper'),
    sequenceAdjust: field(sequenceAdjust, given.sequenceAdjust, path, '.sequenceAdjust'),
    synproxy: field(synproxy, given.synproxy, path, '.synproxy'),
  };
}

/** What flows of one protocol have. */
function refuseOther(
  value: unknown,
  path: string,
  name: 'tcp' | 'sctp' | 'dccp',
  protocol: number,
): void {
  if (value !== undefined && protocol !== PROTOCOL_NUMBERS[name]) {
    throw typeError(`${path}.${name}`, `protocol ${protocol} does not have it`);
  }
}

function originalOf(
  { original, reply }: Fields<'original' | 'reply'>,
  path: string,
  protocol: number,
): Tuple {
  if (original !== undefined || reply === undefined) {
    return tupleOf(original, `${path}.original`, protocol);
  }
  const answers = tupleOf(reply, `${path}.reply`, protocol);
  return inverseTuple(answers, protocol, `${path}.reply`);
}

/** `IP_CT_TCP_FLAG_SACK_PERM`, `_CLOSE_INIT` and `_BE_LIBERAL`, linux/netfilter/nf_conntrack_tcp.h. */
export const TCP_FLAGS = { sack: 2, closed: 4, liberal: 8 };
const LIBERAL = { flags: TCP_FLAGS.liberal, flagsMask: TCP_FLAGS.liberal };

/**
 * What the kernel knows of an offloaded flow and does not send (ctnetlink_dump_info): it is
 * established, its windows are not checked (flow_offload_ct_tcp), and once it leaves the flow
 * table it has the timeout of such a flow, here the kernel's default.
 */
function offloadedAs(protocol: number): Pick<CheckedSpec, 'timeout' | 'tcp'> {
  if (protocol !== PROTOCOL_NUMBERS.tcp) return { timeout: 120, tcp: undefined };
  const state = TCP_STATES.indexOf('ESTABLISHED');
  return { timeout: 432_000, tcp: { state, original: LIBERAL, reply: LIBERAL } };
}

/** The inverse of the original tuple unless another one is given. */
function replyOf(
  value: unknown,
  path: string,
  original: Tuple,
  protocol: number,
  nat: Nat | undefined,
): { readonly reply: Tuple; readonly id?: number | undefined } {
  const inverse = inverseTuple(original, protocol, `${path}.original`);
  if (value === undefined) return { reply: inverse };
  const reply = tupleOf(value, `${path}.reply`, protocol);
  requireFamily(familyOf(original.source), reply.source, `${path}.reply.source`, 'original');
  if (nat === undefined) return { reply };
  // From the translated tuple the kernel would derive nothing to translate. It leaves the keys
  // of GRE as they are.
  const { zone, sourceKey, destinationKey, icmp } = reply;
  return { reply: { ...inverse, zone, sourceKey, destinationKey }, id: icmp?.id };
}

/** The kernel takes the id for a port, and has one for both ends (nf_nat_l4proto_unique_tuple). */
function natWithId({ source, destination }: Nat, id: number): Nat {
  if (source !== undefined) return { source: { ...source, port: id }, destination };
  return { destination: destination && { ...destination, port: id } };
}

const endpoint = object<NatEndpoint>({ address, port: optional(uint16) });
const translation = object<Nat>({ source: optional(endpoint), destination: optional(endpoint) });

const ID_HINT = '; NAT changes the id to that of reply.icmp';

function natOf(value: unknown, path: string, original: Tuple): Nat {
  const nat = translation(value, path);
  for (const end of ['source', 'destination'] as const) {
    const { address: translated, port } = nat[end] ?? {};
    if (translated === undefined) continue;
    requireFamily(familyOf(original.source), translated, `${path}.${end}.address`, 'original');
    if (port !== undefined && original.sourcePort === undefined) {
      throw typeError(
        `${path}.${end}.port`,
        `the flow has no ports${original.icmp ? ID_HINT : ''}`,
      );
    }
  }
  return nat;
}
