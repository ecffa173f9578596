/**
 * Lines of `conntrack -L` and `conntrack -L -o extended`.
 */
import { typeError } from '../core/errors.js';
import { PROTOCOL_NUMBERS, statusBit } from '../core/names.js';
import { shown } from '../core/show-value.js';
import type { IcmpTuple } from '../record/tuple.js';
import { nanoseconds } from './check-values.js';
import {
  type BitsOfLabels,
  labelsIn,
  number8,
  number16,
  numberIn,
  parsedSpec,
  protocolFields,
  type ReadTuple,
  tcpOfState,
} from './parsed-spec.js';
import { FAMILY_WORDS, protocolWord } from './printed.js';
import type { EntrySpec, SettableStatus } from './spec.js';
import { StatusView } from './status-view.js';

/** The times of `-o ktimestamp`, which alone have spaces in them. */
const TIMES = / \[(?:start|stop)=\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{1,9}\]/g;

const FLAGS = ['[UNREPLIED]', '[ASSURED]', '[OFFLOAD]', '[HW_OFFLOAD]'];

/** The parts of a line behind its protocol. */
interface Parts {
  readonly tuples: ReadTuple[];
  readonly flags: Set<string>;
  /** By name: those of the whole flow. */
  readonly values: Map<string, string>;
}

