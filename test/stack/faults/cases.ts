/** The faults that can strike a call, generated from the calls that it makes. */
import { constants } from 'node:os';
import { CALL_FAULTS, type Fault } from '../../support/fault-kernel.js';

/** Of many calls of one name, the first. */
const NTH = 24;
/** Such as a signal for each wait, or a table of open files that stays full. */
const STORM = 25;
const FOREVER = 1_000_000;

const CODES = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => name !== 'ENOTSUP' && name !== 'EWOULDBLOCK')
    .map(([name, number]) => [number, name]),
);
export const codeOf = (errno: number): string => CODES.get(errno) ?? `errno ${errno}`;

export interface Case extends Fault {
  readonly title: string;
}

/** Every fault of each of these calls, at the first to the last. */
export function casesOf(counts: ReadonlyMap<string, number>): Case[] {
  return [...counts].flatMap(([call, count]) => {
    const { errors, shortens } = CALL_FAULTS.get(call) ?? missing(call);
    const faults: Omit<Case, 'call' | 'nth'>[] = errors.map((errno) => ({
      kind: 'fails',
      times: 1,
      errno,
      title: codeOf(errno),
    }));
    const of = (kind: Fault['kind'], times: number, errno: number, title: string) =>
      faults.push({ kind, times, errno, title });
    if (errors.includes(constants.errno.EINTR)) {
      of('fails', STORM, constants.errno.EINTR, 'EINTR, many times');
    }
    if (shortens) of('shortens', 1, 0, 'less than asked');
    if (shortens && call !== 'poll') of('shortens', FOREVER, 0, 'always less than asked');
    if (errors.length > 0) of('delays', 1, 0, 'late');
    const first = Array.from({ length: Math.min(count, NTH) }, (_, nth) => nth);
    const each = first.flatMap((nth) =>
      faults.map((fault) => ({
        ...fault,
        call,
        nth,
        title: `${call} ${nth + 1} of ${count}: ${fault.title}`,
      })),
    );
    // As where a limit has been reached.
    const last = errors
      .filter((errno) => errno !== constants.errno.EINTR && errno !== constants.errno.EAGAIN)
      .map((errno) => ({
        kind: 'fails' as const,
        call,
        nth: 0,
        times: FOREVER,
        errno,
        title: `${call}, always: ${codeOf(errno)}`,
      }));
    return [...each, ...last];
  });
}

function missing(call: string): never {
  throw new Error(`${call} has no row in test/support/native/kernel/call_faults.cc`);
}

/** Each allocation, and one in so many of the other cases; another seed takes others. */
export function sample(cases: readonly Case[], part: number, seed: number): Case[] {
  return cases.filter(
    ({ call, kind, times }, index) =>
      (call === 'malloc' && kind === 'fails' && times === 1) || (index + seed) % part === 0,
  );
}
