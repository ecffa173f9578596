/**
 * Gathers what a diagnosis stands on. Changes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConntrackError } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import type { Entry } from '../entry/entry.js';
import type { EntryStream } from '../entry/stream.js';
import { DEFAULT_RECEIVE_BUFFER } from '../event/stream.js';
import { type Census, type Evidence, emptyCensus, REASONABLE_TIMEOUTS } from './diagnose.js';
import type { TableSettings } from './settings.js';
import type { TableStats } from './stats.js';

/** What is asked of the table; a `Conntrack` is one. */
interface Source {
  readStats(): Promise<TableStats>;
  readSettings(): Promise<TableSettings>;
  streamEntries(): EntryStream;
}

/** So that a counter that moves is seen to move. */
const SHORTEST_LOOK_MS = 500;

export async function gatherEvidence(
  source: Source,
  netns: NetNamespaceArgument,
): Promise<Evidence> {
  const settings = await source.readSettings();
  const before = await source.readStats();
  const moment = sleep(SHORTEST_LOOK_MS);
  const { census, refusal } = await takeCensus(source.streamEntries(), settings);
  const [snmp = '', snmp6 = '', largest = ''] = await readTexts(netns, [
    '/proc/thread-self/net/snmp',
    '/proc/thread-self/net/snmp6',
    '/proc/sys/net/core/rmem_max',
  ]);
  await moment;
  const { bytes } = loadAddon().grantedReceiveBuffer(netns, DEFAULT_RECEIVE_BUFFER);
  return {
    before,
    after: await source.readStats(),
    settings,
    refusal,
    census,
    receiveBuffer:
      bytes === undefined || largest === ''
        ? undefined
        : { granted: bytes, largest: Number(largest) },
    traffic: trafficOf(snmp, snmp6),
  };
}

async function readTexts(netns: NetNamespaceArgument, paths: readonly string[]) {
  return (await loadAddon().readFiles(netns, paths)).map(({ text }) => text);
}

/** Where it is refused, the rest can still be looked at. */
async function takeCensus(
  stream: EntryStream,
  settings: TableSettings,
): Promise<Pick<Evidence, 'census' | 'refusal'>> {
  try {
    const census = emptyCensus();
    for await (const batch of stream.batches()) {
      const now = Date.now();
      for (const entry of batch) count(census, entry, settings, now);
    }
    return { census, refusal: undefined };
  } catch (error) {
    if (!(error instanceof ConntrackError)) throw error;
    if (error.code === 'EPERM') return { census: undefined, refusal: 'EPERM' };
    if (error.code === 'ERR_CONNTRACK_UNSUPPORTED') {
      return { census: undefined, refusal: 'UNSUPPORTED' };
    }
    throw error;
  }
}

/** @internal */
export function count(census: Census, entry: Entry, settings: TableSettings, now: number): void {
  census.entries++;
  if (entry.counters === undefined) census.withoutCounters++;
  if (entry.startTimeNs === undefined) census.withoutTimestamps++;
  if (entry.protocol !== 'tcp' || entry.tcp?.state !== 'ESTABLISHED') return;
  census.established++;
  const idle = idleSeconds(entry, settings, now);
  for (const limit of REASONABLE_TIMEOUTS) if (idle > limit) census.idle[limit]++;
}

/**
 * Each packet sets the timeout of an established connection anew, so that what is left
 * tells how long ago the last one came; unless data waits for an acknowledgement, which
 * has a shorter timeout of its own.
 */
function idleSeconds(
  { timeout, startTime }: Entry,
  {
    tcpEstablishedTimeout,
    tcpUnacknowledgedTimeout = 300,
    tcpMaxRetransTimeout = 300,
  }: TableSettings,
  now: number,
): number {
  if (timeout === undefined || tcpEstablishedTimeout === undefined) return 0;
  if (timeout <= Math.max(tcpUnacknowledgedTimeout, tcpMaxRetransTimeout)) return 0;
  const age =
    startTime === undefined ? Number.POSITIVE_INFINITY : (now - startTime.getTime()) / 1000;
  return Math.min(tcpEstablishedTimeout - timeout, age);
}

/** Packets since the network namespace began, and TCP connections that are open. */
export function trafficOf(snmp: string, snmp6: string): Evidence['traffic'] {
  const lines = snmp.split('\n').map((line) => line.split(' '));
  const value = (group: string, name: string) => {
    const [names = [], values = []] = lines.filter(([first]) => first === `${group}:`);
    return Number(values[names.indexOf(name)] ?? 0);
  };
  const value6 = (name: string) =>
    Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(snmp6)?.[1] ?? 0);
  const packets =
    value('Ip', 'InReceives') +
    value('Ip', 'OutRequests') +
    value6('Ip6InReceives') +
    value6('Ip6OutRequests');
  return { packets, tcpConnections: value('Tcp', 'CurrEstab') };
}
