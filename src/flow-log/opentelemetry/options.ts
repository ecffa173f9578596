/**
 * Options of `exportFlows`.
 *
 * @module
 */
import { hostname } from 'node:os';
import {
  type Check,
  dictionary,
  instance,
  integer,
  isArray,
  object,
  optional,
} from '../../core/check.js';
import { typeError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { FlowExporterOptions, FlowLogExporter } from './flow-exporter.js';
import type { LogValue } from './log-record.js';

/** Options of `exportFlows()`. */
export interface ExportFlowsOptions {
  /** Sends the log records, such as `new OTLPLogExporter({ url })`. `close()` shuts it down. */
  readonly exporter: FlowLogExporter;
  /**
   * Attributes of the resource: what sends the records. Default: `service.name` is `conntrack`, and
   * `host.name` the name of the host.
   */
  readonly resource?: Readonly<Record<string, LogValue>> | undefined;
  /** The most records in a request. Default: 512. */
  readonly batchSize?: number | undefined;
  /** How long the exporter has for a batch, with all its own tries. Default: 30,000 ms. */
  readonly timeoutMs?: number | undefined;
}

const resource: Check<Readonly<Record<string, LogValue>>> = (value, path) => {
  const all = dictionary(value, path);
  for (const [name, one] of Object.entries(all)) {
    const isText = (text: unknown) => typeof text === 'string';
    const isValue =
      isText(one) ||
      Number.isFinite(one) ||
      typeof one === 'boolean' ||
      (isArray(one, `${path}.${name}`) && one.every(isText));
    if (!isValue) {
      throw typeError(`${path}.${name}`, 'must be a string, a number, a boolean or strings');
    }
  }
  return all as Readonly<Record<string, LogValue>>;
};

const checked = object<ExportFlowsOptions>({
  exporter: instance<FlowLogExporter>(
    'a LogRecordExporter',
    ({ export: exportLogs, shutdown }) =>
      typeof exportLogs === 'function' && typeof shutdown === 'function',
  ),
  resource: optional(resource),
  batchSize: optional(integer(1, LIMITS.flowsInWrite)),
  timeoutMs: optional(integer(1, LIMITS.longestIntervalMs)),
});

export function exportOptionsOf(options: ExportFlowsOptions): FlowExporterOptions {
  const given = checked(options, 'options');
  return {
    exporter: given.exporter,
    resource: given.resource ?? { 'service.name': 'conntrack', 'host.name': hostname() },
    batchSize: given.batchSize ?? LIMITS.logsInBatch,
    timeoutMs: given.timeoutMs ?? LIMITS.exportTimeoutMs,
  };
}
