/**
 * Every option: its name in the words of the API, the letter and the names that conntrack(8) 1.4.7 has
 * for it, its value, and what --help prints. The parser, the help and docs/command-line.md derive from
 * this table.
 */
import type { NamedProtocol } from '../../index.js';

/** The part of --help that has it. */
export type OptionGroup =
  | 'conditions'
  | 'joining'
  | 'changes'
  | 'expectation'
  | 'events'
  | 'acting'
  | 'output'
  | 'watching'
  | 'general';

export interface OptionShape {
  readonly group: OptionGroup;
  /** What stands for its value in --help. Absent: it takes none. */
  readonly value?: string;
  /** The value may be left out. */
  readonly isOptional?: true;
  readonly help: string;
  /** That of conntrack(8), or of other programs. */
  readonly letter?: string;
  /** The long names in conntrack(8). Absent: it lacks the option. */
  readonly old?: readonly string[];
  /** The protocols that conntrack(8) demands beside it. */
  readonly protocols?: readonly NamedProtocol[];
}

const WITH_PORTS = ['tcp', 'udp', 'udplite', 'sctp', 'dccp'] as const;
const IN_EXPECTATIONS = ['tcp', 'udp'] as const;

const ADDRESS = 'ADDRESS[/PREFIX]';
const PORT = 'PORT[-PORT]';
const KEY = 'KEY[-KEY]';
const RANGE = 'N|FROM-[TO]|-TO';

