/** One call while something fails, and what is wrong with how it ended. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { ConntrackError } from 'conntrack';
import {
  endPlan,
  type Fault,
  type Held,
  held,
  plan,
  takenRequests,
} from '../../support/fault-kernel.js';
import { isChange } from './answers.js';
import type { Call } from './calls.js';
import { codeOf } from './cases.js';

/** The kernel answers at once; what fails ends within a second (LIMITS.answerMs). */
const BOUND_MS = 8000;

export interface Outcome {
  /** As JSON; absent when it was rejected. */
  readonly result?: string;
  readonly value?: unknown;
  readonly error?: unknown;
  /** Changes that the kernel has done. */
  readonly changes: number;
}

const LATE = Symbol('late');

function plain(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (part instanceof Error) return String(part);
    return part;
  });
}

export async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  takenRequests();
  const bound = new AbortController();
  const late = sleep(BOUND_MS, LATE, { signal: bound.signal }).catch(() => LATE);
  const ended = (async () => run())().then(
    (value) => ({ value, result: plain(value) }),
    (error: unknown) => ({ error }),
  );
  const outcome = await Promise.race([ended, late]);
  bound.abort();
  if (outcome === LATE) throw new Error(`has not settled within ${BOUND_MS} ms`);
  return { ...(outcome as object), changes: takenRequests().filter(isChange).length };
}

/** The same while a fault strikes. `struck`: whether it has. */
export async function struckBy(
  fault: Fault,
  run: () => Promise<unknown>,
): Promise<Outcome & { readonly struck: number }> {
  plan(fault);
  try {
    const outcome = await outcomeOf(run);
    return { ...outcome, struck: endPlan() };
  } finally {
    endPlan();
  }
}

/** Errors of the items of a result, such as that of createEntries(). */
function itemErrors(value: unknown): unknown[] {
  const { failures } = (value ?? {}) as { failures?: unknown };
  const items = Array.isArray(value) ? value : Array.isArray(failures) ? failures : [];
  return (items as ({ error?: unknown } | undefined)[]).flatMap((item) => item?.error ?? []);
}

/** What is wrong with how a call ended that a fault has struck; `undefined`: nothing. */
export function wrongWith(
  call: Call,
  fault: Fault,
  usual: Outcome,
  outcome: Outcome,
): string | undefined {
  const { result, value, error, changes } = outcome;
  const errors = error === undefined ? itemErrors(value) : [error];
  if (errors.length === 0) {
    if (result === usual.result) {
      return changes >= usual.changes ? undefined : `succeeded, with ${changes} changes`;
    }
    if (call.mayGive?.(value, fault) === true) return undefined;
    return `gave ${result?.slice(0, 400)}, not ${usual.result?.slice(0, 400)}`;
  }
  for (const one of errors) {
    const problem = wrongError(fault, one);
    if (problem !== undefined) return `${problem}: ${inspect(one)}`;
  }
  return wrongReport(call, usual, changes, errors as ConntrackError[]);
}

/** The system call that the addon names, of the one that has failed. */
const REPORTED: Readonly<Record<string, readonly string[]>> = {
  // The answer is missing, whatever call would have received it.
  recvmmsg: ['recvmmsg', 'recvmsg'],
};

function wrongError({ call, kind, errno }: Fault, error: unknown): string | undefined {
  if (!(error instanceof ConntrackError)) return 'no ConntrackError';
  const { syscall = '', code } = error;
  if (code === 'ERR_CONNTRACK_UNSUPPORTED' && syscall === 'socket' && call === 'socket') return;
  // Its namespace is closed with a handle.
  if (code === 'ERR_CONNTRACK_CLOSED' && call === 'setns' && codeOf(errno) === 'EBADF') return;
  // A file of /proc that is not there: /proc is not mounted.
  if (code === 'ENOSYS' && call === 'open' && codeOf(errno) === 'ENOENT') return;
  const names = REPORTED[call] ?? [call];
  if (!names.includes(syscall)) return `names ${syscall || 'no call'}, not ${call}`;
  // A setting takes all of a value, or none.
  if (kind === 'shortens') return code === 'EIO' && call === 'write' ? undefined : `has ${code}`;
  if (error.errno !== errno) return `has ${error.errno}, not ${errno}`;
  const mapped = code === codeOf(errno) || code.startsWith('ERR_CONNTRACK_');
  return mapped ? undefined : `has the code ${code}`;
}

/** Whether a change is reported as failed that was done, or as unknown that was never sent. */
function wrongReport(
  call: Call,
  usual: Outcome,
  changes: number,
  errors: readonly ConntrackError[],
): string | undefined {
  const [first] = errors;
  if (first === undefined) return undefined;
  const unknown = errors.filter(({ outcome }) => outcome === 'unknown').length;
  const told = errors.filter(({ message }) =>
    /(was (created|changed)|were written), but/.test(message),
  ).length;
  if (call.counts === true && errors.length === 1) {
    const [, done] = /(\d+) (?:done|deleted)/.exec(first.message) ?? [];
    const known = Number(done ?? 0);
    const isKnown = unknown > 0 ? known <= changes : known === changes;
    return isKnown ? undefined : `tells ${known} changes of ${changes}: ${first.message}`;
  }
  if (unknown > 0 && changes === 0) return `is unknown, and was not sent: ${first.message}`;
  const refused = errors.length - unknown - told;
  if (refused + changes > Math.max(usual.changes, errors.length)) {
    return `failed, and was done: ${inspect(first)}`;
  }
  return undefined;
}

// What is left -----------------------------------------------------------------------

export interface Left extends Held {
  readonly threads: number;
}

export const left = (): Left => ({
  ...held(),
  threads: readdirSync('/proc/self/task').length,
});

/** Waits until no more is left than there was; returns what is. */
export async function leftBehind(before: Pick<Left, 'descriptors' | 'threads'>): Promise<string> {
  const end = performance.now() + 2000;
  for (;;) {
    const now = left();
    const names = ['descriptors', 'threads'] as const;
    const more = names.filter((name) => now[name] > before[name]);
    if (more.length === 0) return '';
    if (performance.now() > end) {
      return more.map((name) => `${now[name] - before[name]} ${name} left`).join(', ');
    }
    await sleep(1);
  }
}
