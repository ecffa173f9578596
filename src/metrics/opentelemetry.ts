/**
 * `conntrack/opentelemetry`: metrics for OpenTelemetry, through `@opentelemetry/api`, an
 * optional peer dependency. See the guide to metrics.
 *
 * @module opentelemetry
 */
import type {
  Attributes,
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
import { readStats } from '../table/health.js';
import { EVENT_METRICS, type Metric, TABLE_METRICS } from './definitions.js';
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
 * privileges. When it fails, the collection reports an error and no values of these
 * instruments.
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
  const table = instrumentsOf(meter, TABLE_METRICS);
  const events = stream === undefined ? [] : instrumentsOf(meter, EVENT_METRICS);
  const observables = [...table, ...events].map(({ observable }) => observable);
  const callback = async (result: BatchObservableResult) => {
    const observeAll = <Source>(instruments: readonly Instrument<Source>[], source: Source) => {
      for (const { observable, samplesOf } of instruments) {
        for (const { labels, value } of samplesOf(source)) {
          result.observe(observable, value, { ...attributes, ...labels });
        }
      }
    };
    observeAll(table, await conntrack.readStats());
    if (stream !== undefined) observeAll(events, stream.counters);
  };
  meter.addBatchObservableCallback(callback, observables);
  return () => {
    meter.removeBatchObservableCallback(callback, observables);
  };
}