export const OPTIONS = {
  family: {
    group: 'conditions',
    letter: 'f',
    old: ['family'],
    value: 'ipv4|ipv6',
    help: 'the address family',
  },
  protocol: {
    group: 'conditions',
    letter: 'p',
    old: ['protonum', 'proto'],
    value: 'PROTOCOL[,...]',
    help: 'a word such as tcp, or an IP protocol number; of several, any',
  },
  source: {
    group: 'conditions',
    letter: 's',
    old: ['src', 'orig-src'],
    value: ADDRESS,
    help: 'the source of the first packet, before NAT',
  },
  destination: {
    group: 'conditions',
    letter: 'd',
    old: ['dst', 'orig-dst'],
    value: ADDRESS,
    help: 'its destination, before NAT',
  },
  sourcePort: {
    group: 'conditions',
    old: ['sport', 'orig-port-src'],
    protocols: WITH_PORTS,
    value: PORT,
    help: 'its source port',
  },
  destinationPort: {
    group: 'conditions',
    old: ['dport', 'orig-port-dst'],
    protocols: WITH_PORTS,
    value: PORT,
    help: 'its destination port',
  },
  replySource: {
    group: 'conditions',
    letter: 'r',
    old: ['reply-src'],
    value: ADDRESS,
    help: 'the source of the answers, behind NAT',
  },
  replyDestination: {
    group: 'conditions',
    letter: 'q',
    old: ['reply-dst'],
    value: ADDRESS,
    help: 'their destination, behind NAT',
  },
  replySourcePort: {
    group: 'conditions',
    old: ['reply-port-src'],
    protocols: WITH_PORTS,
    value: PORT,
    help: 'their source port',
  },
  replyDestinationPort: {
    group: 'conditions',
    old: ['reply-port-dst'],
    protocols: WITH_PORTS,
    value: PORT,
    help: 'their destination port',
  },
  address: {
    group: 'conditions',
    value: ADDRESS,
    help: 'any of the four addresses',
  },
  port: {
    group: 'conditions',
    value: PORT,
    help: 'any of the four ports',
  },
  state: {
    group: 'conditions',
    old: ['state'],
    protocols: ['tcp', 'sctp', 'dccp'],
    value: 'STATE[,...]',
    help: 'a state such as ESTABLISHED; of several, any',
  },
  status: {
    group: 'conditions',
    letter: 'u',
    old: ['status'],
    value: 'FLAG[,...]',
    help: 'status bits that are set, such as assured,seenReply',
  },
  assured: {
    group: 'conditions',
    value: 'yes|no',
    help: 'whether the kernel keeps the entry in a full table',
  },
  mark: {
    group: 'conditions',
    letter: 'm',
    old: ['mark'],
    value: 'MARK[/MASK]',
    help: 'the mark, or its bits in the mask',
  },
  zone: {
    group: 'conditions',
    letter: 'w',
    old: ['zone'],
    value: 'ZONE',
    help: 'the zone of both directions',
  },
  originalZone: {
    group: 'conditions',
    old: ['orig-zone'],
    value: 'ZONE',
    help: 'the zone of the original direction alone',
  },
  replyZone: {
    group: 'conditions',
    old: ['reply-zone'],
    value: 'ZONE',
    help: 'the zone of the reply direction alone',
  },
  labels: {
    group: 'conditions',
    letter: 'l',
    old: ['label'],
    value: 'LABEL[,...]',
    help: 'labels that are set, by name or number',
  },
  helper: {
    group: 'conditions',
    value: 'NAME',
    help: 'the helper, such as ftp',
  },
  nat: {
    group: 'conditions',
    value: 'source|destination|any|none',
    help: 'how the addresses are translated',
  },
  sourceNat: {
    group: 'conditions',
    letter: 'n',
    old: ['src-nat'],
    value: 'ADDRESS[:PORT]',
    isOptional: true,
    help: 'translated source, to this address',
  },
  destinationNat: {
    group: 'conditions',
    letter: 'g',
    old: ['dst-nat'],
    value: 'ADDRESS[:PORT]',
    isOptional: true,
    help: 'translated destination, to this address',
  },
  anyNat: {
    group: 'conditions',
    letter: 'j',
    old: ['any-nat'],
    value: 'ADDRESS[:PORT]',
    isOptional: true,
    help: 'either of both',
  },
  timeout: {
    group: 'conditions',
    letter: 't',
    old: ['timeout'],
    value: RANGE,
    help: 'seconds that are left',
  },
  bytes: {
    group: 'conditions',
    value: RANGE,
    help: 'bytes of both directions; needs accounting',
  },
  packets: {
    group: 'conditions',
    value: RANGE,
    help: 'packets of both directions; needs accounting',
  },
  startedAfter: {
    group: 'conditions',
    value: 'TIME|AGE',
    help: 'began then or later: 2026-01-31T12:00:00Z, or 10m ago (s, m, h, d); needs timestamps',
  },
  startedBefore: {
    group: 'conditions',
    value: 'TIME|AGE',
    help: 'began before that; needs timestamps',
  },
  id: {
    group: 'conditions',
    letter: 'i',
    old: ['id'],
    value: 'ID',
    help: 'the id',
  },
  icmpType: {
    group: 'conditions',
    old: ['icmp-type', 'icmpv6-type'],
    protocols: ['icmp', 'icmpv6'],
    value: 'TYPE',
    help: 'the type of ICMP',
  },
  icmpCode: {
    group: 'conditions',
    old: ['icmp-code', 'icmpv6-code'],
    protocols: ['icmp', 'icmpv6'],
    value: 'CODE',
    help: 'the code of ICMP',
  },
  icmpId: {
    group: 'conditions',
    old: ['icmp-id', 'icmpv6-id'],
    protocols: ['icmp', 'icmpv6'],
    value: 'ID',
    help: 'the id of ICMP',
  },
  sourceKey: {
    group: 'conditions',
    old: ['srckey', 'orig-key-src'],
    protocols: ['gre'],
    value: KEY,
    help: 'the source key of GRE',
  },
  destinationKey: {
    group: 'conditions',
    old: ['dstkey', 'orig-key-dst'],
    protocols: ['gre'],
    value: KEY,
    help: 'the destination key of GRE',
  },
  replySourceKey: {
    group: 'conditions',
    old: ['reply-key-src'],
    protocols: ['gre'],
    value: KEY,
    help: 'the source key of the answers',
  },
  replyDestinationKey: {
    group: 'conditions',
    old: ['reply-key-dst'],
    protocols: ['gre'],
    value: KEY,
    help: 'the destination key of the answers',
  },
  originalTag: {
    group: 'conditions',
    old: ['orig-vtag'],
    protocols: ['sctp'],
    value: 'TAG',
    help: 'the verification tag of SCTP',
  },
  replyTag: {
    group: 'conditions',
    old: ['reply-vtag'],
    protocols: ['sctp'],
    value: 'TAG',
    help: 'that of the answers',
  },
  role: {
    group: 'conditions',
    old: ['role'],
    protocols: ['dccp'],
    value: 'client|server',
    help: 'the role of DCCP',
  },
  maskSource: {
    group: 'conditions',
    old: ['mask-src'],
    value: 'MASK',
    help: 'the mask of --source, instead of a prefix',
  },
  maskDestination: {
    group: 'conditions',
    old: ['mask-dst'],
    value: 'MASK',
    help: 'the mask of --destination',
  },
  securityMark: {
    group: 'conditions',
    letter: 'c',
    old: ['secmark'],
    value: 'MARK',
    help: 'refused: no kernel of today sends it',
  },

  or: {
    group: 'joining',
    help: 'begins other conditions: an entry matches if it meets either',
  },
  not: {
    group: 'joining',
    help: 'begins conditions that an entry may not meet together',
  },
  where: {
    group: 'joining',
    help: 'begins conditions, where the words before it are changes',
  },

  labelsSet: {
    group: 'changes',
    old: ['label-add'],
    value: 'LABEL[,...]',
    help: 'labels to set',
  },
  labelsClear: {
    group: 'changes',
    old: ['label-del'],
    value: 'LABEL[,...]',
    isOptional: true,
    help: 'labels to clear; without a value all',
  },
  ifAbsent: {
    group: 'changes',
    help: 'leave an entry alone that is there already',
  },
  orUpdate: {
    group: 'changes',
    help: 'change an entry that is there already',
  },

  tupleSource: {
    group: 'expectation',
    old: ['tuple-src'],
    value: 'ADDRESS',
    help: 'the source that is expected',
  },
  tupleDestination: {
    group: 'expectation',
    old: ['tuple-dst'],
    value: 'ADDRESS',
    help: 'the destination that is expected',
  },
  tupleSourcePort: {
    group: 'expectation',
    old: ['tuple-port-src'],
    protocols: IN_EXPECTATIONS,
    value: 'PORT',
    help: 'the source port that is expected; 0: any',
  },
  tupleDestinationPort: {
    group: 'expectation',
    old: ['tuple-port-dst'],
    protocols: IN_EXPECTATIONS,
    value: 'PORT',
    help: 'the destination port that is expected',
  },
  maskSourcePort: {
    group: 'expectation',
    old: ['mask-port-src'],
    protocols: IN_EXPECTATIONS,
    value: 'MASK',
    help: 'the bits of the source port that must be equal',
  },
  maskDestinationPort: {
    group: 'expectation',
    old: ['mask-port-dst'],
    protocols: IN_EXPECTATIONS,
    value: 'MASK',
    help: 'ignored, as all of the destination must be equal',
  },

  events: {
    group: 'events',
    letter: 'e',
    old: ['event-mask'],
    value: 'EVENT[,...]',
    help: 'new, update, destroy; default: all',
  },
  expectations: {
    group: 'events',
    help: 'adds events about expectations',
  },
  reliableDestroy: {
    group: 'events',
    help: 'delivers every destroy event, until the table is 80 % full',
  },
  allNamespaces: {
    group: 'events',
    help: 'adds the events of all network namespaces that this one knows',
  },
  receiveBufferBytes: {
    group: 'events',
    letter: 'b',
    old: ['buffer-size'],
    value: 'BYTES',
    help: 'the size of the receive buffer in the kernel',
  },
  queueBytes: {
    group: 'events',
    value: 'BYTES',
    help: 'the size of the queue of events that are not printed yet',
  },
  maxDelay: {
    group: 'events',
    value: 'MILLISECONDS',
    help: 'how long events may gather before they are printed',
  },

  zeroCounters: {
    group: 'acting',
    letter: 'z',
    old: ['zero'],
    help: 'set the counters to 0 in the step that reads them',
  },
  dryRun: {
    group: 'acting',
    help: 'print what would be changed or deleted, and leave it',
  },
  yes: {
    group: 'acting',
    letter: 'y',
    help: 'do not ask',
  },

  watch: {
    group: 'watching',
    help: 'repeat it until SIGINT',
  },
  intervalMs: {
    group: 'watching',
    value: 'MILLISECONDS',
    help: 'the time between two samples; default: 1000',
  },
  sort: {
    group: 'watching',
    value: 'rate|total|age|flows',
    help: 'the order: age is of flows, flows of groups; default: rate',
  },
  group: {
    group: 'watching',
    value: 'source|destination|service|state',
    help: 'groups instead of single flows',
  },
  unit: {
    group: 'watching',
    value: 'bytes|packets',
    help: 'what rate and total count; default: bytes',
  },
  rows: {
    group: 'watching',
    value: 'COUNT',
    help: 'the rows that are printed where the output is no terminal; default: 20',
  },
  elevatedAt: {
    group: 'watching',
    value: 'SHARE',
    help: 'the level is elevated from this share of the table on; default: 0.7',
  },
  criticalAt: {
    group: 'watching',
    value: 'SHARE',
    help: 'the level is critical from this share on; default: 0.85',
  },
  check: {
    group: 'watching',
    help: 'exit code 5 if something is worse than normal',
  },

  output: {
    group: 'output',
    letter: 'o',
    old: ['output'],
    value: 'WORD[,...]',
    help: 'table, line, extended, save, xml or json; beside line: id, timestamps, labels',
  },
  json: {
    group: 'output',
    help: 'a JSON object per line (NDJSON)',
  },
  names: {
    group: 'output',
    help: 'look up the names of addresses (DNS)',
  },
  limit: {
    group: 'output',
    value: 'COUNT',
    help: 'end after so many',
  },
  private: {
    group: 'output',
    help: 'add what identifies the machine: its name, paths and busiest addresses',
  },
  netns: {
    group: 'general',
    value: 'NAME|PATH|PID',
    help: 'work in another network namespace',
  },
  noColor: {
    group: 'general',
    help: 'no colours, as with NO_COLOR in the environment',
  },
  help: {
    group: 'general',
    letter: 'h',
    help: 'print the options of the command',
  },
} as const satisfies Record<string, OptionShape>;

export type OptionName = keyof typeof OPTIONS;

export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

/** The shape of an option, without the narrow type of the list. */
export const shapeOf = (name: OptionName): OptionShape => OPTIONS[name];

/** `sourcePort` is `source-port`. */
export const longOf = (name: OptionName): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The options of some groups. */
export const inGroups = (...groups: readonly OptionGroup[]): OptionName[] =>
  OPTION_NAMES.filter((name) => groups.includes(shapeOf(name).group));

export const CONDITIONS: readonly OptionName[] = inGroups('conditions');
