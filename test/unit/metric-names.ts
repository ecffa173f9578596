/** The names of the metrics of `conntrack/prometheus`, and those that a text has. */
import {
  EVENT_METRICS,
  FLOW_LOG_METRICS,
  FLOW_METRICS,
  type Metric,
  MIRROR_METRICS,
  MIRROR_UP_METRIC,
  TABLE_METRICS,
  UP_METRIC,
} from '../../src/metrics/definitions.js';

const ALL: readonly Metric<never>[] = [
  ...[UP_METRIC, ...TABLE_METRICS, ...EVENT_METRICS, MIRROR_UP_METRIC, ...MIRROR_METRICS],
  ...[...Object.values(FLOW_METRICS), ...FLOW_LOG_METRICS],
];

export const METRIC_NAMES: ReadonlySet<string> = new Set(
  ALL.map(({ prometheus }) => prometheus.name),
);

/** Also `net.netfilter.nf_conntrack_max` has "conntrack_" in it. */
export function metricsIn(text: string): ReadonlySet<string> {
  return new Set(text.match(/\b(?:conntrack|node_nf_conntrack)_\w+/g));
}
