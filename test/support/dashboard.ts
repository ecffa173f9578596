/** The queries of docs/grafana-dashboard.json. */
import { readFileSync } from 'node:fs';

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
}

interface Override {
  readonly matcher: { readonly id: string; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

interface FieldConfig {
  readonly defaults: {
    readonly unit?: string;
    readonly min?: number;
    readonly decimals?: number;
    readonly noValue?: string;
    readonly thresholds: { readonly steps: readonly { readonly color: string }[] };
  };
  readonly overrides: readonly Override[];
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly h: number;
    readonly w: number;
    readonly x: number;
    readonly y: number;
  };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: FieldConfig;
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

export const source = readFileSync(
  new URL('../../docs/grafana-dashboard.json', import.meta.url),
  'utf8',
);
export const dashboard = JSON.parse(source) as Dashboard;

/** What Grafana makes of them for all jobs and instances, and a rate over this time. */
export function queriesFor(rateInterval: string): { panel: string; expr: string }[] {
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expr: expr
        .replaceAll('$__rate_interval', rateInterval)
        .replaceAll(/\$(?:job|instance)\b/g, '.*'),
    })),
  );
}
