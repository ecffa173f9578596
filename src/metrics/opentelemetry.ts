/**
 * `conntrack/opentelemetry`: metrics for OpenTelemetry, through `@opentelemetry/api`, an
 * optional peer dependency. See the guide to metrics.
 *
 * @module opentelemetry
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
import { EVENT_METRICS, type Metric, TABLE_METRICS, UP_METRIC } from './definitions.js';
import { type MetricSources, SOURCES } from './options.js';

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
  return metrics.flatMap(({ opentelemetry, help: description, samplesOf }) => {
    if (opentelemetry === undefined) return [];
    const { name, kind, unit } = opentelemetry;
    const options = { description, ...(unit !== undefined && { unit }) };
    return [{ observable: create(meter, kind, name, options), samplesOf }];
  });
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
 * after they were unregistered.
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
  const { conntrack = { readStats }, stream, attributes } = optionsOf(options);
  const up = instrumentsOf(meter, [UP_METRIC]);
  const table = instrumentsOf(meter, TABLE_METRICS);
  const events = stream === undefined ? [] : instrumentsOf(meter, EVENT_METRICS);
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
      },
      [...up, ...events].map(({ observable }) => observable),
    ],
    [
      async (result) => {
        observeAll(result, table, await read());
      },
      table.map(({ observable }) => observable),
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
