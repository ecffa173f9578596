/**
 * Events from records. The entry is a view; the other fields are decoded at once.
 */
import type { Entry, EntryBase } from '../entry/entry.js';
import { EntryView } from '../entry/view.js';
import { ExpectationView } from '../expectation/view.js';
import { ENTRY, EVENT, EVENT_KINDS, EXTENSION, EXTENSION_PRESENT, SLAB } from '../record/layout.js';
import { bigint64, int32, number64, slabCount, uint16, uint32 } from '../record/words.js';
import type { ConntrackEvent, EntryEvent, ExpectationEvent } from './event.js';

type EventKind = (typeof EVENT_KINDS)[keyof typeof EVENT_KINDS];

const RECORD = EVENT.record / 4;

/** The events of slabs that the addon has filled, in order. `pass` takes the marks among them. */
export function eventsOf(
  slabs: readonly ArrayBuffer[],
  pass: (mark: number) => void,
): ConntrackEvent[] {
  const events: ConntrackEvent[] = [];
  for (const slab of slabs) {
    const words = new Uint32Array(slab);
    const end = SLAB.firstEntry / 4 + (slabCount(words) * EVENT.size) / 4;
    for (let at = SLAB.firstEntry / 4; at < end; at += EVENT.size / 4) {
      const kind = uint32(words, at, EVENT.kind) as EventKind;
      if (kind === EVENT_KINDS.mark) pass(countAt(words, at));
      else events.push(eventAt(kind, words, at));
    }
  }
  return events;
}

function eventAt(
  kind: Exclude<EventKind, typeof EVENT_KINDS.mark>,
  words: Uint32Array,
  at: number,
): ConntrackEvent {
  switch (kind) {
    case EVENT_KINDS.new:
      return entryEvent('new', words, at);
    case EVENT_KINDS.update:
      return entryEvent('update', words, at);
    case EVENT_KINDS.destroy:
      return entryEvent('destroy', words, at);
    case EVENT_KINDS.expectationNew:
      return expectationEvent('expectation-new', words, at);
    case EVENT_KINDS.expectationDestroy:
      return expectationEvent('expectation-destroy', words, at);
    case EVENT_KINDS.lostInKernel:
      return { type: 'lost', cause: 'kernel', count: countAt(words, at) };
    case EVENT_KINDS.lostInQueue:
      return { type: 'lost', cause: 'queue', count: countAt(words, at) };
    case EVENT_KINDS.reliabilityEnded:
      return {
        type: 'reliability-ended',
        entries: countAt(words, at),
        maxEntries: uint32(words, at, EVENT.maximum),
      };
    default:
      return unknownKind(kind);
  }
}

/** The compiler refuses a kind that has no case; a record of no kind is a fault of ours. */
function unknownKind(kind: never): never {
  throw new RangeError(`no event has the kind ${String(kind)}`);
}

function entryEvent(type: EntryEvent['type'], words: Uint32Array, at: number): EntryEvent {
  const entry = new EntryView(words, at + RECORD) as EntryBase as Entry;
  const originPortId = uint32(words, at, EVENT.originPortId);
  const eventTimeNs = eventTimeAt(words, at + RECORD);
  const netns = int32(words, at, EVENT.netns);
  // Nearly all events are of this shape.
  if (eventTimeNs === undefined && netns < 0) return { type, entry, originPortId };
  const event: Mutable<EntryEvent> = { type, entry, originPortId };
  if (eventTimeNs !== undefined) event.eventTimeNs = eventTimeNs;
  if (netns >= 0) event.netns = netns;
  return event;
}

function expectationEvent(
  type: ExpectationEvent['type'],
  words: Uint32Array,
  at: number,
): ExpectationEvent {
  const expectation = new ExpectationView(words, at + RECORD);
  const originPortId = uint32(words, at, EVENT.originPortId);
  const netns = int32(words, at, EVENT.netns);
  const event = { type, expectation, originPortId };
  return netns < 0 ? event : { ...event, netns };
}

/** CTA_TIMESTAMP_EVENT; `undefined` when the kernel sent none. */
function eventTimeAt(words: Uint32Array, entry: number): bigint | undefined {
  const extended = uint32(words, entry, ENTRY.extensionPresent);
  if ((extended & EXTENSION_PRESENT.eventTime) === 0) return undefined;
  const extension = 2 * uint16(words, entry, ENTRY.extension);
  return bigint64(words, extension + EXTENSION.eventTime / 4);
}

function countAt(words: Uint32Array, at: number): number {
  return number64(words, at + EVENT.count / 4);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
