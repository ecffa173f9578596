/**
 * Specifications, keys and changes of entries, from options.
 */
import {
  type EntryChanges,
  type EntryConditions,
  type EntryKey,
  type EntrySpec,
  type Nat,
  PROTOCOL_NUMBERS,
  type ReplySpec,
  SETTABLE_STATUS,
  type SettableStatus,
  type Tuple,
} from '../../index.js';
import { type Given, lastValue } from '../line/parse.js';
import { UsageError } from '../usage-error.js';
import { family, natValue } from './filters.js';
import {
  inverse,
  originalIn,
  type PartOfTuple,
  present,
  protocolIn,
  read,
  replyIn,
} from './tuples.js';
import {
  type LabelBits,
  labelsIn,
  type MarkValue,
  markIn,
  type NatValue,
  number16,
  number32,
  roleIn,
  stateIn,
  statusIn,
} from './values.js';

/** What `-I` and `-A` create. */
export function specIn(given: Given, labels: LabelBits): EntrySpec | ReplySpec {
  family(given);
  const protocol = protocolIn(given);
  const original = originalIn(given);
  const reply = replyIn(given);
  if (Object.keys({ ...original, ...reply }).length === 0) {
    throw new UsageError('--source and --destination are missing');
  }
  const labelsGiven = given.labelsSet ?? given.labels;
  const common = present({
    protocol,
    timeout: read(given, 'timeout', number32),
    mark: read(given, 'mark', markIn)?.value,
    zone: read(given, 'zone', number16),
    status: given.status && settableIn(given),
    labels: labelsGiven && labelsIn(labelsGiven, labels),
    helper: lastValue(given, 'helper'),
    nat: natOf(given, reply),
    ...stateSpec(given),
  });
  if (original.source === undefined && original.destination === undefined) {
    return { ...common, reply: reply as Tuple };
  }
  return {
    ...common,
    original: original as Tuple,
    reply: replyOf(original, reply, protocol),
  };
}

/** What is not given of the reply is that of the inverse. */
function replyOf(original: PartOfTuple, given: PartOfTuple, protocol: number): Tuple | undefined {
  if (Object.keys(given).length === 0) return undefined;
  return { ...inverse(original, protocol), ...given } as Tuple;
}

/** A port of the reply that is given is that of NAT. */
function natOf(given: Given, reply: PartOfTuple): Nat | undefined {
  const source = natValue(given, 'sourceNat');
  const destination = natValue(given, 'destinationNat');
  if (source === undefined && destination === undefined) return undefined;
  const endpoint = (value: NatValue | undefined, port: number | undefined) =>
    value && present({ address: value.address, port: value.port ?? port });
  return present({
    source: endpoint(source, reply.destinationPort),
    destination: endpoint(destination, reply.sourcePort),
  });
}

function settableIn(given: Given): SettableStatus[] {
  return statusIn(lastValue(given, 'status') ?? '').map((flag) => {
    const settable = SETTABLE_STATUS.find((one) => one === flag);
    if (settable === undefined) throw new UsageError(`no program can set the status ${flag}`);
    return settable;
  });
}

/** The state of the protocol. */
function stateConditions(given: Given): EntryConditions {
  const protocol = given.protocol === undefined ? undefined : protocolIn(given);
  const tags = present({
    originalTag: read(given, 'originalTag', number32),
    replyTag: read(given, 'replyTag', number32),
  });
  const role = read(given, 'role', roleIn);
  return present({
    state: read(given, 'state', (text) => stateIn(text, protocol)),
    sctp: Object.keys(tags).length === 0 ? undefined : tags,
    dccp: role && { role },
  });
}

