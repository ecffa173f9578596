/**
 * Changes of arguments.
 */
import { type Check, type Masked, masked, object, optional, text, uint32 } from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
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
  readonly labels: MaskedLabels | undefined;
}

/** To the kernel a bit of the value outside the mask toggles that label. */
export interface MaskedLabels {
  readonly value: bigint;
  readonly mask: bigint;
}

export const ALL_LABELS = 2n ** 128n - 1n;

const setAndClear = object<{
  readonly set: bigint | undefined;
  readonly clear: bigint | undefined;
}>(
  { set: optional(labels), clear: optional(labels) },
  'a bigint, its decimal digits, or { set, clear }',
);

const changedLabels: Check<MaskedLabels> = (given, path) => {
  if (typeof given === 'bigint' || typeof given === 'string') {
    return { value: labels(given, path), mask: ALL_LABELS };
  }
  const { set = 0n, clear = 0n } = setAndClear(given, path);
  if ((set & clear) !== 0n) throw rangeError(path, 'set and clear have a label in common');
  return { value: set, mask: set | clear };
};

const markChange = object<Partial<Masked> & { readonly toggle: number | undefined }>(
  { value: optional(uint32), mask: optional(uint32), toggle: optional(uint32) },
  'an integer from 0 to 4294967295, { value, mask }, { toggle } or all three',
);

/** The kernel toggles the bits of a value that are outside the mask. */
const changedMark: Check<number | Masked> = (given, path) => {
  if (typeof given === 'number') return uint32(given, path);
  const { toggle, ...replaced } = markChange(given, path);
  const togglesAlone = toggle !== undefined && Object.keys(replaced).length === 0;
  if (togglesAlone) return { value: toggle, mask: 0 };
  const { value, mask } = masked(replaced, path) as Masked;
  if (toggle === undefined) return { value, mask };
  if ((toggle & mask) !== 0) throw rangeError(`${path}.toggle`, 'has bits of the mask');
  return { value: (value | toggle) >>> 0, mask };
};

/** In the order in which the kernel applies them: see ctnetlink_change_conntrack. */
const CHANGES = {
  helper: optional(text(0, LONGEST_HELPER)),
  timeout: optional(uint32),
  status: optional(status),
  tcp: optional(tcp),
  sctp: optional(sctp),
  mark: optional(changedMark),
  sequenceAdjust: optional(sequenceAdjust),
  synproxy: optional(synproxy),
  labels: optional(changedLabels),
} satisfies Record<keyof EntryChanges, Check<unknown>>;

const NAMES = Object.keys(CHANGES) as (keyof EntryChanges)[];

const given = object<CheckedChanges>(CHANGES);

export function changesOf(value: unknown): CheckedChanges {
  const { helper, timeout, status, tcp, sctp, mark, sequenceAdjust, synproxy, labels } = given(
    value,
    'changes',
  );
  // One shape for all, as in check-spec.ts.
  const changes = { helper, timeout, status, tcp, sctp, mark, sequenceAdjust, synproxy, labels };
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
