/**
 * Changes of a mirror.
 *
 * @module
 */
import type { Entry } from '../entry/entry.js';

interface ChangeBase {
  /**
   * Whether no event told it, but a reading of the table: after a loss, of a flow that sends no
   * events, or where events and a reading left a doubt.
   */
  readonly synthetic: boolean;
}

/** A flow came into the mirror. */
export interface AddedFlow extends ChangeBase {
  readonly type: 'added';
  readonly after: Entry;
}

/**
 * A flow changed: its state, status, mark, labels, helper, or anything but its timeout, its
 * reference count and its counters.
 */
export interface ChangedFlow extends ChangeBase {
  readonly type: 'changed';
  readonly before: Entry;
  readonly after: Entry;
}

/** A flow left the mirror. */
export interface RemovedFlow extends ChangeBase {
  readonly type: 'removed';
  readonly before: Entry;
  /**
   * `before` with what the DESTROY event said: the last counters, the state and the stop time. Absent
   * when no event told the end.
   */
  readonly final?: Entry;
}

/** Something is missing between the previous change and the next one. */
export interface LostChanges {
  readonly type: 'lost';
  /**
   * `kernel`, `queue`: the mirror lost events, as `lost` of an event stream. It reads the table
   * again, and the differences follow with `synthetic: true`. `changes`: this stream was not read
   * fast enough, and dropped changes, which do not follow; the mirror itself is right. Take a new
   * stream and its entries.
   */
  readonly cause: 'kernel' | 'queue' | 'changes';
  readonly count: number;
}

/** A change of a mirror, discriminated by `type`. */
export type MirrorChange = AddedFlow | ChangedFlow | RemovedFlow | LostChanges;
