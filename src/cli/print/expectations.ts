/**
 * Prints expectations.
 */
import { printable } from '../../core/printable.js';
import type { Expectation } from '../../index.js';
import type { Given } from '../line/parse.js';
import { UsageError } from '../usage-error.js';
import type { Sink, World } from '../world.js';
import { gridOf, tableOf, widthOf } from './columns.js';
import { destinationOf, sourceOf } from './flow-table.js';
import { jsonLine } from './json.js';
import { shortSeconds } from './numbers.js';
import { type Format, shapeIn } from './shape.js';
import { paintOf } from './style.js';

/** An expectation has neither XML nor options, nor labels. */
export function shapeOfExpectations(given: Given, out: Sink): Format {
  const { format, labels } = shapeIn(given, out);
  if (format === 'xml' || format === 'save' || labels) {
    throw new UsageError('--output: expectations have table, line and json only');
  }
  return format;
}

const COLUMNS = [
  { head: 'PROTO' },
  { head: 'EXPECTED SOURCE' },
  { head: 'EXPECTED DESTINATION' },
  { head: 'HELPER' },
  { head: 'LEFT', isNumber: true },
  { head: 'MASTER' },
];

export function linesOfExpectations(
  expectations: readonly Expectation[],
  format: Format,
  world: World,
  given: Given,
): string[] {
  if (format === 'json') return expectations.map((one) => jsonLine(one));
  if (format !== 'table') return expectations.map(String);
  if (expectations.length === 0) return [];
  const paint = paintOf(world, given.noColor !== undefined);
  const rows = expectations.map(rowOf);
  // The master is the longest, and what a narrow terminal does without.
  const isFit = widthOf(gridOf(COLUMNS, rows)) <= (world.out.columns ?? 80);
  return tableOf(isFit ? COLUMNS : COLUMNS.slice(0, -1), rows, paint);
}

function rowOf(expectation: Expectation) {
  const { protocol, protocolNumber, tuple, mask, master, helper = '', timeout } = expectation;
  const same = (address: string) => address;
  // Any port will do where the mask has no bit of it.
  const from = sourceOf(tuple, same);
  const source = mask.sourcePort === 0 ? tuple.source : from;
  return [
    { text: protocol === 'other' ? String(protocolNumber) : protocol },
    { text: source },
    { text: destinationOf(tuple, same) },
    { text: printable(helper) },
    { text: timeout === undefined ? '' : shortSeconds(timeout) },
    { text: `${sourceOf(master, same)} > ${destinationOf(master, same)}`, style: 'dim' as const },
  ];
}
