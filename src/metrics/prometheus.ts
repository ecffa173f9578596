/**
 * `conntrack/prometheus`: metrics for Prometheus, through `prom-client`, an optional peer
 * dependency. See the guide to metrics.
 *
 * @module prometheus
 */
import { Counter, Gauge, type OpenMetricsContentType, type Registry, register } from 'prom-client';
import { options as checkOptions, instance, optional } from '../core/check.js';
import { readStats } from '../table/health.js';
import { EVENT_METRICS, type Metric, type Sample, TABLE_METRICS } from './definitions.js';
import { type MetricSources, SOURCES } from './options.js';

/** Options of {@link registerMetrics}. */
export interface PrometheusOptions extends MetricSources {
  /** The registry. Default: prom-client's `register`. */
  readonly registry?: Registry | Registry<OpenMetricsContentType> | undefined;
}

const optionsOf = checkOptions<PrometheusOptions>({
  ...SOURCES,
  registry: optional(
    instance<Registry>(
      'a Registry',
      ({ registerMetric, removeSingleMetric }) =>
        typeof registerMetric === 'function' && typeof removeSingleMetric === 'function',
    ),
  ),
});

/** What gauges and counters of prom-client have in common. */
interface Settable {
  reset(): void;
  remove(labels: object): void;
  inc(labels: Sample['labels'], value: number): void;
}

/** Registers one metric. Gives what sets its samples. */
function addTo<Source>(
  registry: Registry | Registry<OpenMetricsContentType>,
  { prometheus: { name, type }, help, labels: labelNames, samplesOf }: Metric<Source>,
  collect: () => Promise<void>,
): (source: Source) => void {
  const config = { name, help, labelNames, registers: [registry], collect };
  const metric: Settable = type === 'gauge' ? new Gauge(config) : new Counter(config);
  return (source) => {
    metric.reset();
    metric.remove({}); // without labels, prom-client has reset it to 0
    for (const { labels, value } of samplesOf(source)) metric.inc(labels, value);
  };
}

/**
 * Registers metrics of the table. A scrape calls {@link readStats} once, which reads the
 * kernel's counters, not the table, and needs no privileges. When it fails, the scrape fails.
 *
 * @returns a function that removes them from the registry
 * @throws Error of prom-client, when the registry has such metrics already.
 * @throws TypeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { registerMetrics } from 'conntrack/prometheus';
 * import { register } from 'prom-client';
 *
 * registerMetrics();
 * console.log(await register.metrics());
 * ```
 */
export function registerMetrics(options?: PrometheusOptions): () => void {
  const { registry = register, conntrack = { readStats }, stream } = optionsOf(options);
  let scrape: Promise<void> | undefined;
  const collect = () => {
    // Every metric of a scrape asks, and all do before the answer is there.
    scrape ??= update().finally(() => {
      scrape = undefined;
    });
    return scrape;
  };
  const add = <Source>(metric: Metric<Source>) => addTo(registry, metric, collect);
  const table = TABLE_METRICS.map(add);
  const events = stream === undefined ? [] : EVENT_METRICS.map(add);
  async function update(): Promise<void> {
    const stats = await conntrack.readStats();
    for (const set of table) set(stats);
    if (stream !== undefined) for (const set of events) set(stream.counters);
  }

  return () => {
    for (const { prometheus } of [...TABLE_METRICS, ...EVENT_METRICS]) {
      registry.removeSingleMetric(prometheus.name);
    }
  };
}
