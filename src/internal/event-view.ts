/**
 * Events from records. The entry is a view; the little around it is decoded at once.
 */
import type { Entry, EntryBase } from '../entry.js';
import type { ConntrackEvent, EntryEvent, ExpectationEvent } from '../events.js';
import { EntryView } from './entry-view.js';
import { ExpectationView } from './expectation-view.js';
import {
  ENTRY,
  ENTRY_PRESENT,
  EVENT,
  EVENT_KINDS,
  EXTENSION,
  LITTLE_ENDIAN,
  SLAB,
} from './layout.js';

/** The events of slabs that the addon has filled, in order. */
export function eventsOf(slabs: readonly ArrayBuffer[]): ConntrackEvent[] {
  const events: ConntrackEvent[] = [];
  for (const slab of slabs) {
    const view = new DataView(slab);
    const end = SLAB.firstEntry + view.getUint32(SLAB.count, LITTLE_ENDIAN) * EVENT.size;
    for (let offset: number = SLAB.firstEntry; offset < end; offset += EVENT.size) {
      events.push(eventAt(view, offset));
    }
  }
  return events;
}

function eventAt(view: DataView, offset: number): ConntrackEvent {
  switch (view.getUint32(offset + EVENT.kind, LITTLE_ENDIAN)) {
    case EVENT_KINDS.new:
      return entryEvent('new', view, offset);
    case EVENT_KINDS.update:
      return entryEvent('update', view, offset);
    case EVENT_KINDS.destroy:
      return entryEvent('destroy', view, offset);
    case EVENT_KINDS.expectationNew:
      return expectationEvent('expectation-new', view, offset);
    case EVENT_KINDS.expectationDestroy:
      return expectationEvent('expectation-destroy', view, offset);
    case EVENT_KINDS.lostInKernel:
      return { type: 'lost', cause: 'kernel', count: countAt(view, offset) };
    case EVENT_KINDS.lostInQueue:
      return { type: 'lost', cause: 'queue', count: countAt(view, offset) };
    default:
      return {
        type: 'reliability-ended',
        entries: countAt(view, offset),
        maxEntries: view.getUint32(offset + EVENT.maximum, LITTLE_ENDIAN),
      };
  }
}

function entryEvent(type: EntryEvent['type'], view: DataView, offset: number): EntryEvent {
  const entry = new EntryView(view, offset + EVENT.record) as EntryBase as Entry;
  const originPortId = view.getUint32(offset + EVENT.originPortId, LITTLE_ENDIAN);
  const eventTimeNs = eventTimeAt(view, offset + EVENT.record);
  const netns = view.getInt32(offset + EVENT.netns, LITTLE_ENDIAN);
  // Nearly all events are of this shape.
  if (eventTimeNs === undefined && netns < 0) return { type, entry, originPortId };
  const event: Mutable<EntryEvent> = { type, entry, originPortId };
  if (eventTimeNs !== undefined) event.eventTimeNs = eventTimeNs;
  if (netns >= 0) event.netns = netns;
  return event;
}

function expectationEvent(
  type: ExpectationEvent['type'],
  view: DataView,
  offset: number,
): ExpectationEvent {
  const expectation = new ExpectationView(view, offset + EVENT.record);
  const originPortId = view.getUint32(offset + EVENT.originPortId, LITTLE_ENDIAN);
  const netns = view.getInt32(offset + EVENT.netns, LITTLE_ENDIAN);
  const event = { type, expectation, originPortId };
  return netns < 0 ? event : { ...event, netns };
}

/** CTA_TIMESTAMP_EVENT; `undefined` when the kernel sent none. */
function eventTimeAt(view: DataView, entry: number): bigint | undefined {
  const present = view.getUint32(entry + ENTRY.present, LITTLE_ENDIAN);
  if ((present & ENTRY_PRESENT.eventTime) === 0) return undefined;
  const extension = 8 * view.getUint16(entry + ENTRY.extension, LITTLE_ENDIAN);
  return view.getBigUint64(extension + EXTENSION.eventTime, LITTLE_ENDIAN);
}

function countAt(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset + EVENT.count, LITTLE_ENDIAN));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
