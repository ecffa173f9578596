/**
 * Sums of records.
 *
 * @module
 */
import { isArray } from '../core/check.js';
import { typeError } from '../core/errors.js';
import type { Protocol } from '../core/names.js';
import type { FlowNoticeCode, FlowOutcome, FlowRecord, FlowTraffic } from './flow-record.js';
import type { FlowWriter } from './writer.js';

/** Sums of the flow records of a protocol. */
export interface ProtocolCounters {
  /** Records by outcome; a part of an open flow is one, too. */
  readonly records: Readonly<Record<FlowOutcome, number>>;
  /** What flows without counters had is not in it. */
  readonly traffic: FlowTraffic;
}

/** Sums of records. */
export interface FlowCounters {
  /** A protocol without records is absent. */
  readonly protocols: ReadonlyMap<Protocol, ProtocolCounters>;
  /** Records of flows that may lack traffic. */
  readonly estimated: number;
  /** Events that the records report as lost, by cause. */
  readonly lostInKernel: number;
  readonly lostInQueue: number;
  /** Milliseconds in which no recorder ran. */
  readonly gapMs: number;
  readonly notices: Readonly<Record<FlowNoticeCode, number>>;
}

/** The same, while it grows. */
interface Sums {
  readonly records: Record<FlowOutcome, number>;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
}

/**
 * A writer that counts records and keeps none: `registerMetrics()` of `conntrack/prometheus` and of
 * `conntrack/opentelemetry` takes it as `flowLog`. Beside other writers it counts each record once,
 * also where `retry` writes to another one again.
 *
 * @example
 * ```ts
 * import { FlowTotals, recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { registerMetrics } from 'conntrack/prometheus';
 *
 * const flowLog = new FlowTotals();
 * registerMetrics({ flowLog });
 * await writeFlows(recordFlows({ interval: '60s' }), flowLog);
 * ```
 */
export class FlowTotals implements FlowWriter {
  readonly #protocols = new Map<Protocol, Sums>();
  readonly #lost = { kernel: 0, queue: 0 };
  readonly #notices: Record<FlowNoticeCode, number> = {
    'accounting-off': 0,
    'timestamps-off': 0,
    'events-off': 0,
    'older-flows-silent': 0,
    'settings-unreadable': 0,
    'reliability-ended': 0,
    finished: 0,
  };
  #estimated = 0;
  #gapMs = 0;

  /** What was counted up to now: a copy. */
  get counters(): FlowCounters {
    const protocols = Array.from(
      this.#protocols,
      ([protocol, { records, packets, bytes, replyPackets, replyBytes }]) => {
        const traffic: FlowTraffic = {
          original: { packets, bytes },
          reply: { packets: replyPackets, bytes: replyBytes },
        };
        return [protocol, { records: { ...records }, traffic }] as const;
      },
    );
    return {
      protocols: new Map(protocols),
      estimated: this.#estimated,
      lostInKernel: this.#lost.kernel,
      lostInQueue: this.#lost.queue,
      gapMs: this.#gapMs,
      notices: { ...this.#notices },
    };
  }

  /** Adds the records to the sums. */
  async write(records: readonly FlowRecord[]): Promise<void> {
    if (!isArray(records, 'records')) throw typeError('records', 'must be an array of records');
    for (const record of records) {
      switch (record.type) {
        case 'flow': {
          const sums = this.#sumsOf(record.protocol);
          sums.records[record.outcome]++;
          if (record.estimated) this.#estimated++;
          const { traffic } = record;
          if (traffic === undefined) break;
          sums.packets += traffic.original.packets;
          sums.bytes += traffic.original.bytes;
          sums.replyPackets += traffic.reply.packets;
          sums.replyBytes += traffic.reply.bytes;
          break;
        }
        case 'lost':
          this.#lost[record.cause] += record.count;
          break;
        case 'gap':
          this.#gapMs += Math.max(0, record.to.getTime() - record.from.getTime());
          break;
        case 'notice':
          this.#notices[record.code]++;
          break;
      }
    }
  }

  #sumsOf(protocol: Protocol): Sums {
    let sums = this.#protocols.get(protocol);
    if (sums === undefined) {
      const records = { open: 0, expired: 0, deleted: 0, unobserved: 0 };
      sums = { records, packets: 0, bytes: 0, replyPackets: 0, replyBytes: 0 };
      this.#protocols.set(protocol, sums);
    }
    return sums;
  }
}
