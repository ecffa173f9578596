/**
 * Lines of `conntrack -L -o save`: options of `conntrack -A`.
 */
import { typeError } from '../core/errors.js';
import { type DccpRole, type DccpState, PROTOCOL_NUMBERS, type SctpState } from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import { shown, suggestion } from '../core/show-value.js';
import { inverseTuple } from '../record/inverse-tuple.js';
import { addressFamily, sameAddress } from '../record/ip-address.js';
import type { IcmpTuple, Tuple } from '../record/tuple.js';
import {
  type BitsOfLabels,
  labelsIn,
  number8,
  number16,
  numberIn,
  parsedSpec,
  protocolFields,
  protocolNumberOf,
  tcpOfState,
} from './parsed-spec.js';
import { tagOfTool } from './printed.js';
import type { EntrySpec, SettableStatus } from './spec.js';

/** The names of an option, that in a line of `-o save` first. */
const OPTIONS = {
  timeout: ['-t', '--timeout'],
  status: ['-u', '--status'],
  zone: ['-w', '--zone'],
  originalZone: ['--orig-zone'],
  replyZone: ['--reply-zone'],
  family: ['-f', '--family'],
  source: ['-s', '--src', '--orig-src'],
  destination: ['-d', '--dst', '--orig-dst'],
  replySource: ['-r', '--reply-src'],
  destinationNat: ['-g', '--dst-nat'],
  replyDestination: ['-q', '--reply-dst'],
  sourceNat: ['-n', '--src-nat'],
  protocol: ['-p', '--proto', '--protonum'],
  mark: ['-m', '--mark'],
  secmark: ['-c', '--secmark'],
  labels: ['--label-add'],
  sourcePort: ['--sport', '--orig-port-src'],
  destinationPort: ['--dport', '--orig-port-dst'],
  replySourcePort: ['--reply-port-src'],
  replyDestinationPort: ['--reply-port-dst'],
  sourceKey: ['--srckey', '--orig-key-src'],
  destinationKey: ['--dstkey', '--orig-key-dst'],
  replySourceKey: ['--reply-key-src'],
  replyDestinationKey: ['--reply-key-dst'],
  icmpType: ['--icmp-type', '--icmpv6-type'],
  icmpCode: ['--icmp-code', '--icmpv6-code'],
  icmpId: ['--icmp-id', '--icmpv6-id'],
  state: ['--state'],
  originalTag: ['--orig-vtag'],
  replyTag: ['--reply-vtag'],
  role: ['--role'],
} as const;

type Option = keyof typeof OPTIONS;

const BY_NAME: ReadonlyMap<string, Option> = new Map(
  (Object.keys(OPTIONS) as Option[]).flatMap((option) =>
    OPTIONS[option].map((name) => [name, option] as const),
  ),
);

const CREATES = ['-A', '--add', '-I', '--create'];

/** What was read of one option. */
interface Given {
  readonly name: string;
  readonly text: string;
}

type Read<T> = (text: string, name: string) => T;

const asIs: Read<string> = (text) => text;

export function specOfSaveLine(
  [command = '', ...words]: readonly string[],
  labels: BitsOfLabels | undefined,
): EntrySpec {
  if (!CREATES.includes(command)) {
    throw typeError('it', `must begin with -A or -I, not with ${shown(command)}`);
  }
  const given = optionsIn(words);
  const value = <T>(option: Option, read: Read<T>): T | undefined => {
    const one = given.get(option);
    return one && read(one.text, one.name);
  };
  const protocol = value('protocol', protocolNumberOf);
  if (protocol === undefined) throw typeError('-p', 'is missing');
  value('secmark', numberIn);

  const original = originalOf(value);
  const family = value('family', asIs);
  if (family !== undefined && addressFamily(original.source) !== family) {
    throw typeError('-f', `must be the family of the addresses, not ${shown(family)}`);
  }
  const spec: EntrySpec = {
    ...protocolFields(protocol),
    original,
    reply: replyOf(value, original, protocol),
    timeout: value('timeout', numberIn),
    status: value('status', statusIn),
    zone: value('zone', number16),
    mark: value('mark', numberIn),
    labels: value('labels', (text, name) => labelsIn(text, labels, name)),
    ...stateOf(value, protocol),
  };
  return parsedSpec(spec, protocol, {
    source: isTranslated(given, 'replyDestination', 'sourceNat', original.source),
    destination: isTranslated(given, 'replySource', 'destinationNat', original.destination),
  });
}

type Value = <T>(option: Option, read: Read<T>) => T | undefined;

function optionsIn(words: readonly string[]): Map<Option, Given> {
  const given = new Map<Option, Given>();
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at] as string;
    const text = words[at + 1];
    const option = BY_NAME.get(name);
    if (option === undefined) {
      const meant = suggestion(name, [...BY_NAME.keys()]);
      throw typeError('it', `has the unknown option ${shown(name)}${meant}`);
    }
    if (text === undefined) throw typeError(name, 'lacks its value');
    const before = given.get(option);
    if (before !== undefined) throw typeError(name, `stands behind ${before.name}`);
    given.set(option, { name, text });
  }
  return given;
}

