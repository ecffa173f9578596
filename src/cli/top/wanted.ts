/**
 * The order, the unit and the grouping that `top` shows.
 */
import type { GroupingName } from './groupings.js';

/** `age` is of flows, `flows` of groups. */
export const ORDERS = ['rate', 'total', 'age', 'flows'] as const;

export type Order = (typeof ORDERS)[number];

export const UNITS = ['bytes', 'packets'] as const;

export type Unit = (typeof UNITS)[number];

export interface Wanted {
  readonly order: Order;
  readonly unit: Unit;
  /** Absent: single flows. */
  readonly grouping: GroupingName | undefined;
  /** The smallest first. */
  readonly isReversed: boolean;
}

/** The orders of flows, or of groups. */
export const ordersOf = (grouping: GroupingName | undefined): readonly Order[] =>
  ORDERS.filter((order) => order !== (grouping === undefined ? 'flows' : 'age'));
