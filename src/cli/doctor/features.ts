/**
 * Asks the running kernel for its features.
 */
import type { FilterPlan, TableSettings, TableStats } from '../../index.js';
import type { Api } from '../command.js';
import { type Attempt, attempt, resultOf } from './attempt.js';

export interface FeatureFound {
  readonly name: string;
  readonly has: boolean | undefined;
  /** Why, or what is done without it. */
  readonly detail: string;
}

export type FeatureApi = Pick<Api, 'explainFilter' | 'listExpectations' | 'readDefaultTimeouts'>;

/** One condition of each kind that a kernel may compare. Nothing is read by it. */
const ASKED = {
  protocol: 'tcp',
  original: { source: '192.0.2.1' },
  assured: true,
  mark: 1,
  zone: 1,
} as const;

/** Their fields in the plan, and their names here. */
const COMPARED = [
  ['filter.original.source', 'compares tuples'],
  ['filter.assured', 'compares the status'],
  ['filter.mark', 'compares marks'],
  ['filter.zone', 'compares zones'],
] as const;

export async function findFeatures(
  api: FeatureApi,
  settings: Attempt<TableSettings>,
  stats: Attempt<TableStats>,
  reading: Attempt<unknown>,
): Promise<FeatureFound[]> {
  const plan = await attempt(() => api.explainFilter(ASKED));
  const expectations = await attempt(async () => api.listExpectations({ id: 0 }));
  const dccp = await attempt(async () => api.readDefaultTimeouts('dccp'));
  const known = resultOf(settings);
  const total = resultOf(stats)?.total;
  return [
    ...COMPARED.map(([field, name]) => compared(plan, field, name)),
    tried('expectations', expectations, reading),
    tried('timeouts of DCCP', dccp, reading),
    seen('accounting (nf_conntrack_acct)', known && known.accounting !== undefined),
    seen('timestamps (nf_conntrack_timestamp)', known && known.timestamps !== undefined),
    seen('events (nf_conntrack_events)', known && known.events !== undefined),
    seen('the counter clashResolve', total && total.clashResolve !== undefined),
    seen('the counter chainTooLong', total && total.chainTooLong !== undefined),
  ];
}

function compared(plan: Attempt<FilterPlan>, field: string, name: string): FeatureFound {
  if (!plan.works) return { name, has: undefined, detail: plan.message };
  const found = plan.value.fields.find((one) => one.field === field);
  return { name, has: found?.evaluatedBy === 'kernel', detail: found?.reason ?? '' };
}

/** Where nothing can be read at all, nobody knows what the kernel has. */
function tried(name: string, attempt: Attempt<unknown>, reading: Attempt<unknown>): FeatureFound {
  if (attempt.works) return { name, has: true, detail: '' };
  const isMissing = reading.works && attempt.code === 'ERR_CONNTRACK_UNSUPPORTED';
  return { name, has: isMissing ? false : undefined, detail: attempt.message };
}

const seen = (name: string, has: boolean | undefined): FeatureFound => ({ name, has, detail: '' });
