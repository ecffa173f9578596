/**
 * What conntrack(8) takes and refuses, where a command is given by its letter. Facts about
 * conntrack-tools 1.4.7, found by running it.
 */
import type { NamedProtocol } from '../../index.js';
import type { OptionName } from './options.js';

/** Each command of the tool with its letter and its long name. */
export const LETTERS = {
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

export type LetterCommand = keyof typeof LETTERS;

/** They stand behind the command. */
export const TABLES = ['conntrack', 'expect', 'dying', 'unconfirmed'] as const;

export type TableName = (typeof TABLES)[number];

const TUPLES = ['source', 'destination', 'replySource', 'replyDestination', 'protocol'] as const;
const NETWORKS = ['maskSource', 'maskDestination'] as const;
const ZONES = ['zone', 'originalZone', 'replyZone'] as const;
const NAT = ['sourceNat', 'destinationNat'] as const;

const CREATED = [...TUPLES, ...ZONES, ...NAT, 'timeout', 'status', 'mark', 'labelsSet'] as const;
const FILTERED = [...TUPLES, ...NETWORKS, ...NAT, 'mark', 'family', 'labels', 'output'] as const;
const LISTED = [
  ...[...FILTERED, ...ZONES, 'status', 'anyNat', 'securityMark', 'zeroCounters'],
] as const;

/** What each command takes beside the options of protocols, which all with a protocol take. */
export const ACCEPTED: Readonly<
  Record<TableName, { readonly [Name in LetterCommand]?: readonly OptionName[] }>
> = {
  conntrack: {
    list: LISTED,
    get: [...TUPLES, 'id', 'labels', 'output'],
    delete: [...FILTERED, ...ZONES, 'status', 'timeout', 'id'],
    create: CREATED,
    add: CREATED,
    update: [...FILTERED, 'timeout', 'status', 'id', 'labelsSet', 'labelsClear'],
    watch: [...FILTERED, ...ZONES, 'anyNat', 'securityMark', 'events', 'receiveBufferBytes'],
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
  dying: { list: LISTED },
  unconfirmed: { list: LISTED },
};

/** What a new entry of a protocol needs beside its tuple; the kernel could do without. */
export const NEEDED_STATE: { readonly [Name in NamedProtocol]?: readonly OptionName[] } = {
  tcp: ['state'],
  sctp: ['state', 'originalTag', 'replyTag'],
  dccp: ['state', 'role'],
};
