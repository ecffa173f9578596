/** Flows that tests put into the scripted kernel's table. */
import type { EntryDescription, TupleDescription } from '../support/message-builder.js';

export const tcpTuple: TupleDescription = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  protocol: 6,
  ports: [40000, 443],
};

/** `tcpTuple` as a key for the package. */
export const tcpKey = {
  protocol: 'tcp',
  original: {
    source: '10.0.0.1',
    destination: '10.0.0.2',
    sourcePort: 40000,
    destinationPort: 443,
  },
} as const;

/** The flow number `index` of up to 2^24; its id is its number. */
export function flow(index: number): EntryDescription {
  const source = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  return { id: index, original: { ...tcpTuple, source }, tcp: { state: 3 } };
}

/** `count` flows, the first of them number `first`. */
export function flows(count: number, first = 0): EntryDescription[] {
  return Array.from({ length: count }, (_, index) => flow(first + index));
}
