/**
 * Filters, from options.
 */
import type { EntryConditions, EntryFilter, Family, StatusFlag, TupleFilter } from 'conntrack';
import type { OptionName } from './options.js';
import { type Given, lastValue } from './parse.js';
import { icmpFields, keyIn, present, read, tagIn } from './tuples.js';
import { UsageError } from './usage-error.js';
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
  protocolNumber,
  roleIn,
  stateIn,
  statusIn,
} from './values.js';

/**
 * The filters of which an entry meets any. What `-U` changes is no condition of it: its timeout, mark,
 * status and state.
 */
export function filtersIn(given: Given, labels: LabelBits, isUpdate = false): EntryFilter[] {
  refuseUnsayable(given);
  if (!isUpdate && hasImpossibleMark(given)) return [];
  const common = present({
    ...flowConditions(given, isUpdate),
    family: family(given),
    id: read(given, 'id', number32),
    zone: read(given, 'zone', number16),
    labels: given.label && { all: labelsIn(given.label, labels) },
    ...(isUpdate ? {} : changeable(given)),
  });
  return natFilters(given).map(({ status = [], reply }) => ({
    ...common,
    status: { all: [...(common.status?.all ?? []), ...status] },
    reply: { ...common.reply, ...reply },
  }));
}

function refuseUnsayable(given: Given): void {
  if (given.securityMark !== undefined) {
    throw new UsageError('--secmark: no kernel since Linux 2.6.37 sends that mark');
  }
}

/** No mark has bits of the value that the mask leaves out. */
function hasImpossibleMark(given: Given): boolean {
  const mark = read(given, 'mark', markIn);
  return mark?.mask !== undefined && (mark.value & ~mark.mask) !== 0;
}

function flowConditions(given: Given, isUpdate: boolean): EntryConditions {
  const icmp = icmpFields(given);
  const original: TupleFilter = present({
    source: network(given, 'source', 'maskSource'),
    destination: network(given, 'destination', 'maskDestination'),
    sourcePort: read(given, 'sourcePort', number16),
    destinationPort: read(given, 'destinationPort', number16),
    sourceKey: read(given, 'sourceKey', keyIn),
    destinationKey: read(given, 'destinationKey', keyIn),
    icmp: Object.keys(icmp).length === 0 ? undefined : icmp,
    zone: read(given, 'originalZone', number16),
  });
  const reply: TupleFilter = present({
    source: network(given, 'replySource'),
    destination: network(given, 'replyDestination'),
    sourcePort: read(given, 'replySourcePort', number16),
    destinationPort: read(given, 'replyDestinationPort', number16),
    sourceKey: read(given, 'replySourceKey', keyIn),
    destinationKey: read(given, 'replyDestinationKey', keyIn),
    zone: read(given, 'replyZone', number16),
  });
  const protocol = given.protocol && protocolNumber(given.protocol);
  return { protocol, original, reply, ...(isUpdate ? {} : protocolState(given)) };
}

/** The state of the protocol, which `-U` changes. */
export function protocolState(given: Given): EntryConditions {
  const protocol = given.protocol && protocolNumber(given.protocol);
  const state = lastValue(given, 'state');
  const role = read(given, 'role', roleIn);
  const tags = present({
    originalTag: read(given, 'originalTag', tagIn),
    replyTag: read(given, 'replyTag', tagIn),
  });
  return present({
    state: state === undefined ? undefined : stateIn(state, protocol ?? 0),
    sctp: Object.keys(tags).length === 0 ? undefined : tags,
    dccp: role && { role },
  });
}

function changeable(given: Given): EntryConditions {
  if (given.timeout !== undefined) {
    throw new UsageError('--timeout is no condition: the tool ignores it and deletes everything');
  }
  const mark = read(given, 'mark', markIn);
  const status = lastValue(given, 'status');
  return {
    mark: mark && (mark.mask === undefined ? mark.value : { value: mark.value, mask: mark.mask }),
    status: status === undefined ? undefined : { all: statusIn(status) },
  };
}

const NETWORKS = ['source', 'destination', 'replySource', 'replyDestination'] as const;

function network(
  given: Given,
  name: (typeof NETWORKS)[number],
  maskName?: 'maskSource' | 'maskDestination',
): string | undefined {
  const text = lastValue(given, name);
  const mask = maskName && lastValue(given, maskName);
  if (text !== undefined) return networkIn(text, mask, name);
  if (mask !== undefined) throw new UsageError(`the mask of ${name} needs ${name}`);
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
      throw new UsageError(`${name} is ${family}, the rest ${found}`);
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
  return text === undefined || text === '' ? undefined : natIn(text, name);
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
      throw new UsageError('--any-nat stands beside neither --src-nat nor --dst-nat');
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
