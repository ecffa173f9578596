/**
 * Timeouts as records: native/wire/timeout_record.h
 */
import { type Family, nameOf, type UnknownName } from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import { FAMILY_NUMBERS, SLAB, TIMEOUTS, TIMEOUTS_PRESENT } from '../record/layout.js';
import { bytes, LITTLE_ENDIAN, slabCount, uint8, uint16, uint32 } from '../record/words.js';
import type { Place } from '../request/place.js';
import {
  type CheckedPolicy,
  type SecondsOfStates,
  statesOf,
  timeoutProtocolName,
} from './check-policy.js';
import type { DefaultTimeouts, TimeoutPolicy, TimeoutState } from './policy.js';

/** What a request takes. */
export const TIMEOUTS_BYTES = TIMEOUTS.size;

/** Writes what is there: a name, a protocol with its family, seconds. */
export function writeTimeouts({ view, at }: Place, values: Partial<CheckedPolicy>): void {
  const { name, family, protocol, seconds } = values;
  const record = at + SLAB.firstEntry;
  let present = 0;
  if (name !== undefined) {
    const text = Buffer.from(name);
    new Uint8Array(view.buffer, view.byteOffset + record + TIMEOUTS.name).set(text);
    view.setUint8(record + TIMEOUTS.nameLength, text.length);
    present |= TIMEOUTS_PRESENT.name;
  }
  if (family !== undefined && protocol !== undefined) {
    view.setUint16(record + TIMEOUTS.family, family, LITTLE_ENDIAN);
    view.setUint8(record + TIMEOUTS.protocol, protocol);
    present |= TIMEOUTS_PRESENT.family | TIMEOUTS_PRESENT.protocol;
  }
  let states = 0;
  for (const [state, value] of seconds ?? []) {
    view.setUint32(record + TIMEOUTS.seconds + 4 * state, value, LITTLE_ENDIAN);
    states |= 1 << state;
  }
  view.setUint32(record + TIMEOUTS.states, states, LITTLE_ENDIAN);
  view.setUint32(record + TIMEOUTS.present, present, LITTLE_ENDIAN);
}

/** A policy as the kernel numbers it. */
export function numbersAt(words: Uint32Array, at: number): CheckedPolicy {
  return {
    name: nameAt(words, at),
    family: uint16(words, at, TIMEOUTS.family),
    protocol: uint8(words, at, TIMEOUTS.protocol),
    seconds: secondsAt(words, at),
  };
}

export function policyAt(words: Uint32Array, at: number): TimeoutPolicy {
  const hasUse = (uint32(words, at, TIMEOUTS.present) & TIMEOUTS_PRESENT.use) !== 0;
  return presentFields<TimeoutPolicy>({
    name: nameAt(words, at),
    family: familyName(uint16(words, at, TIMEOUTS.family)),
    ...defaultsAt(words, at),
    use: hasUse ? uint32(words, at, TIMEOUTS.use) : undefined,
  });
}

export function defaultsAt(words: Uint32Array, at: number): DefaultTimeouts {
  const protocolNumber = uint8(words, at, TIMEOUTS.protocol);
  const states = statesOf(protocolNumber);
  const timeouts: { [State in TimeoutState]?: number } = {};
  let unknown = uint16(words, at, TIMEOUTS.unknownAttributes);
  for (const [number, value] of secondsAt(words, at)) {
    const state = states[number - 1];
    if (state === undefined) unknown++;
    else timeouts[state] = value;
  }
  return {
    protocol: timeoutProtocolName(protocolNumber) ?? 'other',
    protocolNumber,
    timeouts,
    unknownAttributes: unknown,
  };
}

/** The policies of slabs that the addon has filled. */
export function policiesOf(slabs: readonly ArrayBuffer[]): TimeoutPolicy[] {
  return slabs.flatMap((slab) => {
    const words = new Uint32Array(slab);
    return Array.from({ length: slabCount(words) }, (_, index) =>
      policyAt(words, (SLAB.firstEntry + index * TIMEOUTS.size) / 4),
    );
  });
}

function secondsAt(words: Uint32Array, at: number): SecondsOfStates {
  const states = uint32(words, at, TIMEOUTS.states);
  const seconds = new Map<number, number>();
  for (let state = 1; state < TIMEOUTS.mostStates; state++) {
    if ((states & (1 << state)) === 0) continue;
    seconds.set(state, uint32(words, at, TIMEOUTS.seconds + 4 * state));
  }
  return seconds;
}

function nameAt(words: Uint32Array, at: number): string {
  return bytes(words, at, TIMEOUTS.name, uint8(words, at, TIMEOUTS.nameLength)).toString();
}

function familyName(number: number): Family | UnknownName {
  if (number === FAMILY_NUMBERS.ipv4) return 'ipv4';
  return number === FAMILY_NUMBERS.ipv6 ? 'ipv6' : nameOf([], number);
}
