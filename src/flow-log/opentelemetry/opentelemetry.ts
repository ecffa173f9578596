/**
 * `conntrack/flow-log/opentelemetry`: records of flows as logs of OpenTelemetry, through an exporter of
 * its SDK. See the guide to flow logs in OpenTelemetry.
 *
 * @module conntrack/flow-log/opentelemetry
 */
import { FlowExporter } from './flow-exporter.js';
import { type ExportFlowsOptions, exportOptionsOf } from './options.js';

export type { FlowExporter, FlowLogExporter } from './flow-exporter.js';
export type { FlowLogRecord, LogResource, LogValue } from './log-record.js';
export type { ExportFlowsOptions } from './options.js';

/**
 * Returns a writer that exports each record as a log record, with the names of the semantic conventions
 * where there are any, and `conntrack.*` for the rest.
 *
 * A write resolves when the exporter has reported success for all its batches, one after the other, and
 * rejects when it has not: nothing is queued or dropped. OTLP delivers at least once; the attribute
 * `log.record.uid` is the same in a repetition, and in no other log record.
 *
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { exportFlows } from 'conntrack/flow-log/opentelemetry';
 *
 * const exporter = new OTLPLogExporter({ url: 'http://127.0.0.1:4318/v1/logs' });
 * await using flows = exportFlows({ exporter, resource: { 'service.name': 'gateway' } });
 * await writeFlows(recordFlows({ interval: '60s' }), flows, {
 *   retry: (error, failures) => {
 *     console.error(error);
 *     return Math.min(1000 * 2 ** failures, 60_000);
 *   },
 * });
 * ```
 */
export function exportFlows(options: ExportFlowsOptions): FlowExporter {
  return new FlowExporter(exportOptionsOf(options));
}
