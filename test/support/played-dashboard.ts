/**
 * A table that a test plays, for examples/dashboard.
 */
import type { Entry, EntryStream, Finding, PressureSample } from 'conntrack';
import type { Table } from '../../examples/dashboard/monitor.js';

export interface PlayedFlow {
  readonly source: string;
  readonly port: number;
  readonly state?: string;
  /** Of both directions together; absent: the flow has no counters. */
  readonly bytes?: number;
}

/** The flow's id is its port. */
function entryOf({ source, port, state, bytes }: PlayedFlow): Entry {
  const counters = bytes !== undefined && {
    counters: { original: { packets: bytes / 100, bytes }, reply: { packets: 0, bytes: 0 } },
  };
  return {
    id: port,
    protocol: state === undefined ? 'udp' : 'tcp',
    protocolNumber: state === undefined ? 17 : 6,
    status: { seenReply: false, assured: false },
    original: { source, sourcePort: port, destination: '192.0.2.1', destinationPort: 443 },
    ...(state !== undefined && { tcp: { state } }),
    ...counters,
  } as unknown as Entry;
}

export class PlayedTable implements Table {
  flows: PlayedFlow[] = [];
  findings: Finding[] = [];
  maxEntries = 1000;
  entries = 0;
  dropped = { total: 0, perSecond: 0 };
  /** What each call rejects with. */
  failures: { readonly pressure?: Error; readonly table?: Error; readonly diagnosis?: Error } = {};
  /** Holds up the samples. */
  obstacle: Promise<unknown> | undefined;
  readonly calls = { samples: 0, readings: 0, diagnoses: 0 };

  async readPressure(): Promise<PressureSample> {
    this.calls.samples++;
    await this.obstacle;
    if (this.failures.pressure !== undefined) throw this.failures.pressure;
    const { entries, maxEntries } = this;
    const utilization = maxEntries === 0 ? 0 : entries / maxEntries;
    return {
      time: new Date(),
      monotonicSeconds: performance.now() / 1000,
      entries,
      maxEntries,
      utilization,
      level: utilization >= 0.85 ? 'critical' : utilization >= 0.7 ? 'elevated' : 'normal',
      growthPerSecond: 0,
      dropped: this.dropped,
      earlyDropped: { total: 0 },
    };
  }

  streamEntries(): EntryStream {
    this.calls.readings++;
    const { flows, failures } = this;
    const batches = async function* () {
      if (failures.table !== undefined) throw failures.table;
      yield flows.map(entryOf);
    };
    return { batches } as unknown as EntryStream;
  }

  async diagnose(): Promise<Finding[]> {
    this.calls.diagnoses++;
    if (this.failures.diagnosis !== undefined) throw this.failures.diagnosis;
    return this.findings;
  }
}
