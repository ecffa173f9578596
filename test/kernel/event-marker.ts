/**
 * Reading events up to one that the test makes itself.
 */
import type { ConntrackEvent, EventStream } from 'conntrack';
import { run } from '../support/namespace.js';

/** The events that come until `end` says that it was the last one. */
export async function until(
  stream: EventStream,
  end: (event: ConntrackEvent) => boolean,
): Promise<ConntrackEvent[]> {
  const events: ConntrackEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (end(event)) break;
  }
  return events;
}

/** Ends a test's events: an entry that nothing else makes. */
const MARKER = 65_000;
export const isMarker = (event: ConntrackEvent) =>
  event.type === 'destroy' && event.entry.original.sourcePort === MARKER;
export function makeMarker(): void {
  const tuple = ['-p', 'udp', '-s', '10.9.9.9', '-d', '10.9.9.8', '--sport', String(MARKER)];
  run('conntrack', '-I', ...tuple, '--dport', '1', '-t', '100');
  run('conntrack', '-D', ...tuple, '--dport', '1');
}
