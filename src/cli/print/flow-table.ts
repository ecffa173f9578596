/**
 * Entries as a table, as wide as the terminal.
 */

import { printable } from '../../core/printable.js';
import type { Entry, Tuple } from '../../index.js';
import {
  type Cell,
  type Column,
  foldedRow,
  type Grid,
  gridOf,
  headOf,
  widthOf,
} from './columns.js';
import { shortBytes, shortSeconds } from './numbers.js';
import type { Paint, Style } from './style.js';

interface FlowColumn extends Column {
  readonly of: (entry: Entry, nameOf: NameOf) => string;
  readonly style?: (text: string) => Style | undefined;
}

/** What is printed of an address. */
export type NameOf = (address: string) => string;

/** The most wanted first: a terminal gets those that fit, without those that are empty. */
const WANTED: readonly FlowColumn[] = [
  { head: 'PROTO', of: protocolOf },
  { head: 'STATE', of: stateOf, style: styleOfState },
  { head: 'SOURCE', of: ({ original }, nameOf) => sourceOf(original, nameOf) },
  { head: 'DESTINATION', of: ({ original }, nameOf) => destinationOf(original, nameOf) },
  { head: 'LEFT', isNumber: true, of: ({ timeout }) => secondsOf(timeout) },
  { head: 'NAT', of: natOf, style: () => 'cyan' },
  { head: 'SENT', isNumber: true, of: ({ counters }) => bytesOf(counters?.original.bytes) },
  { head: 'RECEIVED', isNumber: true, of: ({ counters }) => bytesOf(counters?.reply.bytes) },
  { head: 'MARK', isNumber: true, of: ({ mark = 0 }) => (mark === 0 ? '' : markOf(mark)) },
  { head: 'ZONE', isNumber: true, of: ({ zone }) => (zone === 0 ? '' : String(zone)) },
  { head: 'HELPER', of: ({ helper = '' }) => printable(helper) },
  { head: 'FLAGS', of: flagsOf, style: () => 'dim' },
  { head: 'AGE', isNumber: true, of: ageOf },
  { head: 'ID', isNumber: true, of: ({ id }) => String(id), style: () => 'dim' },
];

/** The order in which they are printed. */
const ORDER = [
  ...['PROTO', 'STATE', 'SOURCE', 'DESTINATION', 'NAT', 'SENT', 'RECEIVED', 'LEFT', 'AGE'],
  ...['MARK', 'ZONE', 'HELPER', 'FLAGS', 'ID'],
];

/** The first entries decide which columns there are, and how wide. */
export class FlowTable {
  readonly #columns: readonly FlowColumn[];
  readonly #grid: Grid;
  readonly #width: number;
  readonly #nameOf: NameOf;
  readonly #paint: Paint;

