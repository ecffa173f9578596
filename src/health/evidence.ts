/**
 * Gathers the evidence of a diagnosis. Changes nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConntrackError, errorOfFailure, isSocketForbidden } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { readProcFiles } from '../core/proc-files.js';
import type { EntryStream, ReadOptions } from '../entry/stream.js';
import { count, emptyCensus } from './census.js';
import type { Evidence } from './diagnose.js';
import { numberIn } from './proc-number.js';
import type { TableSettings } from './settings.js';
import type { TableStats } from './stats.js';

/** The functions that a diagnosis calls; a `Conntrack` has them. */
interface Source {
  readStats(): Promise<TableStats>;
  readSettings(): Promise<TableSettings>;
  streamEntries(filter?: undefined, options?: ReadOptions): EntryStream;
}

export async function gatherEvidence(
  source: Source,
  netns: NetNamespaceArgument,
): Promise<Evidence> {
  const settings = await settingsOrNone(source);
  const before = await source.readStats();
  const moment = sleep(LIMITS.shortestLookMs);
  const { census, refusal } = await takeCensus(source.streamEntries(), settings);
  const dying = census && (await countOf(source.streamEntries(undefined, { table: 'dying' })));
  const [snmp, snmp6, rmemMax] = readProcFiles('diagnose', netns, [
    '/proc/thread-self/net/snmp',
    '/proc/thread-self/net/snmp6',
    '/proc/sys/net/core/rmem_max',
  ]);
  await moment;
  const granted = grantedBytes(netns);
  return {
    before,
    after: await source.readStats(),
    settings,
    refusal,
    census,
    dying,
    receiveBuffer: granted === undefined ? undefined : { granted, largest: numberIn(rmemMax.text) },
    traffic: trafficOf(snmp.text, snmp6.text),
  };
}

/** Where /proc/sys is hidden, netlink may still have the counters. */
async function settingsOrNone(source: Source): Promise<TableSettings> {
  try {
    return await source.readSettings();
  } catch (error) {
    if (error instanceof ConntrackError && error.code === 'ERR_CONNTRACK_UNSUPPORTED') return {};
    throw error;
  }
}

/** `undefined`: a sandbox forbids netlink sockets. */
function grantedBytes(netns: NetNamespaceArgument): number | undefined {
  const { bytes, failure } = loadAddon().grantedReceiveBuffer(netns, LIMITS.receiveBufferBytes);
  const error = failure && errorOfFailure('diagnose', failure);
  if (error !== undefined && !isSocketForbidden(error)) throw error;
  return bytes;
}

/** Returns the refusal instead of throwing: the other evidence remains. */
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

/** `undefined`: the kernel has no such list. */
async function countOf(stream: EntryStream): Promise<number | undefined> {
  let count = 0;
  try {
    for await (const batch of stream.batches()) count += batch.length;
    return count;
  } catch (error) {
    if (error instanceof ConntrackError) return undefined;
    throw error;
  }
}

/**
 * Packets since the network namespace began, and TCP connections that are open: of IPv4 at
 * least, for a kernel may have no IPv6.
 */
export function trafficOf(snmp = '', snmp6 = ''): Evidence['traffic'] {
  const lines = snmp.split('\n').map((line) => line.split(' '));
  const value = (group: string, name: string) => {
    const [names = [], values = []] = lines.filter(([first]) => first === `${group}:`);
    return numberIn(values[names.indexOf(name)]);
  };
  const value6 = (name: string) =>
    numberIn(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(snmp6)?.[1]) ?? 0;
  const received = value('Ip', 'InReceives');
  const sent = value('Ip', 'OutRequests');
  const tcpConnections = value('Tcp', 'CurrEstab');
  if (received === undefined || sent === undefined || tcpConnections === undefined) {
    return undefined;
  }
  const packets = received + sent + value6('Ip6InReceives') + value6('Ip6OutRequests');
  return { packets, tcpConnections };
}