function originalOf(value: Value): Tuple {
  const icmp = {
    type: value('icmpType', number8),
    code: value('icmpCode', number8),
    id: value('icmpId', number16),
  };
  const hasIcmp = Object.values(icmp).some((field) => field !== undefined);
  return presentFields({
    source: needed(value, 'source'),
    destination: needed(value, 'destination'),
    sourcePort: value('sourcePort', number16),
    destinationPort: value('destinationPort', number16),
    sourceKey: value('sourceKey', number16),
    destinationKey: value('destinationKey', number16),
    icmp: hasIcmp ? (icmp as IcmpTuple) : undefined,
    zone: value('originalZone', number16),
  });
}

function needed(value: Value, option: 'source' | 'destination'): string {
  const address = value(option, addressIn);
  if (address === undefined) throw typeError(OPTIONS[option][0], 'is missing');
  return address;
}

/** What the line says of it, and else the inverse; `undefined` if it says nothing. */
function replyOf(value: Value, original: Tuple, protocol: number): Tuple | undefined {
  const said = presentFields({
    source: oneOf(value, 'replySource', 'destinationNat'),
    destination: oneOf(value, 'replyDestination', 'sourceNat'),
    sourcePort: value('replySourcePort', number16),
    destinationPort: value('replyDestinationPort', number16),
    sourceKey: value('replySourceKey', number16),
    destinationKey: value('replyDestinationKey', number16),
    zone: value('replyZone', number16),
  });
  if (Object.keys(said).length === 0) return undefined;
  return presentFields({ ...inverseTuple(original, protocol, 'entry.original'), ...said } as Tuple);
}

/** The address of a direction, or that which NAT puts there. */
function oneOf(value: Value, option: Option, natOption: Option): string | undefined {
  const address = value(option, addressIn);
  const translated = value(natOption, addressIn);
  if (address !== undefined && translated !== undefined && address !== translated) {
    const [name] = OPTIONS[natOption];
    throw typeError(name, `contradicts ${OPTIONS[option][0]}: it is the same address of the reply`);
  }
  return address ?? translated;
}

/**
 * Another address has an option of its own if NAT has put it there. A port has not: of the same
 * address with another port the line does not say it.
 */
function isTranslated(
  given: ReadonlyMap<Option, Given>,
  option: Option,
  natOption: Option,
  original: string,
): boolean | undefined {
  if (given.has(natOption)) return true;
  const address = given.get(option)?.text;
  return address === undefined || sameAddress(address, original) ? undefined : false;
}

const addressIn: Read<string> = (text, name) => {
  if (addressFamily(text) !== undefined) return text;
  throw typeError(name, `must be an IPv4 or IPv6 address, not ${shown(text)}`);
};

/** The kernel sets the others itself. */
const STATUS_WORDS: ReadonlyMap<string, SettableStatus | undefined> = new Map([
  ['UNSET', undefined],
  ['EXPECTED', undefined],
  ['CONFIRMED', undefined],
  ['SRC_NAT_DONE', undefined],
  ['DST_NAT_DONE', undefined],
  ['SEEN_REPLY', 'seenReply'],
  ['ASSURED', 'assured'],
  ['FIXED_TIMEOUT', 'fixedTimeout'],
]);

const statusIn: Read<SettableStatus[] | undefined> = (text, name) => {
  const flags: SettableStatus[] = [];
  for (const word of text.split(',')) {
    if (!STATUS_WORDS.has(word)) {
      const known = [...STATUS_WORDS.keys()].join(', ');
      throw typeError(name, `must be a list of ${known}, not ${shown(text)}`);
    }
    const flag = STATUS_WORDS.get(word);
    if (flag !== undefined) flags.push(flag);
  }
  return flags.length === 0 ? undefined : flags;
};

/** The words are checked with the rest. */
function stateOf(value: Value, protocol: number): Pick<EntrySpec, 'tcp' | 'sctp' | 'dccp'> {
  const { tcp, sctp, dccp } = PROTOCOL_NUMBERS;
  const state = value('state', asIs) as (SctpState & DccpState) | undefined;
  const role = value('role', asIs) as DccpRole | undefined;
  const originalTag = value('originalTag', tagIn);
  const replyTag = value('replyTag', tagIn);
  if (state === undefined) {
    if ((role ?? originalTag ?? replyTag) !== undefined) throw typeError('--state', 'is missing');
    return {};
  }
  if (protocol === sctp) return { sctp: { state, originalTag, replyTag } };
  if (protocol === dccp) return { dccp: { state, role } };
  if (protocol === tcp) return { tcp: tcpOfState(state) };
  throw typeError('--state', `protocol ${protocol} does not have it`);
}

const tagIn: Read<number> = (text, name) => tagOfTool(numberIn(text, name));
