/**
 * A kernel that answers by itself, and lets any call of the addon fail: the part of the scripted
 * kernel (native/kernel) that needs no turns between the test and the call.
 */
import { createRequire } from 'node:module';
import { type Message, messageBytes } from './message-builder.js';
import { scriptedAddonPath } from './scripted-kernel.js';

/** What answers requests of a type that have these flags. */
export interface Rule {
  readonly type: number;
  readonly flags: number;
  readonly datagrams: readonly (readonly Message[])[];
}

/** What a call may fail with: native/kernel/call_faults.cc. */
export interface CallFaults {
  readonly call: string;
  readonly errors: readonly number[];
  /** It may also give or take less than was asked for. */
  readonly shortens: boolean;
}

/** The nth call of a name from now on, and those behind it: `times` in all. */
export interface Fault {
  readonly kind: 'fails' | 'shortens' | 'delays';
  readonly call: string;
  readonly nth: number;
  readonly times: number;
  /** Of `fails`. */
  readonly errno: number;
}

export interface Held {
  readonly descriptors: number;
  /** Of memory from an allocation that may fail. */
  readonly blocks: number;
}

export interface TakenRequest {
  readonly type: number;
  readonly flags: number;
}

interface NativeScript {
  callFaults(): CallFaults[];
  answerWith(rules: readonly { type: number; flags: number; datagrams: Buffer[] }[]): void;
  taken(): number[];
  plan(kind: string, call: string, nth: number, times: number, errno: number): void;
  struck(): number;
  recordCalls(): void;
  calls(): string[];
  held(): Held;
  redirect(beginning: string, folder: string): void;
  pretendNamespaces(): void;
  multicast(group: number, datagrams: readonly Buffer[]): number;
  overrun(group: number, events: number): number;
}

const { script } = createRequire(import.meta.url)(scriptedAddonPath) as { script: NativeScript };

const bytesOf = (messages: readonly Message[]): Buffer =>
  Buffer.concat(messages.map((message) => messageBytes(message, { sequence: 0, portId: 0 })));

export const CALL_FAULTS: ReadonlyMap<string, CallFaults> = new Map(
  script.callFaults().map((faults) => [faults.call, faults]),
);

/** From now on requests are answered before they return; the kernel acknowledges what asks for it. */
export function answerWith(rules: readonly Rule[]): void {
  script.answerWith(
    rules.map(({ type, flags, datagrams }) => ({ type, flags, datagrams: datagrams.map(bytesOf) })),
  );
}

/** The requests that the kernel has done since the last call. */
export function takenRequests(): TakenRequest[] {
  const numbers = script.taken();
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    type: numbers[2 * index] as number,
    flags: numbers[2 * index + 1] as number,
  }));
}

export function plan({ kind, call, nth, times, errno }: Fault): void {
  script.plan(kind, call, nth, times, errno);
}

/** Ends the plan. Returns how many calls it has struck. */
export function endPlan(): number {
  const struck = script.struck();
  script.plan('fails', '', 0, 0, 0);
  return struck;
}

/** The calls that `run` makes, by name. */
export async function callsOf(run: () => Promise<unknown>): Promise<Map<string, number>> {
  script.recordCalls();
  await run();
  const counts = new Map<string, number>();
  for (const call of script.calls()) counts.set(call, (counts.get(call) ?? 0) + 1);
  return counts;
}

export const held = (): Held => script.held();

/** Paths that begin so lead to the folder instead. */
export function redirect(beginning: string, folder: string): void {
  script.redirect(beginning, folder);
}

/** From now on any open namespace seems to be another one, and entering it takes no privileges. */
export function pretendNamespaces(): void {
  script.pretendNamespaces();
}

/** An event for all that listen to the group. */
export function multicast(group: number, ...messages: readonly Message[]): void {
  script.multicast(
    group,
    messages.map((message) => bytesOf([message])),
  );
}

/** So many events find no room with those that listen to the group. */
export function overrun(group: number, events: number): void {
  script.overrun(group, events);
}
