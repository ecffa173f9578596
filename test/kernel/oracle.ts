/**
 * Compares the table as we read it with what conntrack-tools prints of it.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  DCCP_STATES,
  type DirectionCounters,
  type Entry,
  listEntries,
  SCTP_STATES,
  TCP_STATES,
  type Tuple,
} from 'conntrack';
import { expect } from 'vitest';
import {
  type Flow,
  type FlowDirection,
  listFlows,
  listFlowsWithLabels,
  listLines,
} from '../support/conntrack-tool.js';

const MAX_ROUNDS = 20;

/**
 * Expects that `String(entry)` is the line of `conntrack -L` for every entry, and
 * that each field is what its XML says; gives the entries. Timeouts and ages tick:
 * what the tool printed must lie between our reading before and ours after.
 */
export async function expectTableOfConntrack(): Promise<Entry[]> {
  const entries = await compare(
    () => listLines().map(readingOfLine),
    (entry) => readingOfLine(String(entry)),
  );
  const hasLabels = entries.some(({ labels }) => labels !== undefined);
  return compare(
    () => (hasLabels ? listFlowsWithLabels() : listFlows()).map(readingOfFlow),
    (entry) => readingOfFlow(flowOfEntry(entry)),
  );
}

/** Goes on until nothing but time has passed between two readings of ours: an ACK may be late. */
async function compare(
  readWithTool: () => Reading[],
  readingOf: (entry: Entry) => Reading,
): Promise<Entry[]> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = (await listEntries()).map(readingOf).sort(byKey);
    const tool = readWithTool().sort(byKey);
    const entries = await listEntries();
    const after = entries.map(readingOf).sort(byKey);
    if (!isDeepStrictEqual(lasting(before), lasting(after))) continue;

    expect(lasting(after)).toEqual(lasting(tool));
    tool.forEach(({ growing }, index) => {
      growing.forEach((value, which) => {
        expect(value).toBeGreaterThanOrEqual(before[index]?.growing[which] ?? Number.NaN);
        expect(value).toBeLessThanOrEqual(after[index]?.growing[which] ?? Number.NaN);
      });
    });
    return entries;
  }
  throw new Error(`the table did not stand still in ${MAX_ROUNDS} rounds`);
}

/** An entry as it was read at one moment. */
interface Reading {
  /** Sorts the readings of a table. */
  key: string;
  /** What does not change. */
  lasting: unknown;
  /** What only grows: the age, the timeout taken negative. */
  growing: number[];
}

function readingOfLine(line: string): Reading {
  const [, protocol = '', timeout = '', rest = ''] = /^(\w+ +\d+ )(\d+)(.*)$/.exec(line) ?? [];
  const age = / delta-time=(\d+)/.exec(rest)?.[1] ?? '0';
  const key = protocol + rest.replace(/( delta-time=)\d+/, '$1');
  return { key, lasting: key, growing: [-Number(timeout), Number(age)] };
}

function readingOfFlow({ timeout = 0, ...lasting }: Flow): Reading {
  return { key: String(lasting.id), lasting, growing: [-timeout] };
}

function byKey(a: Reading, b: Reading): number {
  return a.key < b.key ? -1 : 1;
}

function lasting(readings: Reading[]): unknown[] {
  return readings.map((reading) => reading.lasting);
}

/** An entry in the words of the tool. */
function flowOfEntry(entry: Entry): Flow {
  const { counters } = entry;
  return presentFields({
    original: directionOf(entry, entry.original, counters?.original),
    reply: directionOf(entry, entry.reply, counters?.reply),
    id: entry.id,
    state: stateOf(entry),
    timeout: entry.timeout,
    mark: entry.mark,
    zone: entry.zone === 0 ? undefined : entry.zone,
    use: entry.use,
    helper: entry.helper,
    securityContext: entry.securityContext,
    labels: entry.labels,
    startTimeNs: entry.startTimeNs,
    assured: entry.assured,
    unreplied: !entry.status.seenReply,
  }) as Flow;
}

function directionOf(
  entry: Entry,
  tuple: Tuple,
  counters: DirectionCounters | undefined,
): FlowDirection {
  const { family, protocol, protocolNumber } = entry;
  const { source, destination, sourceKey, destinationKey, zone } = tuple;
  // The tool prints ports of protocols that the kernel tracks by their addresses alone.
  const noPort = protocol === 'dccp' || protocol === 'udplite' ? 0 : undefined;
  return presentFields({
    family,
    protocol: protocol === 'other' ? 'unknown' : protocol,
    protocolNumber,
    source,
    destination,
    sourcePort: tuple.sourcePort ?? noPort,
    destinationPort: tuple.destinationPort ?? noPort,
    sourceKey,
    destinationKey,
    zone,
    packets: counters?.packetsBig,
    bytes: counters?.bytesBig,
  }) as FlowDirection;
}

function stateOf(entry: Entry): string | undefined {
  // The XML of libnetfilter_conntrack 1.0.9 takes the words for SCTP and DCCP states from
  // the table of TCP; its lines have the right ones.
  const { tcp, sctp, dccp } = entry;
  if (sctp !== undefined) return TCP_STATES[(SCTP_STATES as readonly string[]).indexOf(sctp.state)];
  if (dccp !== undefined) return TCP_STATES[(DCCP_STATES as readonly string[]).indexOf(dccp.state)];
  return tcp?.state;
}

function presentFields(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
