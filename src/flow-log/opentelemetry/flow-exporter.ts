/**
 * The writer that exports records as logs.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { randomUUID } from 'node:crypto';
import { isArray } from '../../core/check.js';
import { closedError, typeError } from '../../core/errors.js';
import type { FlowRecord } from '../flow-record.js';
import type { FlowWriter } from '../writer.js';
import { failureOf } from './failure.js';
import { type FlowLogRecord, type LogResource, type LogValue, logRecordOf } from './log-record.js';

const OPERATION = 'exportFlows';

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`. */
const SUCCESS = 0;

/** A `LogRecordExporter` of `@opentelemetry/sdk-logs`, such as `OTLPLogExporter`. */
export interface FlowLogExporter {
  /** Sends log records, and calls back once. */
  export(
    logs: FlowLogRecord[],
    done: (result: { readonly code: number; readonly error?: Error }) => void,
  ): void;
  /** Ends it. */
  shutdown(): Promise<void>;
}

/** Options that were checked. */
export interface FlowExporterOptions {
  readonly exporter: FlowLogExporter;
  readonly resource: Readonly<Record<string, LogValue>>;
  readonly batchSize: number;
  readonly timeoutMs: number;
}

/**
 * A writer that hands records to an exporter, a batch at a time. A write resolves when the exporter has
 * reported success for all of them.
 *
 * @example
 * ```ts
 * import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { exportFlows } from 'conntrack/flow-log/opentelemetry';
 *
 * const exporter = new OTLPLogExporter({ url: 'http://127.0.0.1:4318/v1/logs' });
 * await using flows = exportFlows({ exporter });
 * const retry = (error: unknown) => {
 *   console.warn(error);
 *   return 1000;
 * };
 * await writeFlows(recordFlows(), flows, { retry });
 * ```
 */
export class FlowExporter implements FlowWriter, AsyncDisposable {
  readonly #options: FlowExporterOptions;
  readonly #resource: LogResource;
  /** Of records without a name, such as a loss: the same in a repetition. */
  readonly #uids = new WeakMap<FlowRecord, string>();
  /** The records of the last write if it failed, and how many of them had been exported. */
  #failed: { readonly records: readonly FlowRecord[]; readonly exported: number } | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(options: FlowExporterOptions) {
    this.#options = options;
    const attributes = { ...options.resource };
    const resource: LogResource = {
      attributes,
      merge: () => resource,
      getRawAttributes: () => Object.entries(attributes),
    };
    this.#resource = resource;
  }

  /**
   * Exports the records. After a failure, another write of the same array goes on with the batch that has
   * failed.
   *
   * @throws Error when the exporter fails or does not answer in time; `cause` has its error.
   * @throws `ConntrackError` with `ERR_CONNTRACK_CLOSED` after `close()`.
   */
  async write(records: readonly FlowRecord[]): Promise<void> {
    if (!isArray(records, 'records')) throw typeError('records', 'must be an array of records');
    if (this.#closed !== undefined) throw closedError(OPERATION, 'exporter');
    const writing = this.#exportAll(records);
    this.#running = writing.catch(() => undefined);
    await writing;
  }

  /** Waits for a write that is under way, and shuts the exporter down. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#running.then(() => this.#options.exporter.shutdown());
    return this.#closed;
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #exportAll(records: readonly FlowRecord[]): Promise<void> {
    const { batchSize } = this.#options;
    let exported = this.#failed?.records === records ? this.#failed.exported : 0;
    this.#failed = undefined;
    while (exported < records.length) {
      const batch = records.slice(exported, exported + batchSize);
      try {
        await this.#export(batch);
      } catch (error) {
        this.#failed = { records, exported };
        throw failureOf(error, batch.length, records.length - exported, records.length);
      }
      exported += batch.length;
    }
  }

  #export(batch: readonly FlowRecord[]): Promise<void> {
    const { exporter, timeoutMs } = this.#options;
    const now = new Date();
    const logs = batch.map((one) => logRecordOf(one, this.#uidOf(one), this.#resource, now));
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the exporter has not answered for ${timeoutMs} ms`));
      }, timeoutMs);
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      try {
        exporter.export(logs, ({ code, error }) => {
          if (code !== SUCCESS) fail(error ?? new Error('the exporter has failed'));
          clearTimeout(timer);
          resolve();
        });
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  #uidOf(record: FlowRecord): string {
    if (record.type === 'flow') return `${record.flow}/${record.part}`;
    let uid = this.#uids.get(record);
    if (uid === undefined) {
      uid = randomUUID();
      this.#uids.set(record, uid);
    }
    return uid;
  }
}
