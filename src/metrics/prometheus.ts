/**
 * `conntrack/prometheus`: metrics for Prometheus, through `prom-client`, an optional peer
 * dependency. See the guide to metrics.
 *
 * @module conntrack/prometheus
 */
import { Counter, Gauge, type OpenMetricsContentType, type Registry, register } from 'prom-client';
import { options as checkOptions, dictionary, instance, optional } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { readStats } from '../table/health.js';
import {
  EVENT_METRICS,
  FLOW_LOG_METRICS,
  type Metric,
  MIRROR_UP_METRIC,
  type MirrorReading,
  type Sample,
  TABLE_METRICS,
  UP_METRIC,
} from './definitions.js';
import { type FlowSource, flowSourceOf, readMirror } from './flow-source.js';
import { type MetricSources, SOURCES } from './options.js';

export type { FlowGroup, MeasuredMirror } from './flow-source.js';

/** Options of {@link registerMetrics}. */
export interface PrometheusOptions extends MetricSources {
  /** The registry. Default: prom-client's `register`. */
  readonly registry?: Registry | Registry<OpenMetricsContentType> | undefined;
  /**
   * Labels of all samples, such as `{ netns: 'blue' }`: they tell several tables in one registry
   * apart, each of which has a value for each of the labels.
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

type AnyRegistry = NonNullable<PrometheusOptions['registry']>;
type Labels = Readonly<Record<string, string>>;

const optionsOf = checkOptions<PrometheusOptions>({
  ...SOURCES,
  registry: optional(
    instance<Registry>(
      'a Registry',
      ({ registerMetric, removeSingleMetric }) =>
        typeof registerMetric === 'function' && typeof removeSingleMetric === 'function',
    ),
  ),
  labels: optional(labels),
});

function labels(value: unknown, path: string): Labels {
  const all = dictionary(value, path);
  for (const [name, text] of Object.entries(all)) {
    if (typeof text !== 'string') throw typeError(`${path}.${name}`, 'must be a string');
  }
  return all as Labels;
}

/** What gauges and counters of prom-client have in common. */
interface Settable {
  reset(): void;
  remove(labels: object): void;
  inc(labels: Sample['labels'], value: number): void;
}

/** One table on the page, and how its samples are read. */
interface Source {
  readonly conntrack: NonNullable<MetricSources['conntrack']>;
  readonly labels: Labels;
  readonly stream: MetricSources['stream'];
  readonly mirror: FlowSource | undefined;
  readonly flowLog: MetricSources['flowLog'];
}

function metricsOf({ stream, mirror, flowLog }: Source): readonly Metric<never>[] {
  const ofStream = stream === undefined ? [] : EVENT_METRICS;
  const ofMirror = mirror === undefined ? [] : [MIRROR_UP_METRIC, ...mirror.metrics];
  const ofFlowLog = flowLog === undefined ? [] : FLOW_LOG_METRICS;
  return [UP_METRIC, ...TABLE_METRICS, ...ofStream, ...ofMirror, ...ofFlowLog];
}

function requireOtherLabels(source: Source): void {
  const own = new Set(metricsOf(source).flatMap(({ labels }) => labels));
  for (const name of Object.keys(source.labels)) {
    if (own.has(name)) throw typeError(`options.labels.${name}`, 'is a label of a metric here');
  }
}

/** The metrics in one registry, of all tables that were registered there. */
class Page {
  readonly #registry: AnyRegistry;
  readonly #labelNames: readonly string[];
  readonly #sources = new Set<Source>();
  /** By name. */
  readonly #metrics = new Map<string, Settable>();
  #scrape: Promise<void> | undefined;

  constructor(registry: AnyRegistry, labelNames: readonly string[]) {
    this.#registry = registry;
    this.#labelNames = labelNames;
  }