function stateSpec(
  given: Given,
): Pick<EntryChanges, 'tcp' | 'sctp'> & { dccp?: EntrySpec['dccp'] } {
  const { state, sctp, dccp } = stateConditions(given);
  if (state === undefined) {
    if ((sctp ?? dccp) === undefined) return {};
    throw new UsageError('tags of SCTP and the role of DCCP need --state');
  }
  const protocol = protocolIn(given);
  const words = { state } as object;
  if (protocol === PROTOCOL_NUMBERS.sctp)
    return { sctp: { ...words, ...sctp } as EntryChanges['sctp'] };
  if (protocol === PROTOCOL_NUMBERS.dccp)
    return { dccp: { ...words, ...dccp } as EntrySpec['dccp'] };
  const flags = { flags: tcpFlags(state), flagsMask: tcpFlags(state) };
  return { tcp: { ...words, original: flags, reply: flags } };
}

const ENDING = ['TIME_WAIT', 'CLOSE', 'SYN_SENT2'];

/**
 * `IP_CT_TCP_FLAG_*` as the tool sets them in both directions: SACK, "liberal" (packets in any window
 * pass), and in the last states, of which the kernel has renamed one, "closed first".
 */
function tcpFlags(state: EntryConditions['state']): number {
  return ENDING.includes(String(state)) ? 0b1110 : 0b1010;
}

/** What `-G` looks for. */
export function keyIn(given: Given): EntryKey {
  const protocol = protocolIn(given);
  const original = originalIn(given);
  const reply = replyIn(given);
  const id = read(given, 'id', number32);
  if (Object.keys({ ...original, ...reply }).length === 0) {
    throw new UsageError('--source and --destination are missing');
  }
  const isReply = original.source === undefined && Object.keys(reply).length > 0;
  const direction = isReply ? { reply } : { original };
  const zone = read(given, 'zone', number16);
  return present({ protocol, ...direction, zone, id }) as EntryKey;
}

export interface Changes {
  readonly changes: EntryChanges;
  /**
   * What an entry meets that already is as it is to be: `-U` leaves it alone, and fails if all are.
   * `undefined`: the tool sets labels again.
   */
  readonly unchanged: EntryConditions | undefined;
}

/** What `-U` changes. */
export function changesIn(given: Given, labels: LabelBits): Changes {
  const timeout = read(given, 'timeout', number32);
  const mark = read(given, 'mark', markIn);
  const status = given.status && settableIn(given);
  const label = labelChange(given, labels);
  const helper = lastValue(given, 'helper');
  const { state, ...rest } = stateConditions(given);
  const changes = present({
    timeout,
    mark: mark && markChange(mark),
    status,
    labels: label,
    helper,
    ...stateSpec(given),
  }) as EntryChanges;
  const unchanged = present({
    timeout: timeout === undefined ? undefined : { from: timeout, to: timeout },
    mark: changes.mark as EntryConditions['mark'],
    status: status && { all: status },
    helper: helper === '' ? undefined : helper,
    state,
    ...rest,
  });
  if (Object.keys(changes).length === 0)
    throw new UsageError(
      'update changes nothing: name a timeout, mark, status, state, helper or labels',
    );
  const isSetAgain = label !== undefined || hasToggle(changes.mark);
  return { changes, unchanged: isSetAgain ? undefined : unchanged };
}

/** To the kernel a bit of the value outside the mask toggles that of the mark. */
function markChange({ value, mask }: MarkValue): NonNullable<EntryChanges['mark']> {
  if (mask === undefined) return value;
  const toggle = (value & ~mask) >>> 0;
  const replaced = { value: (value & mask) >>> 0, mask };
  return toggle === 0 ? replaced : { ...replaced, toggle };
}

function hasToggle(mark: EntryChanges['mark']): boolean {
  return typeof mark === 'object' && 'toggle' in mark;
}

const ALL_LABELS = (1n << 128n) - 1n;

function labelChange(given: Given, bits: LabelBits): EntryChanges['labels'] {
  const set = given.labelsSet && labelsIn(given.labelsSet, bits);
  if (given.labelsClear === undefined) return set === undefined ? undefined : { set };
  const named = given.labelsClear.filter((text) => text !== '');
  const clear = named.length === 0 ? ALL_LABELS : labelsIn(named, bits);
  return present({ set, clear });
}
