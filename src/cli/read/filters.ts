/**
 * Filters, from options.
 */
import type {
  EntryConditions,
  EntryFilter,
  Family,
  StateFilter,
  StatusFlag,
  TupleFilter,
} from '../../index.js';
import { CHANGES } from '../line/commands.js';
import { CONDITIONS, longOf, type OptionName } from '../line/options.js';
import { type Alternative, type CommandLine, type Given, lastValue } from '../line/parse.js';
import { UsageError } from '../usage-error.js';
import { icmpFields, present, read } from './tuples.js';
import {
  familyIn,
  familyOf,
  type LabelBits,
  labelsIn,
  markIn,
  type NatValue,
  natIn,
  networkIn,
  number16,
  number32,
  portIn,
  protocolNumbers,
  rangeIn,
  roleIn,
  stateIn,
  statusIn,
  timeIn,
  wordIn,
  yesOrNo,
} from './values.js';

/** The filters of which an entry meets any. */
export function filtersIn({ alternatives }: CommandLine, labels: LabelBits): EntryFilter[] {
  return alternatives.flatMap((one) => filtersOf(one, labels));
}

/**
 * The same of `update`: before `--where`, timeout, mark, status, state and helper are changes, and no
 * conditions.
 */
export function filtersOfUpdate(line: CommandLine, labels: LabelBits): EntryFilter[] {
  const { given, alternatives } = line;
  const before = Object.fromEntries(
    Object.entries(given).filter(([name]) => !CHANGES.has(name as OptionName)),
  );
  return alternatives.flatMap(({ all, not }, index) => {
    const own = given.where === undefined && index === 0 ? {} : all;
    // What stands before `--where` is a condition of every alternative.
    const common = given.where !== undefined || index === 0 ? before : {};
    return filtersOf({ all: { ...common, ...own }, not }, labels);
  });
}

/** Returns whether the line has a condition other than the family. */
export const hasConditions = ({ alternatives }: CommandLine): boolean =>
  alternatives.some(({ all, not }) => not.length > 0 || hasCondition(all));

const hasCondition = (given: Given) =>
  Object.keys(given).some((name) => name !== 'family' && CONDITIONS.includes(name as OptionName));

function filtersOf({ all, not }: Alternative, labels: LabelBits): EntryFilter[] {
  if (hasImpossibleMark(all)) return [];
  const none = not
    .filter((given) => !hasImpossibleMark(given))
    .flatMap((given) => conditionsIn(given, labels));
  return conditionsIn(all, labels).map((one) => (none.length === 0 ? one : { ...one, not: none }));
}

/** No mark has bits of the value that the mask leaves out. */
function hasImpossibleMark(given: Given): boolean {
  const mark = read(given, 'mark', markIn);
  return mark?.mask !== undefined && (mark.value & ~mark.mask) !== 0;
}

function conditionsIn(given: Given, labels: LabelBits): EntryConditions[] {
  if (given.securityMark !== undefined) {
    throw new UsageError('--security-mark: no kernel of today sends that mark');
  }
  const mark = read(given, 'mark', markIn);
  const bytes = read(given, 'bytes', rangeIn);
  const packets = read(given, 'packets', rangeIn);
  const common: EntryConditions = present({
    ...flowConditions(given),
    family: family(given),
    id: read(given, 'id', number32),
    zone: read(given, 'zone', number16),
    labels: given.labels && { all: labelsIn(given.labels, labels) },
    address: network(given, 'address'),
    port: read(given, 'port', portIn),
    assured: read(given, 'assured', yesOrNo),
    helper: lastValue(given, 'helper'),
    nat: read(given, 'nat', (text, what) =>
      wordIn(['source', 'destination', 'any', 'none'], text, what),
    ),
    timeout: read(given, 'timeout', rangeIn),
    counters: (bytes ?? packets) && { total: present({ bytes, packets }) },
    startedAfter: read(given, 'startedAfter', timeIn),
    startedBefore: read(given, 'startedBefore', timeIn),
    mark: mark && (mark.mask === undefined ? mark.value : { value: mark.value, mask: mark.mask }),
    status: read(given, 'status', (text) => ({ all: statusIn(text) })),
  });
  return natFilters(given).map(({ status = [], reply }) => ({
    ...common,
    status: { all: [...(common.status?.all ?? []), ...status] },
    reply: { ...common.reply, ...reply },
  }));
}

