/**
 * `-E`: events.
 */
import type {
  ConntrackEvent,
  EntryEvent,
  EntryEventType,
  ExpectationEvent,
  WatchOptions,
} from 'conntrack';
import { filtersIn } from './filters.js';
import { outputIn } from './output.js';
import { type CommandLine, type Given, lastValue } from './parse.js';
import { read } from './tuples.js';
import { UsageError } from './usage-error.js';
import { number32 } from './values.js';

export interface Watch {
  readonly options: WatchOptions;
  /** What the tool prints of an event; of a loss it prints nothing. */
  readonly lineOf: (event: ConntrackEvent) => string | undefined;
}

/** @param names The names of labels by bit. */
export function watchIn({ table, given }: CommandLine, names: ReadonlyMap<number, string>): Watch {
  const bits = new Map([...names].map(([bit, name]) => [name, bit]));
  const bytes = read(given, 'bufferSize', number32);
  const output = outputIn(given, 'watch', names);
  const lineOfEntry = (event: EntryEvent) => {
    const [line = ''] = output.lines([event.entry]);
    return `${marked(line, event.type, given)}${originOf(event)}`;
  };
  return {
    options: {
      events: table === 'expect' ? [] : eventsIn(given),
      expectations: table === 'expect',
      filter: filtersIn(given, bits),
      ...(bytes === undefined ? {} : { receiveBufferBytes: bytes }),
    },
    lineOf: (event) => {
      if ('entry' in event) return lineOfEntry(event);
      return 'expectation' in event ? lineOfExpectation(event) : undefined;
    },
  };
}

const EVENTS: Readonly<Record<string, readonly EntryEventType[]>> = {
  ALL: ['new', 'update', 'destroy'],
  NEW: ['new'],
  UPDATES: ['update'],
  DESTROY: ['destroy'],
};

function eventsIn(given: Given): EntryEventType[] {
  const words = (lastValue(given, 'eventMask') ?? 'ALL').split(',');
  return words.flatMap((word) => {
    const events = Object.hasOwn(EVENTS, word) ? EVENTS[word] : undefined;
    if (events === undefined) throw new UsageError(`--event-mask has no word "${word}"`);
    return events;
  });
}

const SAVE_LETTERS = { new: 'A', update: 'U', destroy: 'D' } as const;

function marked(line: string, type: EntryEventType, given: Given): string {
  if (line.startsWith('<flow>')) return line.replace('<flow>', `<flow type="${type}">`);
  if (lastValue(given, 'output') === 'save') return line.replace(/^-A/, `-${SAVE_LETTERS[type]}`);
  return `${`[${type.toUpperCase()}]`.padStart(9)} ${line}`;
}

const originOf = ({ originPortId }: { readonly originPortId: number }): string =>
  originPortId === 0 ? '' : ` [USERSPACE] portid=${originPortId}`;

function lineOfExpectation(event: ExpectationEvent): string {
  const type = event.type === 'expectation-new' ? '[NEW]' : '[DESTROY]';
  return `${type.padStart(9)} ${String(event.expectation)}${originOf(event)}`;
}
