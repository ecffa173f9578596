/**
 * `conntrack/opentelemetry`: metrics for OpenTelemetry, through `@opentelemetry/api`, an
 * optional peer dependency. See the guide to metrics.
 *
 * @module conntrack/opentelemetry
 */
import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Meter,
  MetricOptions,
  Observable,
} from '@opentelemetry/api';
import {
  type Check,
  options as checkOptions,
  dictionary,
  instance,
  optional,
} from '../core/check.js';
import type { TableStats } from '../health/stats.js';
import { readStats } from '../table/health.js';
import {
  EVENT_METRICS,
  FLOW_LOG_METRICS,
  type Metric,
  MIRROR_UP_METRIC,
  type Sample,
  TABLE_METRICS,
  UP_METRIC,
} from './definitions.js';
import { flowSourceOf, isOpen, readMirror } from './flow-source.js';
import { type MetricSources, SOURCES } from './options.js';

export type { FlowGroup, MeasuredMirror } from './flow-source.js';

/** Options of {@link registerMetrics}. */
export interface OpenTelemetryOptions extends MetricSources {
  /** Attributes of all values, such as `{ netns: 'blue' }`. */
  readonly attributes?: Attributes | undefined;
}

const checkMeter = instance<Meter>(
  'a Meter',
  ({ addBatchObservableCallback }) => typeof addBatchObservableCallback === 'function',
);

const optionsOf = checkOptions<OpenTelemetryOptions>({
  ...SOURCES,
  attributes: optional(dictionary as Check<Attributes>),
});

/** An instrument, and the samples that a collection gives it. */
interface Instrument<Source> {
  readonly observable: Observable;
  readonly samplesOf: Metric<Source>['samplesOf'];
}

function instrumentsOf<Source>(
  meter: Meter,
  metrics: readonly Metric<Source>[],
): Instrument<Source>[] {
  return metrics.flatMap(({ opentelemetry, help: description, labels, samplesOf }) => {
    if (opentelemetry === undefined) return [];
    const { name, kind, unit } = opentelemetry;
    const options = { description, ...(unit !== undefined && { unit }) };
    const isGroup = kind === 'gauge' && labels.length > 0;
    const observable = create(meter, kind, name, options);
    return [{ observable, samplesOf: isGroup ? withZeros(samplesOf) : samplesOf }];
  });
}

/**
 * A reader with cumulative temporality repeats the last value of what is observed no more. Of what has
 * vanished from a group, that has to be 0.
 */
function withZeros<Source>(samplesOf: Metric<Source>['samplesOf']): Metric<Source>['samplesOf'] {
  let before = new Map<string, Sample['labels']>();
  return (source) => {
    const samples = samplesOf(source);
    const now = new Map(samples.map(({ labels }) => [JSON.stringify(labels), labels]));
    const vanished = [...before].filter(([name]) => !now.has(name));
    before = now;
    return [...samples, ...vanished.map(([, labels]) => ({ labels, value: 0 }))];
  };
}

function create(
  meter: Meter,
  kind: NonNullable<Metric<never>['opentelemetry']>['kind'],
  name: string,
  options: MetricOptions,
): Observable {
  switch (kind) {
    case 'gauge':
      return meter.createObservableGauge(name, options);
    case 'counter':
      return meter.createObservableCounter(name, options);
    case 'up-down counter':
      return meter.createObservableUpDownCounter(name, options);
  }
}

/**
 * Registers metrics of the table as observable instruments of a meter. A collection calls
 * {@link readStats} once, which reads the kernel's counters, not the table, and needs no
 * privileges. When it fails, the collection reports an error, `conntrack.up` is 0, and the others are not
 * observed: a reader with cumulative temporality then repeats their last values, as it does
 * after they were unregistered. The same holds for a mirror that has ended, and `conntrack.mirror.up`.
 *
 * @returns a function that unregisters them
 * @throws TypeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { metrics } from '@opentelemetry/api';
 * import { registerMetrics } from 'conntrack/opentelemetry';
 *
 * registerMetrics(metrics.getMeter('conntrack'));
 * ```
 */
export function registerMetrics(meter: Meter, options?: OpenTelemetryOptions): () => void {
  checkMeter(meter, 'meter');
  const checked = optionsOf(options);
  const { conntrack = { readStats }, stream, mirror, groups, flowLog, attributes } = checked;
  const source = flowSourceOf(mirror, groups);
  const up = instrumentsOf(meter, [UP_METRIC]);
  const table = instrumentsOf(meter, TABLE_METRICS);
  const events = stream === undefined ? [] : instrumentsOf(meter, EVENT_METRICS);
  const mirrorUp = source === undefined ? [] : instrumentsOf(meter, [MIRROR_UP_METRIC]);
  const ofMirror = source === undefined ? [] : instrumentsOf(meter, source.metrics);
  const ofFlowLog = flowLog === undefined ? [] : instrumentsOf(meter, FLOW_LOG_METRICS);
  let reading: Promise<TableStats> | undefined;
  /** Both callbacks of a collection ask, and both do before the answer is there. */
  const read = () => {
    reading ??= conntrack.readStats().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const observeAll = <Source>(
    result: BatchObservableResult,
    instruments: readonly Instrument<Source>[],
    source: Source,
  ) => {
    for (const { observable, samplesOf } of instruments) {
      for (const { labels, value } of samplesOf(source)) {
        result.observe(observable, value, { ...attributes, ...labels });
      }
    }
  };
  // A callback that fails observes nothing.
  const callbacks: [BatchObservableCallback, Observable[]][] = [
    [
      async (result) => {
        const isRead = await read().then(
          () => true,
          () => false,
        );
        observeAll(result, up, isRead);
        if (stream !== undefined) observeAll(result, events, stream.counters);
        if (source !== undefined) observeAll(result, mirrorUp, isOpen(source.mirror));
        if (flowLog !== undefined) observeAll(result, ofFlowLog, flowLog.counters);
      },
      [...up, ...events, ...mirrorUp, ...ofFlowLog].map(({ observable }) => observable),
    ],
    [
      async (result) => {
        observeAll(result, table, await read());
      },
      table.map(({ observable }) => observable),
    ],
    [
      async (result) => {
        if (source !== undefined) observeAll(result, ofMirror, readMirror(source));
      },
      ofMirror.map(({ observable }) => observable),
    ],
  ];
  for (const [callback, observables] of callbacks) {
    meter.addBatchObservableCallback(callback, observables);
  }
  return () => {
    for (const [callback, observables] of callbacks) {
      meter.removeBatchObservableCallback(callback, observables);
    }
  };
}
