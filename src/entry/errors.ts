/**
 * Messages for the kernel's errors about entries.
 */
import { constants } from 'node:os';
import {
  ADMIN_NEEDED,
  adviceOf,
  ConntrackError,
  changedBefore,
  codeOf,
  describing,
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
  isAbsence,
} from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';
import { printable } from '../core/printable.js';
import type { UncertainPorts } from '../record/check-tuple.js';
import { type CheckedChanges, namedChanges } from './check-changes.js';
import type { EntryChanges } from './spec.js';

/** The error of a failed creation. */
export function errorOfCreation(
  operation: string,
  failure: NativeFailure,
  spec: {
    readonly helper: string | undefined;
    readonly labels: bigint | undefined;
    readonly hasMaster: boolean;
    readonly ports: UncertainPorts | undefined;
  },
): ConntrackError {
  const { helper, labels, hasMaster, ports } = spec;
  if (failure.syscall !== undefined) return errorOfFailure(operation, failure);
  const refused = describing(operation, failure);
  switch (codeOf(failure.errno)) {
    case 'EEXIST':
      return refused(
        'an entry has this tuple already, as its original or its reply',
        `Change that entry with updateEntry(), or delete it first.${ports === 'named' ? ONE_ENTRY : ''}`,
      );
    case 'EINVAL':
      if (ports === 'left out') return errorOfPortless(operation, failure);
      break;
    case 'ENOENT':
      if (hasMaster) return refused("no entry has the master's tuple as its original tuple");
      break;
    case 'ENOSPC':
      if (labels !== undefined) return unlabelledError(operation, failure.text);
      break;
    case 'EOPNOTSUPP':
      if (helper !== undefined) {
        const name = printable(helper);
        return refused(
          `the kernel has no helper '${name}' for this protocol and family`,
          `Load it, for example with "modprobe nf_conntrack_${name}".`,
        );
      }
      break;
    case 'ENOMEM':
      return refused(
        'the table is full, or the kernel is out of memory',
        'Raise net.netfilter.nf_conntrack_max if countEntries() has reached it.',
      );
  }
  return errorOfFailure(operation, failure);
}

/** The error of an entry that is there, and that no update makes what was asked for. */
export function unchangeableError(operation: string, names: readonly string[]): ConntrackError {
  return new ConntrackError(
    `an entry has this original tuple and differs in ${names.join(', ')}, which the kernel does not change`,
    {
      code: 'EEXIST',
      operation,
      errno: constants.errno.EEXIST,
      hint: 'Nothing was changed. Delete that entry first, or leave the field out.',
    },
  );
}

const ONE_ENTRY =
  ' A kernel that tracks this protocol by its addresses alone has one entry for both.';

/** The error of an entry whose labels have no room; it does not exist. */
export function unlabelledError(operation: string, detail?: string): ConntrackError {
  return new ConntrackError(NO_LABELS, {
    code: 'ENOSPC',
    operation,
    errno: constants.errno.ENOSPC,
    detail,
    hint: LABELS_HINT,
  });
}

/** The same, where the entry could not be removed: `cause` tells why. */
export function leftUnlabelledError(operation: string, cause: unknown): ConntrackError {
  return new ConntrackError(`the entry was created without its labels: ${NO_LABELS}`, {
    code: 'ENOSPC',
    operation,
    errno: constants.errno.ENOSPC,
    hint: `Delete it with deleteEntry(): that has failed here. ${LABELS_HINT}`,
    cause,
  });
}

const NO_LABELS = 'no rule of this network namespace uses labels, so entries have no room for them';
const LABELS_HINT =
  'Add a rule that sets a label ("ct label set" in nft, "-m connlabel --set" in iptables): ' +
  'entries that begin afterwards have room.';

/**
 * What the kernel answers when it does not change an entry. It applies changes in the order of
 * namedChanges() (ctnetlink_change_conntrack) and keeps those before the one that fails.
 */
export function errorOfUpdate(
  operation: string,
  failure: NativeFailure,
  changes: CheckedChanges,
): ConntrackError {
  return (
    refusalOfUpdate(operation, failure, changes, changedBefore) ??
    errorOfFailure(operation, failure)
  );
}

