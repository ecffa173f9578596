/**
 * The groupings of flows, and the conditions that name one group.
 */
import type { Entry } from '../../index.js';
import { protocolOf, stateOfProtocol } from '../print/flow-table.js';

/** Options of a filter. */
export interface Conditions {
  readonly all: readonly string[];
  /** Those behind a `--not`. */
  readonly not?: readonly string[];
}

interface Grouping {
  readonly head: string;
  /** Of many groups. */
  readonly plural: string;
  readonly of: (entry: Entry) => string;
  /** The flows of the group meet these, and no others do. */
  readonly conditions: (name: string) => Conditions;
}

export const GROUPINGS = {
  source: {
    head: 'SOURCE',
    plural: 'sources',
    of: ({ original }) => original.source,
    conditions: (name) => ({ all: ['--source', name] }),
  },
  destination: {
    head: 'DESTINATION',
    plural: 'destinations',
    of: ({ original }) => original.destination,
    conditions: (name) => ({ all: ['--destination', name] }),
  },
  service: {
    head: 'SERVICE',
    plural: 'services',
    of: serviceOf,
    conditions: conditionsOfService,
  },
  state: {
    head: 'STATE',
    plural: 'states',
    of: (entry) => `${protocolOf(entry)} ${stateOfProtocol(entry)}`,
    conditions: conditionsOfState,
  },
} as const satisfies Readonly<Record<string, Grouping>>;

export type GroupingName = keyof typeof GROUPINGS;

export const GROUPING_NAMES = Object.keys(GROUPINGS) as GroupingName[];

/** A grouping, without the narrow type of the list. */
export const groupingOf = (name: GroupingName): Grouping => GROUPINGS[name];

function serviceOf(entry: Entry): string {
  const { destinationPort } = entry.original;
  const protocol = protocolOf(entry);
  return destinationPort === undefined ? protocol : `${protocol}/${destinationPort}`;
}

function conditionsOfService(name: string): Conditions {
  const [protocol = '', port] = name.split('/');
  return {
    all: [...['--protocol', protocol], ...(port === undefined ? [] : ['--destination-port', port])],
  };
}

/** The words that `stateOfProtocol` has for protocols without states. */
const REPLIES: Readonly<Record<string, Conditions>> = {
  UNREPLIED: { all: [], not: ['--status', 'seenReply'] },
  REPLIED: { all: ['--status', 'seenReply', '--assured', 'no'] },
  ASSURED: { all: ['--status', 'seenReply', '--assured', 'yes'] },
};

function conditionsOfState(name: string): Conditions {
  const [protocol = '', ...words] = name.split(' ');
  const state = words.join(' ');
  const [, type] = /^TYPE (\d+)$/.exec(state) ?? [];
  const { all, not } =
    type === undefined
      ? (REPLIES[state] ?? { all: ['--state', state] })
      : { all: ['--icmp-type', type] };
  return { all: ['--protocol', protocol, ...all], ...(not !== undefined && { not }) };
}