function flowConditions(given: Given): EntryConditions {
  const icmp = icmpFields(given);
  const original: TupleFilter = present({
    source: network(given, 'source', 'maskSource'),
    destination: network(given, 'destination', 'maskDestination'),
    sourcePort: read(given, 'sourcePort', portIn),
    destinationPort: read(given, 'destinationPort', portIn),
    sourceKey: read(given, 'sourceKey', portIn),
    destinationKey: read(given, 'destinationKey', portIn),
    icmp: Object.keys(icmp).length === 0 ? undefined : icmp,
    zone: read(given, 'originalZone', number16),
  });
  const reply: TupleFilter = present({
    source: network(given, 'replySource'),
    destination: network(given, 'replyDestination'),
    sourcePort: read(given, 'replySourcePort', portIn),
    destinationPort: read(given, 'replyDestinationPort', portIn),
    sourceKey: read(given, 'replySourceKey', portIn),
    destinationKey: read(given, 'replyDestinationKey', portIn),
    zone: read(given, 'replyZone', number16),
  });
  const protocol = given.protocol && protocolNumbers(given.protocol);
  return { protocol, original, reply, ...protocolState(given) };
}

function protocolState(given: Given): EntryConditions {
  const protocol = given.protocol && protocolNumbers(given.protocol);
  const only = typeof protocol === 'number' ? protocol : undefined;
  const role = read(given, 'role', roleIn);
  const tags = present({
    originalTag: read(given, 'originalTag', number32),
    replyTag: read(given, 'replyTag', number32),
  });
  return present({
    state: read(given, 'state', (text) => statesIn(text, only)),
    sctp: Object.keys(tags).length === 0 ? undefined : tags,
    dccp: role && { role },
  });
}

function statesIn(
  text: string,
  protocol: number | undefined,
): StateFilter | readonly StateFilter[] {
  const [first, ...others] = text.split(',').map((word) => stateIn(word, protocol));
  return first !== undefined && others.length === 0 ? first : [first, ...others].filter(isPresent);
}

const isPresent = <T>(value: T | undefined): value is T => value !== undefined;

const NETWORKS = ['source', 'destination', 'replySource', 'replyDestination'] as const;

function network(
  given: Given,
  name: (typeof NETWORKS)[number] | 'address',
  maskName?: 'maskSource' | 'maskDestination',
): string | undefined {
  const text = lastValue(given, name);
  const mask = maskName && lastValue(given, maskName);
  const what = `--${longOf(name)}`;
  if (text !== undefined) return networkIn(text, mask, what);
  if (mask !== undefined) throw new UsageError(`the mask of ${what} needs ${what}`);
  return undefined;
}

/** Given, or that of the addresses, which must be the same. */
export function family(given: Given): Family | undefined {
  const named = read(given, 'family', familyIn);
  const NAT_OPTIONS = ['sourceNat', 'destinationNat', 'anyNat'] as const;
  const addresses: (readonly [OptionName, string])[] = [
    ...NETWORKS.map((name) => [name, lastValue(given, name) ?? ''] as const),
    ...NAT_OPTIONS.map((name) => [name, natValue(given, name)?.address ?? ''] as const),
  ];
  let found = named;
  for (const [name, address] of addresses) {
    if (address === '') continue;
    const family = familyOf(address);
    if (found !== undefined && found !== family) {
      throw new UsageError(`--${longOf(name)} is ${family}, the rest ${found}`);
    }
    found = family;
  }
  return found;
}

export function natValue(
  given: Given,
  name: 'sourceNat' | 'destinationNat' | 'anyNat',
): NatValue | undefined {
  const text = lastValue(given, name);
  return text === undefined || text === '' ? undefined : natIn(text, `--${longOf(name)}`);
}

interface NatFilter {
  readonly status?: readonly StatusFlag[];
  readonly reply?: TupleFilter;
}

/** NAT puts its address into the reply. */
function natFilters(given: Given): NatFilter[] {
  const isSource = given.sourceNat !== undefined;
  const isDestination = given.destinationNat !== undefined;
  if (given.anyNat !== undefined) {
    if (isSource || isDestination) {
      throw new UsageError('--any-nat stands beside neither --source-nat nor --destination-nat');
    }
    const value = natValue(given, 'anyNat');
    return [sourceNat(value), destinationNat(value)];
  }
  const parts = [
    ...(isSource ? [sourceNat(natValue(given, 'sourceNat'))] : []),
    ...(isDestination ? [destinationNat(natValue(given, 'destinationNat'))] : []),
  ];
  return [
    {
      status: parts.flatMap(({ status = [] }) => status),
      reply: Object.assign({}, ...parts.map(({ reply }) => reply)) as TupleFilter,
    },
  ];
}

function sourceNat(value: NatValue | undefined): NatFilter {
  const reply = value && { destination: value.address, destinationPort: value.port };
  return { status: ['sourceNat'], reply: present(reply ?? {}) };
}

function destinationNat(value: NatValue | undefined): NatFilter {
  const reply = value && { source: value.address, sourcePort: value.port };
  return { status: ['destinationNat'], reply: present(reply ?? {}) };
}