  constructor(first: readonly Entry[], columns: number, nameOf: NameOf, paint: Paint) {
    this.#nameOf = nameOf;
    this.#paint = paint;
    this.#width = columns;
    let chosen: readonly FlowColumn[] = [];
    for (const column of WANTED) {
      const texts = first.map((entry) => column.of(entry, nameOf));
      const isNeeded = chosen.length < NEEDED || texts.some((text) => text !== '');
      const wider = [...chosen, column];
      const isFit = widthOf(this.#gridOf(wider, first)) <= columns || chosen.length < NEEDED;
      if (isNeeded && isFit) chosen = wider;
    }
    this.#columns = [...chosen].sort((a, b) => ORDER.indexOf(a.head) - ORDER.indexOf(b.head));
    this.#grid = this.#gridOf(this.#columns, first);
  }

  get head(): string {
    return headOf(this.#grid, this.#paint);
  }

  row(entry: Entry): string {
    return foldedRow(this.#grid, this.#cellsOf(this.#columns, entry), this.#paint, {
      columns: this.#width,
      at: this.#columns.findIndex(({ head }) => head === 'SOURCE'),
    });
  }

  #gridOf(columns: readonly FlowColumn[], entries: readonly Entry[]): Grid {
    const grid = gridOf(
      columns,
      entries.map((entry) => this.#cellsOf(columns, entry)),
    );
    // A long address of IPv6 does not make every row long.
    const most = Math.max(SHORTEST, Math.floor((this.#width - BESIDE) / 2));
    const isAddress = (index: number) => ADDRESSES.includes(columns[index]?.head ?? '');
    const widths = grid.widths.map((one, index) => (isAddress(index) ? Math.min(one, most) : one));
    return { columns, widths };
  }

  #cellsOf(columns: readonly FlowColumn[], entry: Entry): Cell[] {
    return columns.map(({ of, style }) => {
      const text = of(entry, this.#nameOf);
      return { text, style: style?.(text) };
    });
  }
}

const ADDRESSES = ['SOURCE', 'DESTINATION'];
/** That of an address of IPv4 with a port. */
const SHORTEST = 21;
/** What the protocol, the state and the timeout take. */
const BESIDE = 32;

/** Columns that are there in any case. */
const NEEDED = 4;

export function protocolOf({ protocol, protocolNumber }: Entry): string {
  return protocol === 'other' ? String(protocolNumber) : protocol;
}

/** That of the protocol, or whether answers have come; of flows that go past the kernel that. */
export function stateOf(entry: Entry): string {
  const { offload, hardwareOffload } = entry.status;
  return offload || hardwareOffload ? 'OFFLOAD' : stateOfProtocol(entry);
}

export function stateOfProtocol({ tcp, sctp, dccp, status, original }: Entry): string {
  const state = tcp?.state ?? sctp?.state ?? dccp?.state;
  if (state !== undefined) return state;
  if (original.icmp !== undefined) return `TYPE ${original.icmp.type}`;
  if (!status.seenReply) return 'UNREPLIED';
  return status.assured ? 'ASSURED' : 'REPLIED';
}

export function styleOfState(state: string): Style | undefined {
  if (state === 'ESTABLISHED' || state === 'ASSURED') return 'green';
  return state === 'UNREPLIED' || /^SYN|^CLOSE|WAIT$|^LAST/.test(state) ? 'yellow' : undefined;
}

export const sourceOf = (tuple: Tuple, nameOf: NameOf): string =>
  endpoint(tuple.source, tuple.sourcePort ?? tuple.sourceKey, nameOf);

export const destinationOf = (tuple: Tuple, nameOf: NameOf): string =>
  endpoint(tuple.destination, tuple.destinationPort ?? tuple.destinationKey, nameOf);

function endpoint(address: string, port: number | undefined, nameOf: NameOf): string {
  const name = nameOf(address);
  if (port === undefined) return name;
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}

export function natOf({ nat }: { readonly nat?: Entry['nat'] }, nameOf: NameOf): string {
  const parts = [
    nat?.source && `from ${endpoint(nat.source.address, nat.source.port, nameOf)}`,
    nat?.destination && `to ${endpoint(nat.destination.address, nat.destination.port, nameOf)}`,
  ].filter((part) => part !== undefined);
  return parts.join(' ');
}

export const markOf = (mark: number): string => `0x${mark.toString(16)}`;

const secondsOf = (seconds: number | undefined) =>
  seconds === undefined ? '' : shortSeconds(seconds);

const bytesOf = (bytes: number | undefined) => (bytes === undefined ? '' : shortBytes(bytes));

function ageOf({ startTime }: Entry): string {
  if (startTime === undefined) return '';
  return shortSeconds(Math.max(0, (Date.now() - startTime.getTime()) / 1000));
}

const FLAGS = ['assured', 'expected', 'fixedTimeout', 'dying', 'helper'] as const;

function flagsOf({ status }: Entry): string {
  const flags: string[] = FLAGS.filter((flag) => status[flag]);
  return (status.seenReply ? flags : ['unreplied', ...flags]).join(',');
}
