/**
 * Flows by what an index has.
 *
 * @module
 */
import { object, optional, uint16, uint32 } from '../core/check.js';
import { typeError } from '../core/errors.js';
import type { Entry } from '../entry/entry.js';
import { address } from '../record/check-tuple.js';
import { familyOf, writeAddress } from '../record/ip-address.js';
import { FAMILY_NUMBERS } from '../record/layout.js';
import { addressKey, type IndexName, KEY_WORDS } from './dimensions.js';
import type { LiveTable } from './live-table.js';

/** What `mirror.findAll()` finds by: each form needs the index that is named with it. */
export type FlowCriteria =
  | { readonly address: string; readonly port?: undefined }
  | { readonly address: string; readonly port: number }
  | { readonly source: string }
  | { readonly destination: string }
  | { readonly port: number; readonly address?: undefined }
  | { readonly mark: number }
  | { readonly zone: number };

interface Given {
  readonly address: string | undefined;
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly port: number | undefined;
  readonly mark: number | undefined;
  readonly zone: number | undefined;
}

const check = object<Given>({
  address: optional(address),
  source: optional(address),
  destination: optional(address),
  port: optional(uint16),
  mark: optional(uint32),
  zone: optional(uint16),
});

export function findAll(live: LiveTable, value: FlowCriteria): IterableIterator<Entry, undefined> {
  const [name, key] = lookupOf(check(value, 'criteria'));
  const index = live.indexes[name];
  if (index === undefined) {
    throw typeError('criteria', `needs the index '${name}': mirrorTable({ indexes: ['${name}'] })`);
  }
  const { records } = live.table;
  return (function* entries(): Generator<Entry, undefined> {
    // What leaves the list meanwhile is left out.
    for (const slot of index.slotsOf(key)) {
      if (records.isLive(slot) && index.has(slot, key)) yield live.entryAt(slot);
    }
  })();
}

function lookupOf(given: Given): readonly [IndexName, Uint32Array] {
  const { address, port } = given;
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  if (address !== undefined && port !== undefined && named.length === 2) {
    return ['service', endKey(address, port)];
  }
  const [only, ...others] = named as [IndexName, string | number][];
  if (only === undefined || others.length > 0) {
    const forms = 'address, { address, port }, source, destination, port, mark or zone';
    throw typeError('criteria', `must have one of ${forms}`);
  }
  const [name, value] = only;
  return [name, typeof value === 'string' ? endKey(value, 0) : numberKey(value)];
}

function endKey(text: string, port: number): Uint32Array {
  const key = new Uint32Array(KEY_WORDS);
  writeAddress(new DataView(key.buffer), 4, text);
  key[0] = addressKey(FAMILY_NUMBERS[familyOf(text)], port);
  return key;
}

function numberKey(number: number): Uint32Array {
  const key = new Uint32Array(KEY_WORDS);
  key[0] = number;
  return key;
}
