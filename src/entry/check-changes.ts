/**
 * Changes of arguments.
 */
import { type Check, type Masked, masked, object, optional, text } from '../core/check.js';
import { typeError } from '../core/errors.js';
import {
  type CheckedSctp,
  type CheckedTcp,
  LONGEST_HELPER,
  labels,
  sctp,
  sequenceAdjust,
  status,
  synproxy,
  tcp,
  timeout,
} from './check-values.js';
import type { SequenceAdjust, Synproxy } from './entry.js';
import type { EntryChanges } from './spec.js';

export interface CheckedChanges {
  readonly helper: string | undefined;
  readonly timeout: number | undefined;
  readonly status: number | undefined;
  readonly tcp: CheckedTcp | undefined;
  readonly sctp: CheckedSctp | undefined;
  readonly mark: number | Masked | undefined;
  readonly sequenceAdjust: SequenceAdjust | undefined;
  readonly synproxy: Synproxy | undefined;
  readonly labels: bigint | undefined;
}

/** In the order in which the kernel applies them: see ctnetlink_change_conntrack. */
const CHANGES = {
  helper: optional(text(0, LONGEST_HELPER)),
  timeout: optional(timeout),
  status: optional(status),
  tcp: optional(tcp),
  sctp: optional(sctp),
  mark: optional(masked),
  sequenceAdjust: optional(sequenceAdjust),
  synproxy: optional(synproxy),
  labels: optional(labels),
} satisfies Record<keyof EntryChanges, Check<unknown>>;

const NAMES = Object.keys(CHANGES) as (keyof EntryChanges)[];

const given = object<CheckedChanges>(CHANGES);

export function changesOf(value: unknown): CheckedChanges {
  const changes = given(value, 'changes');
  if (namedChanges(changes).length === 0) {
    throw typeError('changes', `must have at least one of ${NAMES.join(', ')}`);
  }
  if (changes.tcp !== undefined && changes.sctp !== undefined) {
    throw typeError('changes.sctp', 'excludes changes.tcp: an entry is either TCP or SCTP');
  }
  return changes;
}

/** The changes that are named, in the order in which the kernel applies them. */
export function namedChanges(changes: CheckedChanges): (keyof EntryChanges)[] {
  return NAMES.filter((name) => changes[name] !== undefined);
}