/** `tell`: the hint, from what was changed before and what would help. */
function refusalOfUpdate(
  operation: string,
  failure: NativeFailure,
  changes: CheckedChanges,
  tell: (changed: readonly string[], hint?: string) => string,
): ConntrackError | undefined {
  if (failure.syscall !== undefined) return undefined;
  const named = namedChanges(changes);
  const describe = describing(operation, failure);
  const refused = (name: keyof EntryChanges, problem: string, hint?: string) =>
    describe(problem, tell(named.slice(0, named.indexOf(name)), hint));
  switch (codeOf(failure.errno)) {
    case 'EOPNOTSUPP':
      // A kernel that detaches helpers looks for none of that name (ctnetlink_change_helper).
      if (changes.helper === '') {
        return refused(
          'helper',
          'this kernel does not detach the helper of an existing entry',
          'Delete the entry, or let it end.',
        );
      }
      if (named.includes('helper')) {
        return refused(
          'helper',
          'the kernel lacks this helper, or the entry was created without one and has no room for it',
        );
      }
      break;
    case 'EBUSY':
      if (named.includes('helper')) {
        return refused('helper', 'the kernel does not replace the helper of an existing entry');
      }
      if (named.includes('status')) {
        return refused(
          'status',
          'the status changed during the update, and the kernel does not clear bits',
        );
      }
      break;
    case 'EPERM':
      if (named.includes('timeout')) {
        return refused(
          'timeout',
          `the entry has a fixed timeout (IPS_FIXED_TIMEOUT), or ${ADMIN_NEEDED}`,
        );
      }
      break;
    case 'EINVAL':
    case 'ERANGE': {
      const state = named.find((name) => name === 'tcp' || name === 'sctp');
      if (state !== undefined)
        return refused(state, `the kernel does not know this ${state} state`);
      break;
    }
    case 'ENOSPC':
      if (named.includes('labels')) return refused('labels', NO_LABELS, LABELS_HINT);
      break;
  }
  return undefined;
}

/** A pass over the table ended early; one that deletes has no `changes`. */
export function errorOfPass(
  operation: string,
  failure: NativeFailure,
  { matched, changed, vanished }: { matched: number; changed: number; vanished: number },
  changes: CheckedChanges | undefined,
): ConntrackError {
  if (matched === 0) return errorOfPlainFailure(operation, failure);
  const counts = `Before the failure: ${matched} matched, ${changed} done, ${vanished} vanished.`;
  const tell = (names: readonly string[], hint?: string) => {
    const part = names.length > 0 && `Changed before in the refused entry: ${names.join(', ')}.`;
    return [counts, part, hint].filter(Boolean).join(' ');
  };
  const refusal = changes && refusalOfUpdate(operation, failure, changes, tell);
  if (refusal !== undefined) return refusal;
  // The new message has the kernel's text as well.
  const { text: detail, ...rest } = failure;
  const error = errorOfFailure(operation, rest);
  const { message, code, errno, syscall, outcome } = error;
  const problem = message.slice(operation.length + 2).split('\n', 1)[0] ?? code;
  const hint = outcome === undefined ? counts : `${counts} ${adviceOf(error) ?? ''}`;
  return new ConntrackError(problem, { code, operation, errno, syscall, hint, detail, outcome });
}

export function missingEntryError(operation: string): ConntrackError {
  return new ConntrackError('no entry matches the key', {
    code: 'ENOENT',
    operation,
    errno: constants.errno.ENOENT,
  });
}

export function fixedTimeoutError(operation: string): ConntrackError {
  return new ConntrackError('the entry has a fixed timeout (IPS_FIXED_TIMEOUT)', {
    code: 'EPERM',
    operation,
    errno: constants.errno.EPERM,
    hint: 'Nothing was changed. Delete the entry, or leave out timeout.',
  });
}

export function ignoredChangeError(
  operation: string,
  name: 'sequenceAdjust' | 'synproxy',
): ConntrackError {
  return new ConntrackError(`the kernel ignored ${name}: the entry has no room for it`, {
    code: 'EOPNOTSUPP',
    operation,
    hint: 'The other changes were applied.',
  });
}

export function replacedEntryError(operation: string): ConntrackError {
  return new ConntrackError(
    'the entry ended before the update; the update changed a newer entry on the same tuple',
    { code: 'ENOENT', operation, errno: constants.errno.ENOENT },
  );
}

/** The error of a write that succeeded before the entry could not be read. */
export function unreadEntryError(
  operation: string,
  what: 'created' | 'changed',
  failure: NativeFailure | undefined,
): ConntrackError {
  const cause = failure && errorOfFailure(operation, failure);
  const hasEnded = failure === undefined || isAbsence(failure);
  const unread = hasEnded ? 'ended before it could be read' : `could not be read: ${cause?.code}`;
  return new ConntrackError(`the entry was ${what}, but ${unread}`, {
    code: cause?.code ?? 'ENOENT',
    operation,
    errno: failure?.errno,
    syscall: failure?.syscall,
    cause,
  });
}
