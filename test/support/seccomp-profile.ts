/**
 * docs/seccomp.json, and seccomp profiles as Docker and the OCI write them: the instructions of a
 * filter for this kernel (linux/filter.h, linux/seccomp.h).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Condition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ';
}

export type Action = 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO' | 'SCMP_ACT_KILL_PROCESS';

export interface Rule {
  readonly comment: string;
  readonly names: readonly string[];
  readonly action: Action;
  readonly errnoRet?: number;
  readonly args?: readonly Condition[];
}

export interface Profile {
  readonly defaultAction: Action;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

export function shippedProfile(): Profile {
  const file = new URL('../../docs/seccomp.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Profile;
}

/** As a process applies it to itself: without what starts it, where only `more` of that is kept. */
export const inside = ({ syscalls, ...rest }: Profile, ...more: string[]): Profile => ({
  ...rest,
  syscalls: syscalls.filter(
    ({ comment, names }) =>
      !comment.startsWith('Runtime: ') || names.some((name) => more.includes(name)),
  ),
});

/** A process that tries what the profile does not name ends, so that no attempt goes unseen. */
export const deadly = (profile: Profile): Profile => ({
  ...profile,
  defaultAction: 'SCMP_ACT_KILL_PROCESS',
});

// Of the kernel ------------------------------------------------------------------------------

const [LOAD, AND, JUMP_IF_EQUAL, RETURN] = [0x20, 0x54, 0x15, 0x06];
/** struct seccomp_data */
const [NUMBER, ARCHITECTURE, ARGUMENTS] = [0, 4, 16];
const [KILL_PROCESS, ERRNO, ALLOW] = [0x8000_0000, 0x0005_0000, 0x7fff_0000];

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
const MACHINES: Readonly<Record<string, { audit: number; name: string } | undefined>> = {
  x64: { audit: 0xc000_003e, name: 'SCMP_ARCH_X86_64' },
  arm64: { audit: 0xc000_00b7, name: 'SCMP_ARCH_AARCH64' },
};

/** The numbers of the system calls of this machine, by name. */
export function callNumbers(): ReadonlyMap<string, number> {
  const macros = execFileSync('c++', ['-E', '-dM', '-x', 'c++', '-include', 'asm/unistd.h', '-'], {
    input: '',
    encoding: 'utf8',
  });
  const found = macros.matchAll(/^#define __NR_(\w+) (\d+)$/gm);
  return new Map(Array.from(found, ([, name = '', number]) => [name, Number(number)]));
}

// The translation ----------------------------------------------------------------------------

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

const load = (offset: number): Instruction => [LOAD, 0, 0, offset];
/** Goes on where it is equal, else over what follows: `length` instructions. */
const unless = (value: number, length: number): Instruction => [JUMP_IF_EQUAL, 0, length, value];
const end = (result: number): Instruction => [RETURN, 0, 0, result];

function resultOf(action: Action, errno: number | undefined): number {
  if (action === 'SCMP_ACT_ALLOW') return ALLOW;
  return action === 'SCMP_ACT_KILL_PROCESS' ? KILL_PROCESS : ERRNO + (errno ?? 1);
}

/** Compares the halves of an argument: goes on where both are equal. */
function conditionOf({ index, value, valueTwo = 0, op }: Condition, after: number) {
  const mask = op === 'SCMP_CMP_MASKED_EQ' ? value : undefined;
  const wanted = mask === undefined ? value : valueTwo;
  if (value > 0xffff_ffff) throw new RangeError('an argument has at most 32 bits here');
  const argument = ARGUMENTS + 8 * index;
  const low = [...(mask === undefined ? [] : [[AND, 0, 0, mask] as const])];
  const second = [load(argument), ...low, unless(wanted, after)];
  // What a mask leaves out may be anything: the kernel takes an int of a register that has more.
  if (mask !== undefined) return second;
  return [load(argument + 4), unless(0, second.length + after), ...second];
}

/** The instructions of a profile, as `struct sock_filter` has them. */
export function programOf(profile: Profile, machine: string = process.arch): Buffer {
  const known = MACHINES[machine];
  if (known === undefined || !profile.architectures.includes(known.name)) {
    throw new Error(`the profile has no architecture ${machine}`);
  }
  const numbers = callNumbers();
  const instructions: Instruction[] = [
    load(ARCHITECTURE),
    [JUMP_IF_EQUAL, 1, 0, known.audit],
    end(KILL_PROCESS),
  ];
  for (const { names, action, errnoRet, args = [] } of profile.syscalls) {
    for (const name of names) {
      const number = numbers.get(name);
      // Each architecture lacks some: so do libseccomp and Docker.
      if (number === undefined) continue;
      const body: Instruction[] = [end(resultOf(action, errnoRet))];
      for (const condition of [...args].reverse())
        body.unshift(...conditionOf(condition, body.length));
      instructions.push(load(NUMBER), unless(number, body.length), ...body);
    }
  }
  instructions.push(end(resultOf(profile.defaultAction, profile.defaultErrnoRet)));
  const bytes = Buffer.alloc(8 * instructions.length);
  for (const [index, [code, ifTrue, ifFalse, operand]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(ifTrue, 8 * index + 2);
    bytes.writeUInt8(ifFalse, 8 * index + 3);
    bytes.writeUInt32LE(operand, 8 * index + 4);
  }
  return bytes;
}
