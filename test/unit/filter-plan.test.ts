/** What explainFilter() says of the answers of a kernel. */
import type { EntryFilter, PlannedField } from 'conntrack';
import { describe, expect, it, vi } from 'vitest';
import type { FilterSupport } from '../../src/core/native.js';

const kernel = vi.hoisted(() => ({ support: {} }));
vi.mock('../../src/core/load-addon.js', async (original) => {
  const { loadAddon } = await original<typeof import('../../src/core/load-addon.js')>();
  return { loadAddon: () => ({ ...loadAddon(), probeFiltersNow: () => kernel.support }) };
});

/** The kernel is asked once. */
async function fieldsOf(filter: EntryFilter, support: FilterSupport) {
  kernel.support = support;
  vi.resetModules();
  const { planFilter } = await import('../../src/filter/plan.js');
  const { fields } = planFilter('explainFilter', filter);
  return Object.fromEntries(fields.map((one) => [one.field, one])) as Record<string, PlannedField>;
}

const ALL = { tuple: true, status: true, zone: true } as const;
const FILTER = { protocol: 'tcp', assured: true, zone: 3, mark: 1 } as const;

describe('a condition', () => {
  it.each([
    ['zone', 'CTA_ZONE'],
    ['assured', 'CTA_STATUS'],
    ['protocol', 'CTA_FILTER'],
    ['mark', 'CTA_MARK'],
  ])('of %s that the kernel compares', async (name, attribute) => {
    const field = (await fieldsOf(FILTER, ALL))[`filter.${name}`];
    expect(field).toMatchObject({ evaluatedBy: 'kernel' });
    expect(field?.reason).toContain(attribute);
  });

  it.each([
    ['zone', 'zone', 'this kernel ignores CTA_ZONE'],
    ['assured', 'status', 'this kernel ignores CTA_STATUS'],
    ['protocol', 'tuple', 'this kernel ignores CTA_FILTER'],
  ])('of %s that it ignores', async (name, probe, reason) => {
    const field = (await fieldsOf(FILTER, { ...ALL, [probe]: false }))[`filter.${name}`];
    expect(field).toMatchObject({ evaluatedBy: 'package' });
    expect(field?.reason).toContain(reason);
  });

  it('of a zone, of which nothing tells', async () => {
    const field = (await fieldsOf(FILTER, { tuple: true, status: true }))['filter.zone'];
    expect(field).toMatchObject({ evaluatedBy: 'kernel' });
    expect(field?.reason).toContain('no entry of zone 0 tells');
  });

  it('of a zone that it refuses, and of the others, which it compares', async () => {
    const fields = await fieldsOf(FILTER, { ...ALL, zone: 'refused' });
    expect(fields['filter.zone']).toEqual({
      field: 'filter.zone',
      evaluatedBy: 'package',
      reason: 'this kernel refuses CTA_ZONE: it was built without CONFIG_NF_CONNTRACK_ZONES',
    });
    for (const name of ['protocol', 'assured', 'mark']) {
      expect(fields[`filter.${name}`]?.evaluatedBy).toBe('kernel');
    }
  });

  it.each([
    ['assured', 'status', 'CTA_STATUS'],
    ['protocol', 'tuple', 'CTA_FILTER'],
  ])('of %s that it refuses, and of all others of that request', async (name, probe, attribute) => {
    const fields = await fieldsOf(FILTER, { ...ALL, [probe]: 'refused' });
    const own = `filter.${name}`;
    for (const { field, evaluatedBy, reason } of Object.values(fields)) {
      expect(evaluatedBy).toBe('package');
      const of = field === own ? '' : ' in the same request';
      expect(reason).toBe(`this kernel refuses ${attribute}${of}`);
    }
    const { [own]: _, ...without } = { ...FILTER, [name]: undefined } as EntryFilter &
      Record<string, unknown>;
    const others = await fieldsOf(without, { ...ALL, [probe]: 'refused' });
    expect(new Set(Object.values(others).map((one) => one.evaluatedBy))).toEqual(
      new Set(['kernel']),
    );
  });
});