export function specOfListLine(line: string, labels: BitsOfLabels | undefined): EntrySpec {
  const words = line.trim().replace(TIMES, '').split(/\s+/);
  const family = familyAt(words);
  const protocol = protocolAt(words);
  const timeout = /^\d+$/.test(words[0] ?? '')
    ? numberIn(words.shift() as string, 'the timeout')
    : undefined;
  const state = /^[^=[]+$/.test(words[0] ?? '') ? words.shift() : undefined;
  const { tuples, flags, values } = partsOf(words, protocol);
  const [original, reply] = tuples;
  if (original === undefined || reply === undefined) {
    throw typeError('it', 'lacks the addresses (src=, dst=) of two directions');
  }
  if (family !== undefined && (original.source ?? '').includes(':') !== (family === 'ipv6')) {
    throw typeError('src', `is no address of the family ${family}`);
  }
  const value = <T>(name: string, read: (text: string, name: string) => T): T | undefined => {
    const text = values.get(name);
    return text === undefined ? undefined : read(text, name);
  };
  const spec: EntrySpec = {
    ...protocolFields(protocol),
    original: original as EntrySpec['original'],
    reply: reply as EntrySpec['original'],
    timeout,
    ...statusOf(flags),
    ...stateOf(state, protocol),
    mark: value('mark', numberIn),
    zone: value('zone', number16),
    helper: values.get('helper'),
    // Without a "=": none of them had a name where the line was printed.
    labels: value('labels', (names) =>
      names === '' ? undefined : labelsIn(names, labels, 'labels'),
    ),
  };
  return parsedSpec(spec, protocol);
}

/** `ipv4     2` or `ipv6     10`, in front of the lines of `-o extended`. */
function familyAt(words: string[]): 'ipv4' | 'ipv6' | undefined {
  const [word, number] = words;
  if (word !== 'ipv4' && word !== 'ipv6') return undefined;
  const [, expected] = FAMILY_WORDS[word];
  if (number !== String(expected)) {
    throw typeError(word, `must have the number ${expected}, not ${shown(number)}`);
  }
  words.splice(0, 2);
  return word;
}

function protocolAt(words: string[]): number {
  const [word, digits = ''] = words.splice(0, 2);
  if (!/^\d+$/.test(digits)) {
    throw typeError('it', 'begins as no line of conntrack -L, -L -o extended or -L -o save does');
  }
  const number = number8(digits, 'the protocol number');
  const expected = protocolWord(number);
  if (word !== expected) {
    throw typeError('the protocol', `${number} is ${shown(expected)}, not ${shown(word)}`);
  }
  return number;
}

function partsOf(words: readonly string[], protocol: number): Parts {
  const parts: Parts = { tuples: [], flags: new Set(), values: new Map() };
  for (const word of words) {
    if (FLAGS.includes(word)) {
      if (parts.flags.has(word)) throw typeError(word, 'stands twice');
      parts.flags.add(word);
      continue;
    }
    const [, name = word, text = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    const unknown = () => typeError('it', `has the unknown word ${shown(word)}`);
    if (name === word && word !== 'labels') throw unknown();
    if (name === 'src') parts.tuples.push({});
    if (parts.tuples.length > 2) throw typeError('src', 'stands more than twice');
    const tuple = parts.tuples.at(-1);
    if (tuple !== undefined && readInto(tuple, name, text, protocol)) continue;
    if (!Object.hasOwn(OF_FLOW, name)) throw unknown();
    if (parts.values.has(name)) throw typeError(name, 'stands twice');
    OF_FLOW[name as keyof typeof OF_FLOW](text, name);
    parts.values.set(name, text);
  }
  for (const [zone, direction] of ZONES) {
    const text = parts.values.get(zone);
    const tuple = parts.tuples[direction];
    if (text !== undefined && tuple !== undefined) tuple.zone = number16(text, zone);
  }
  return parts;
}

const ZONES = [
  ['zone-orig', 0],
  ['zone-reply', 1],
] as const;

const anything = () => undefined;
const count = (text: string, name: string) =>
  nanoseconds(/^\d{1,20}$/.test(text) ? text : Number.NaN, name);

/** What is not in the tuples. All is checked; what no specification has is ignored. */
const OF_FLOW = {
  'zone-orig': number16,
  'zone-reply': number16,
  mark: numberIn,
  secmark: numberIn,
  secctx: anything,
  zone: number16,
  'delta-time': count,
  helper: anything,
  use: numberIn,
  id: numberIn,
  labels: anything,
} as const;

type Field = Exclude<keyof ReadTuple, 'icmp'>;

const OF_TUPLE: Readonly<
  Record<string, readonly [Field, (text: string, name: string) => string | number]>
> = {
  src: ['source', (text) => text],
  dst: ['destination', (text) => text],
  sport: ['sourcePort', number16],
  dport: ['destinationPort', number16],
  srckey: ['sourceKey', key],
  dstkey: ['destinationKey', key],
};

/** Whether the word is one of a tuple. */
function readInto(tuple: ReadTuple, name: string, text: string, protocol: number): boolean {
  if (name === 'packets' || name === 'bytes') {
    count(text, name);
    return true;
  }
  if (!Object.hasOwn(OF_TUPLE, name)) return readIcmp(tuple, name, text, protocol);
  const [field, read] = OF_TUPLE[name] as (typeof OF_TUPLE)[string];
  if (tuple[field] !== undefined) throw typeError(name, 'stands twice in a direction');
  Object.assign(tuple, { [field]: read(text, name) });
  return true;
}

const { icmp, icmpv6 } = PROTOCOL_NUMBERS;

/** `id` is also the name of the entry's own, behind both tuples. */
function readIcmp(tuple: ReadTuple, name: string, text: string, protocol: number): boolean {
  if (protocol !== icmp && protocol !== icmpv6) return false;
  if (name !== 'type' && name !== 'code' && name !== 'id') return false;
  const known: Partial<IcmpTuple> = tuple.icmp ?? {};
  if (known[name] !== undefined) {
    if (name === 'id') return false;
    throw typeError(name, 'stands twice in a direction');
  }
  const value = name === 'id' ? number16(text, name) : number8(text, name);
  // Whether it has all three is checked with the rest.
  tuple.icmp = { ...known, [name]: value } as IcmpTuple;
  return true;
}

/** Of GRE, in hexadecimal. */
function key(text: string, name: string): number {
  if (!/^0x[\da-f]{1,8}$/.test(text)) {
    throw typeError(name, `must be a number such as 0x2a, not ${shown(text)}`);
  }
  return number16(String(Number(text)), name);
}

/** A flow that was offloaded has no timeout and no state, and its line hides `[ASSURED]`. */
function statusOf(flags: ReadonlySet<string>): Pick<EntrySpec, 'status'> {
  const set: (SettableStatus | 'offload')[] = [];
  if (!flags.has('[UNREPLIED]')) set.push('seenReply');
  if (flags.has('[ASSURED]')) set.push('assured');
  if (!flags.has('[OFFLOAD]') && !flags.has('[HW_OFFLOAD]')) {
    return set.length === 0 ? {} : { status: set as SettableStatus[] };
  }
  const bits = [...set, 'offload' as const].reduce((all, flag) => all | statusBit(flag), 0);
  return { status: new StatusView(bits).toJSON() };
}

function stateOf(
  state: string | undefined,
  protocol: number,
): Pick<EntrySpec, 'tcp' | 'sctp' | 'dccp'> {
  if (state === undefined) return {};
  const { tcp, sctp, dccp } = PROTOCOL_NUMBERS;
  // The words are checked with the rest.
  if (protocol === tcp) return { tcp: tcpOfState(state) };
  if (protocol === sctp) {
    return { sctp: { state: state as never, originalTag: undefined, replyTag: undefined } };
  }
  if (protocol === dccp) return { dccp: { state: state as never, role: undefined } };
  throw typeError('it', `has the unknown word ${shown(state)}`);
}
