/**
 * Every command: what it does, its operands and its options. The parser, the help and
 * docs/command-line.md derive from this table.
 */
import { CONDITIONS, inGroups, type OptionName } from './options.js';

export interface CommandShape {
  readonly summary: string;
  /** What stands behind the command, in --help. Absent: nothing may. */
  readonly operands?: string;
  /** The most of them. Default with `operands`: 1. */
  readonly mostOperands?: number;
  readonly options: readonly OptionName[];
  /** The same in conntrack(8). */
  readonly old?: string;
  /** Sentences below the options. */
  readonly notes?: readonly string[];
  /** Behind the name of the program. */
  readonly examples: readonly string[];
  /** Left out of the list of commands. */
  readonly isHidden?: true;
}

const GENERAL: readonly OptionName[] = ['netns', 'noColor', 'help'];
const JOINED: readonly OptionName[] = [...CONDITIONS, 'or', 'not'];
const SHOWN: readonly OptionName[] = ['output', 'json', 'names'];

/** What names one entry. */
const TUPLE: readonly OptionName[] = [
  ...(['protocol', 'source', 'destination', 'sourcePort', 'destinationPort'] as const),
  ...(['replySource', 'replyDestination', 'replySourcePort', 'replyDestinationPort'] as const),
  ...(['icmpType', 'icmpCode', 'icmpId', 'sourceKey', 'destinationKey'] as const),
  ...(['replySourceKey', 'replyDestinationKey', 'zone', 'originalZone', 'replyZone'] as const),
];

/** What an entry gets. */
const STATE: readonly OptionName[] = [
  ...(['timeout', 'mark', 'status', 'state', 'helper'] as const),
  ...(['originalTag', 'replyTag', 'role'] as const),
];

const ASKS =
  'On a terminal it asks before it deletes more than a screenful; with its input elsewhere it wants --yes.';

