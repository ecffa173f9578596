/**
 * What `watchEvents` takes becomes what a subscription takes.
 */
import {
  arrayOf,
  boolean,
  type Check,
  integer,
  object,
  optional,
  signal,
  word,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import { EVENT_GROUPS } from '../record/layout.js';
import { ENTRY_EVENTS, type EntryEventType, type WatchOptions } from './event.js';
import type { SubscriptionOptions } from './subscription.js';

/** Options that were checked: a subscription needs a network namespace besides. */
export type CheckedWatchOptions = Omit<SubscriptionOptions, 'netns'>;

/** Filter records. `undefined`: every event. */
const filterRecords: Check<ArrayBuffer | undefined> = (value, path) =>
  compileFilter(value as EntryFilter | undefined, path).records;

const given = object<Omit<Required<WatchOptions>, 'filter'> & { filter: ArrayBuffer | undefined }>({
  events: optional(arrayOf(word(ENTRY_EVENTS))),
  expectations: optional(boolean),
  filter: filterRecords,
  receiveBufferBytes: optional(integer(LIMITS.leastReceiveBufferBytes, LIMITS.mostBufferBytes)),
  queueBytes: optional(integer(LIMITS.leastQueueBytes, LIMITS.mostBufferBytes)),
  maxDelay: optional(integer(0, LIMITS.longestDelayMs)),
  reliableDestroy: optional(boolean),
  allNamespaces: optional(boolean),
  signal: optional(signal),
});

export function watchOptionsOf(value: WatchOptions = {}): CheckedWatchOptions {
  const options = given(value, 'options');
  const { events = ENTRY_EVENTS, reliableDestroy = false } = options;
  const groups = groupsOf(events, options.expectations === true);
  if (groups === 0) throw typeError('options.events', 'must name at least one event');
  if (reliableDestroy && !events.includes('destroy')) {
    throw typeError('options.reliableDestroy', "requires 'destroy' in options.events");
  }
  return {
    groups,
    receiveBufferBytes: options.receiveBufferBytes ?? LIMITS.receiveBufferBytes,
    queueBytes: options.queueBytes ?? LIMITS.queueBytes,
    maxDelay: options.maxDelay ?? 0,
    reliableDestroy,
    allNamespaces: options.allNamespaces === true,
    filter: options.filter,
    signal: options.signal,
  };
}

function groupsOf(events: readonly EntryEventType[], expectations: boolean): number {
  const groups: number[] = events.map((event) => EVENT_GROUPS[event]);
  if (expectations) groups.push(EVENT_GROUPS.expectationNew, EVENT_GROUPS.expectationDestroy);
  return groups.reduce((bits, group) => bits | (1 << (group - 1)), 0);
}
