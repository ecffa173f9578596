/**
 * The commands and options of conntrack(8): letters, names, values, and which command takes which
 * option. Facts about conntrack-tools 1.4.7, found by running it.
 */
import type { NamedProtocol } from 'conntrack';

/** Each with its letter and its long name. */
export const COMMANDS = {
  list: ['L', 'dump'],
  get: ['G', 'get'],
  delete: ['D', 'delete'],
  create: ['I', 'create'],
  add: ['A', 'add'],
  update: ['U', 'update'],
  watch: ['E', 'event'],
  flush: ['F', 'flush'],
  count: ['C', 'count'],
  stats: ['S', 'stats'],
  load: ['R', 'load-file'],
  version: ['V', 'version'],
  help: ['h', 'help'],
} as const;

export type CommandName = keyof typeof COMMANDS;

/** They stand behind the command. */
export const TABLES = ['conntrack', 'expect', 'dying', 'unconfirmed'] as const;

export type TableName = (typeof TABLES)[number];

export interface OptionShape {
  readonly letter?: string;
  readonly names: readonly string[];
  /** Default: it needs a value. */
  readonly value?: 'none' | 'optional';
  /** The protocols that have it. Default: it is an option of every flow. */
  readonly protocols?: readonly NamedProtocol[];
}

const WITH_PORTS = ['tcp', 'udp', 'udplite', 'sctp', 'dccp'] as const;
const IN_EXPECTATIONS = ['tcp', 'udp'] as const;

export const OPTIONS = {
  source: { letter: 's', names: ['src', 'orig-src'] },
  destination: { letter: 'd', names: ['dst', 'orig-dst'] },
  replySource: { letter: 'r', names: ['reply-src'] },
  replyDestination: { letter: 'q', names: ['reply-dst'] },
  protocol: { letter: 'p', names: ['protonum', 'proto'] },
  timeout: { letter: 't', names: ['timeout'] },
  status: { letter: 'u', names: ['status'] },
  eventMask: { letter: 'e', names: ['event-mask'] },
  zero: { letter: 'z', names: ['zero'], value: 'none' },
  mark: { letter: 'm', names: ['mark'] },
  id: { letter: 'i', names: ['id'] },
  family: { letter: 'f', names: ['family'] },
  output: { letter: 'o', names: ['output'] },
  sourceNat: { letter: 'n', names: ['src-nat'], value: 'optional' },
  destinationNat: { letter: 'g', names: ['dst-nat'], value: 'optional' },
  anyNat: { letter: 'j', names: ['any-nat'], value: 'optional' },
  bufferSize: { letter: 'b', names: ['buffer-size'] },
  securityMark: { letter: 'c', names: ['secmark'] },
  zone: { letter: 'w', names: ['zone'] },
  label: { letter: 'l', names: ['label'] },
  labelAdd: { names: ['label-add'] },
  labelDelete: { names: ['label-del'], value: 'optional' },
  originalZone: { names: ['orig-zone'] },
  replyZone: { names: ['reply-zone'] },
  maskSource: { names: ['mask-src'] },
  maskDestination: { names: ['mask-dst'] },
  tupleSource: { names: ['tuple-src'] },
  tupleDestination: { names: ['tuple-dst'] },

  sourcePort: { names: ['sport', 'orig-port-src'], protocols: WITH_PORTS },
  destinationPort: { names: ['dport', 'orig-port-dst'], protocols: WITH_PORTS },
  replySourcePort: { names: ['reply-port-src'], protocols: WITH_PORTS },
  replyDestinationPort: { names: ['reply-port-dst'], protocols: WITH_PORTS },
  maskSourcePort: { names: ['mask-port-src'], protocols: IN_EXPECTATIONS },
  maskDestinationPort: { names: ['mask-port-dst'], protocols: IN_EXPECTATIONS },
  tupleSourcePort: { names: ['tuple-port-src'], protocols: IN_EXPECTATIONS },
  tupleDestinationPort: { names: ['tuple-port-dst'], protocols: IN_EXPECTATIONS },
  state: { names: ['state'], protocols: ['tcp', 'sctp', 'dccp'] },
  originalTag: { names: ['orig-vtag'], protocols: ['sctp'] },
  replyTag: { names: ['reply-vtag'], protocols: ['sctp'] },
  role: { names: ['role'], protocols: ['dccp'] },
  icmpType: { names: ['icmp-type', 'icmpv6-type'], protocols: ['icmp', 'icmpv6'] },
  icmpCode: { names: ['icmp-code', 'icmpv6-code'], protocols: ['icmp', 'icmpv6'] },
  icmpId: { names: ['icmp-id', 'icmpv6-id'], protocols: ['icmp', 'icmpv6'] },
  sourceKey: { names: ['srckey', 'orig-key-src'], protocols: ['gre'] },
  destinationKey: { names: ['dstkey', 'orig-key-dst'], protocols: ['gre'] },
  replySourceKey: { names: ['reply-key-src'], protocols: ['gre'] },
  replyDestinationKey: { names: ['reply-key-dst'], protocols: ['gre'] },
} as const satisfies Record<string, OptionShape>;

export type OptionName = keyof typeof OPTIONS;

/** The shape of an option, without the narrow type of the list. */
export const shapeOf = (name: OptionName): OptionShape => OPTIONS[name];

const TUPLES = ['source', 'destination', 'replySource', 'replyDestination', 'protocol'] as const;
const NETWORKS = ['maskSource', 'maskDestination'] as const;
const ZONES = ['zone', 'originalZone', 'replyZone'] as const;
const NAT = ['sourceNat', 'destinationNat'] as const;

const CREATED = [...TUPLES, ...ZONES, ...NAT, 'timeout', 'status', 'mark', 'labelAdd'] as const;
const FILTERED = [...TUPLES, ...NETWORKS, ...NAT, 'mark', 'family', 'label', 'output'] as const;

/** What each command takes beside the options of protocols, which all with a protocol take. */
export const ACCEPTED: Readonly<
  Record<TableName, { readonly [Name in CommandName]?: readonly OptionName[] }>
> = {
  conntrack: {
    list: [...FILTERED, ...ZONES, 'status', 'anyNat', 'securityMark', 'zero'],
    get: [...TUPLES, 'id', 'label', 'output'],
    delete: [...FILTERED, ...ZONES, 'status', 'timeout', 'id'],
    create: CREATED,
    add: CREATED,
    update: [...FILTERED, 'timeout', 'status', 'id', 'labelAdd', 'labelDelete'],
    watch: [...FILTERED, ...ZONES, 'anyNat', 'securityMark', 'eventMask', 'bufferSize'],
    flush: ['family'],
    count: [],
    stats: [],
    load: [],
    version: [],
    help: [],
  },
  expect: {
    list: ['family', 'output'],
    get: TUPLES,
    delete: TUPLES,
    create: [...TUPLES, ...NETWORKS, 'tupleSource', 'tupleDestination', 'timeout', 'status'],
    watch: ['output'],
    flush: [],
    count: [],
  },
  dying: { list: [...FILTERED, ...ZONES, 'status', 'anyNat', 'securityMark', 'zero'] },
  unconfirmed: { list: [...FILTERED, ...ZONES, 'status', 'anyNat', 'securityMark', 'zero'] },
};

/** What a new entry of a protocol needs beside its tuple; the kernel could do without. */
export const NEEDED_STATE: { readonly [Name in NamedProtocol]?: readonly OptionName[] } = {
  tcp: ['state'],
  sctp: ['state', 'originalTag', 'replyTag'],
  dccp: ['state', 'role'],
};