export const COMMANDS = {
  list: {
    summary: 'print the entries of the table',
    operands: '[dying]',
    options: [...JOINED, 'zeroCounters', ...SHOWN, 'limit', ...GENERAL],
    old: '-L',
    notes: [
      'A terminal gets a table, everything else the lines of conntrack -L.',
      '"dying" prints the entries that have ended and wait for a listener to take their event.',
    ],
    examples: [
      'list --protocol tcp --destination-port 443',
      'list --address 10.0.0.0/8 --not --state ESTABLISHED --json',
      'list --nat any --names',
    ],
  },
  get: {
    summary: 'print one entry, by its tuple',
    options: [...TUPLE, 'id', 'labels', 'zeroCounters', ...SHOWN, ...GENERAL],
    old: '-G',
    notes: ['Exit code 1: there is none.'],
    examples: [
      'get --protocol udp --source 10.0.0.1 --destination 9.9.9.9 --source-port 5353 --destination-port 53',
    ],
  },
  create: {
    summary: 'create an entry',
    options: [
      ...[...TUPLE, ...STATE, 'sourceNat', 'destinationNat', 'labels', 'labelsSet'],
      ...['ifAbsent', 'orUpdate', 'output', 'json', ...GENERAL],
    ] as OptionName[],
    old: '-I, -A',
    notes: ['What is left out of the reply is that of the inverse of the original.'],
    examples: [
      'create --protocol udp --source 10.0.0.1 --destination 9.9.9.9 --source-port 5353 --destination-port 53 --timeout 60',
    ],
  },
  update: {
    summary: 'change the entries that match',
    options: [...JOINED, 'where', 'labelsSet', 'labelsClear', 'dryRun', ...SHOWN, ...GENERAL],
    old: '-U',
    notes: [
      'Before --where, timeout, mark, status, state and helper are changes; all others are conditions.',
      'Prints the entries that it has changed. Exit code 1: none needed it.',
    ],
    examples: [
      'update --address 10.0.0.5 --mark 0x10/0xf0',
      'update --mark 7 --where --mark 0 --port 443',
    ],
  },
  delete: {
    summary: 'delete the entries that match',
    options: [...JOINED, 'dryRun', 'yes', ...SHOWN, ...GENERAL],
    old: '-D',
    notes: [ASKS, 'Prints the entries that it has deleted. Exit code 1: none matches.'],
    examples: ['delete --address 10.0.0.5 --dry-run', 'delete --state CLOSE_WAIT,TIME_WAIT --yes'],
  },
  flush: {
    summary: 'empty the table',
    options: ['family', 'dryRun', 'yes', ...SHOWN, ...GENERAL],
    old: '-F',
    notes: [ASKS, '--json and --output print the entries, which it then deletes one by one.'],
    examples: ['flush --family ipv6 --yes'],
  },
  count: {
    summary: 'print the number of entries, of all or of those that match',
    options: [...JOINED, 'json', ...GENERAL],
    old: '-C',
    examples: ['count', 'count --protocol tcp --state SYN_SENT'],
  },
  watch: {
    summary: 'print events as they come: new, changed and ended entries',
    options: [...JOINED, ...inGroups('events'), ...SHOWN, 'limit', ...GENERAL],
    old: '-E',
    notes: [
      'SIGINT ends it with a summary. Events that the kernel or the queue has lost are printed where',
      'they are missing, with their number.',
    ],
    examples: ['watch --events new,destroy --port 443', 'watch --json --expectations'],
  },
  top: {
    summary: 'show the flows that carry most, and act on them',
    options: [
      ...[...JOINED, 'sort', 'group', 'unit', 'intervalMs', 'names', 'rows', 'limit', 'json'],
      ...GENERAL,
    ] as OptionName[],
    notes: [
      'A terminal gets a screen: "?" shows its keys, "q" leaves it. Everything else, and --json and',
      '--limit on a terminal, get the first rows of each refresh. Rates need the setting accounting,',
      'and ages the setting timestamps.',
    ],
    examples: ['top', 'top --group source --sort flows', 'top --port 443 --json --limit 1'],
  },
  stats: {
    summary: 'print the counters of each processor',
    options: ['json', ...GENERAL],
    old: '-S',
    notes: ['Needs no privileges.'],
    examples: ['stats'],
  },
  save: {
    summary: 'write the table as lines of JSON, which restore reads',
    operands: '[FILE]',
    options: [...JOINED, ...GENERAL],
    notes: ['A FILE is written beside itself and then renamed: it is never half a table.'],
    examples: [
      'save /var/lib/flows.ndjson',
      'save --protocol tcp | ssh other conntrack-js restore',
    ],
  },
  restore: {
    summary: 'create the entries of lines that save or conntrack(8) has written',
    operands: '[FILE]',
    options: ['json', ...GENERAL],
    notes: [
      'Reads lines of JSON, of conntrack -L and of -L -o save. An entry that is there is left alone.',
      'Exit code 1: a line was wrong, or the kernel refused one.',
    ],
    examples: ['restore /var/lib/flows.ndjson'],
  },
  expect: {
    summary: 'list, get, create, delete, flush or count expectations',
    operands: '[list|get|create|delete|flush|count]',
    options: [
      ...([
        'family',
        'protocol',
        'source',
        'destination',
        'sourcePort',
        'destinationPort',
      ] as const),
      ...(['address', 'port', 'helper', 'id', 'zone', 'timeout', 'maskSource'] as const),
      ...(['tupleSource', 'tupleDestination', 'tupleSourcePort', 'tupleDestinationPort'] as const),
      ...(['maskSourcePort', 'dryRun', 'yes', 'output', 'json'] as const),
      ...GENERAL,
    ],
    old: '-L expect',
    notes: [
      'get and delete name the expected tuple by --source, --destination and the ports. create names',
      'it by --tuple-*, and the flow that announces it by --source and the others.',
    ],
    examples: ['expect list --helper sip', 'expect delete --helper ftp --address 10.0.0.5'],
  },
  timeouts: {
    summary: 'print or change default timeouts and timeout policies',
    operands: '[list|get|set|create|update|delete] [NAME|PROTOCOL] [STATE=SECONDS...]',
    mostOperands: 32,
    options: ['family', 'protocol', 'json', ...GENERAL],
    notes: [
      '"list" prints the defaults of every protocol, and the policies. "get tcp" prints, and',
      '"set tcp established=86400" changes, the defaults of a protocol. create, update and delete are',
      'about policies, which a rule attaches to flows.',
    ],
    examples: [
      'timeouts',
      'timeouts set tcp established=86400',
      'timeouts create web --family ipv4 --protocol tcp established=3600',
    ],
  },
  settings: {
    summary: 'print or change the settings net.netfilter.nf_conntrack_*',
    operands: '[NAME[=VALUE]...]',
    mostOperands: 128,
    options: ['dryRun', 'json', ...GENERAL],
    notes: ['A NAME is that of the API or of the sysctl: accounting, nf_conntrack_acct.'],
    examples: ['settings', 'settings accounting=on tcpEstablishedTimeout=86400'],
  },
  pressure: {
    summary: 'print how full the table is, and how fast that changes',
    options: [
      ...(['watch', 'intervalMs', 'elevatedAt', 'criticalAt', 'check', 'json'] as const),
      ...GENERAL,
    ],
    notes: ['Needs no privileges.'],
    examples: ['pressure --watch', 'pressure --check --critical-at 0.9'],
  },
  diagnose: {
    summary: 'print what is wrong with the table and its settings, and what to do',
    options: ['check', 'json', ...GENERAL],
    examples: ['diagnose --check'],
  },
  doctor: {
    summary: 'print what a report of a fault needs: kernel, privileges, settings, findings',
    options: ['private', 'check', 'json', ...GENERAL],
    notes: ['Prints no addresses, names of the machine or paths, unless --private asks for them.'],
    examples: ['doctor', 'doctor --json > report.json'],
  },
  load: {
    summary: 'run the lines of a file as command lines of conntrack(8)',
    operands: 'FILE',
    options: [...GENERAL],
    old: '-R',
    notes: ['"-" reads the standard input. Each line has a command of its own: -A, -U, -D ...'],
    examples: ['-R flows.txt'],
    isHidden: true,
  },
} as const satisfies Record<string, CommandShape>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

/** The shape of a command, without the narrow type of the list. */
export const commandOf = (name: CommandName): CommandShape => COMMANDS[name];

/** The options that are changes before `--where`. */
export const CHANGES: ReadonlySet<OptionName> = new Set(STATE);