  /** Whether nobody has removed the metrics from the registry. */
  get isIntact(): boolean {
    return [...this.#metrics].every(([name, metric]) => this.#isOurs(name, metric));
  }

  add(source: Source): void {
    const names = Object.keys(source.labels).sort();
    if (String(names) !== String(this.#labelNames)) {
      const known = this.#labelNames.length === 0 ? 'no labels' : this.#labelNames.join(', ');
      throw typeError('options.labels', `the tables in this registry have ${known}`);
    }
    for (const { labels } of this.#sources) {
      if (this.#labelNames.every((name) => labels[name] === source.labels[name])) {
        throw new Error('A table with these labels has already been registered in this registry.');
      }
    }
    const missing = metricsOf(source).filter(
      ({ prometheus: { name } }) => !this.#metrics.has(name),
    );
    // All are looked at before the first is registered.
    for (const { prometheus } of missing) {
      if (this.#registry.getSingleMetric(prometheus.name) === undefined) continue;
      throw new Error(`A metric with the name ${prometheus.name} has already been registered.`);
    }
    for (const metric of missing) this.#register(metric);
    this.#sources.add(source);
  }

  /** Removes what no other table has. */
  remove(source: Source): void {
    if (!this.#sources.delete(source)) return;
    const kept = new Set(
      [...this.#sources].flatMap(metricsOf).map(({ prometheus }) => prometheus.name),
    );
    for (const [name, metric] of this.#metrics) {
      if (kept.has(name)) continue;
      if (this.#isOurs(name, metric)) this.#registry.removeSingleMetric(name);
      this.#metrics.delete(name);
    }
  }

  get isEmpty(): boolean {
    return this.#sources.size === 0;
  }

  #isOurs(name: string, metric: Settable): boolean {
    return (this.#registry.getSingleMetric(name) as unknown) === metric;
  }

  #register({ prometheus: { name, type }, help, labels }: Metric<never>): void {
    const config = {
      name,
      help,
      labelNames: [...labels, ...this.#labelNames],
      registers: [this.#registry],
      collect: () => this.#collect(),
    };
    this.#metrics.set(name, type === 'gauge' ? new Gauge(config) : new Counter(config));
  }

  /** Every metric of a scrape asks, and all do before the answer is there. */
  #collect(): Promise<void> {
    this.#scrape ??= this.#update().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
  }

  /** A table that cannot be read leaves the others their samples, and has none. */
  async #update(): Promise<void> {
    const sources = [...this.#sources];
    const readings = await Promise.allSettled(
      sources.map(async ({ conntrack }) => conntrack.readStats()),
    );
    for (const metric of this.#metrics.values()) {
      metric.reset();
      metric.remove({}); // without labels, prom-client has reset it to 0
    }
    for (const [index, source] of sources.entries()) {
      if (!this.#sources.has(source)) continue; // removed meanwhile
      const reading = readings[index];
      const isRead = reading?.status === 'fulfilled';
      this.#set(source, UP_METRIC, isRead);
      if (isRead) for (const one of TABLE_METRICS) this.#set(source, one, reading.value);
      const { stream, mirror, flowLog } = source;
      if (stream !== undefined) {
        for (const one of EVENT_METRICS) this.#set(source, one, stream.counters);
      }
      if (mirror !== undefined) this.#setMirror(source, mirror);
      if (flowLog !== undefined) {
        const { counters } = flowLog;
        for (const one of FLOW_LOG_METRICS) this.#set(source, one, counters);
      }
    }
  }

  #setMirror(source: Source, mirror: FlowSource): void {
    let reading: MirrorReading | undefined;
    try {
      reading = readMirror(mirror);
    } catch {
      // It has ended, and its owner hears why.
    }
    this.#set(source, MIRROR_UP_METRIC, reading !== undefined);
    if (reading === undefined) return;
    for (const one of mirror.metrics) this.#set(source, one, reading);
  }

  #set<Of>(source: Source, { prometheus, samplesOf }: Metric<Of>, of: Of): void {
    const metric = this.#metrics.get(prometheus.name);
    for (const { labels, value } of samplesOf(of)) {
      metric?.inc({ ...labels, ...source.labels }, value);
    }
  }
}

const pages = new WeakMap<AnyRegistry, Page>();

/**
 * Registers metrics of a table. A scrape calls {@link readStats} once for each table, which reads
 * the kernel's counters, not the table, and needs no privileges. When it fails, the samples of that
 * table are absent, and its `conntrack_up` is 0; all others remain. The same holds for a mirror that
 * has ended, and `conntrack_mirror_up`.
 *
 * Several tables share the metrics of a registry: `labels` tell them apart.
 *
 * @returns a function that removes what it has registered, and nothing else
 * @throws Error when the registry has a metric with one of the names, or a table with the same
 * labels; then nothing was registered.
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
  const {
    registry = register,
    conntrack = { readStats },
    stream,
    labels: own = {},
    mirror,
    groups,
    flowLog,
  } = optionsOf(options);
  const flows = flowSourceOf(mirror, groups);
  const source: Source = { conntrack, stream, mirror: flows, flowLog, labels: own };
  requireOtherLabels(source);
  const known = pages.get(registry);
  const page =
    known !== undefined && !known.isEmpty && known.isIntact
      ? known
      : new Page(registry, Object.keys(own).sort());
  page.add(source);
  pages.set(registry, page);
  return () => {
    page.remove(source);
  };
}
