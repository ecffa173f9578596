import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/core/load-addon.js';
import * as layout from '../../src/record/layout.js';

const { layoutDifferences } = layout;

/** What the addon says, as an object of our own that can be changed. */
function addonLayout(): Record<string, Record<string, number>> {
  return { ...structuredClone(loadAddon().layout) };
}

const asLayout = (changed: object) => changed as layout.Layout;

describe('the layout of records', () => {
  it('is the same here and in the addon', () => {
    expect(addonLayout()).toEqual({
      slab: layout.SLAB,
      entry: layout.ENTRY,
      extension: layout.EXTENSION,
      tuple: layout.TUPLE,
      entryPresent: layout.ENTRY_PRESENT,
      tuplePresent: layout.TUPLE_PRESENT,
      addressRange: layout.ADDRESS_RANGE,
      tupleFilter: layout.TUPLE_FILTER,
      tupleFilterPresent: layout.TUPLE_FILTER_PRESENT,
      filter: layout.FILTER,
      filterPresent: layout.FILTER_PRESENT,
      expectation: layout.EXPECTATION,
      expectationPresent: layout.EXPECTATION_PRESENT,
      expectationExtension: layout.EXPECTATION_EXTENSION,
      askedFields: layout.ASKED_FIELDS,
      spec: layout.SPEC,
      specPresent: layout.SPEC_PRESENT,
      event: layout.EVENT,
      eventKinds: layout.EVENT_KINDS,
      eventGroups: layout.EVENT_GROUPS,
    });
    expect(layoutDifferences(loadAddon().layout)).toEqual([]);
  });

  it('has a bit of its own for every value', () => {
    for (const present of [
      layout.ENTRY_PRESENT,
      layout.TUPLE_PRESENT,
      layout.FILTER_PRESENT,
      layout.EXPECTATION_PRESENT,
      layout.TUPLE_FILTER_PRESENT,
    ]) {
      const bits = Object.values(present);
      expect(new Set(bits).size).toBe(bits.length);
      for (const bit of bits) expect(Math.log2(bit) % 1).toBe(0);
    }
  });
});

describe('layoutDifferences', () => {
  it('finds each number that was changed', () => {
    for (const [part, numbers] of Object.entries(addonLayout())) {
      for (const name of Object.keys(numbers)) {
        const changed = addonLayout();
        (changed[part] as Record<string, number>)[name] = -1;
        expect(layoutDifferences(asLayout(changed))).toEqual([`${part}.${name}`]);
      }
    }
  });

  it('finds a number that is gone, and one that is new', () => {
    const { mark: _, ...entry } = addonLayout().entry ?? {};
    expect(layoutDifferences(asLayout({ ...addonLayout(), entry }))).toEqual(['entry.mark']);
    const tuple = { ...addonLayout().tuple, flowLabel: 48 };
    expect(layoutDifferences(asLayout({ ...addonLayout(), tuple }))).toEqual(['tuple.flowLabel']);
  });

  it('names all that differ', () => {
    const changed = addonLayout();
    const { slab, entry } = changed;
    const different = {
      ...changed,
      slab: { ...slab, size: 1 },
      entry: { ...entry, id: 1, use: 1 },
    };
    expect(layoutDifferences(asLayout(different))).toEqual(['slab.size', 'entry.id', 'entry.use']);
  });

  it('takes a part that is not there as different, too', () => {
    const { tuplePresent: _, ...rest } = addonLayout();
    expect(layoutDifferences(asLayout(rest))).toContain('tuplePresent.zone');
  });
});
