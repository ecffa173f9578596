/**
 * The values of options, from text.
 */
import { isIP } from 'node:net';
import { suggestion } from '../../core/show-value.js';
import {
  DCCP_ROLES,
  DCCP_STATES,
  type Family,
  OTHER_PROTOCOL_NUMBERS,
  type PortFilter,
  PROTOCOL_NUMBERS,
  type RangeFilter,
  SCTP_STATES,
  STATUS_FLAGS,
  type StateFilter,
  type StatusFlag,
  TCP_STATES,
} from '../../index.js';
import { UsageError } from '../usage-error.js';

/** A number in decimal or, after `0x`, hexadecimal digits. */
export function numberIn(text: string, most: number, what: string): number {
  const number = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (number <= most) return number;
  throw new UsageError(`${what} must be a number from 0 to ${most}, not "${text}"`);
}

export const number8 = (text: string, what: string) => numberIn(text, 0xff, what);
export const number16 = (text: string, what: string) => numberIn(text, 0xffff, what);
export const number32 = (text: string, what: string) => numberIn(text, 0xffffffff, what);

/** A number, or both ends of a range of them. */
export function portIn(text: string, what: string): PortFilter {
  const [from = '', to, ...more] = text.split('-');
  if (to === undefined || more.length > 0) return number16(text, what);
  const range = { from: number16(from, what), to: number16(to, what) };
  if (range.from > range.to) throw new UsageError(`${what} ends before it begins: "${text}"`);
  return range;
}

/** `5`, `5-9`, `5-` or `-9`. */
export function rangeIn(text: string, what: string): RangeFilter {
  const [, from = '', dash, to = ''] = /^(\d*)(-?)(\d*)$/.exec(text) ?? [];
  const number = (digits: string) => (digits === '' ? undefined : Number(digits));
  if (from === '' && to === '') {
    throw new UsageError(
      `${what} must be a number or a range such as 5-9, 5- or -9, not "${text}"`,
    );
  }
  if (dash === '') return { from: Number(from), to: Number(from) };
  return { from: number(from), to: number(to) };
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A time, or an age such as `10m`. */
export function timeIn(text: string, what: string): Date {
  const [, amount, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const time =
    amount === undefined
      ? new Date(text)
      : new Date(Date.now() - Number(amount) * (SECONDS[unit] ?? 0) * 1000);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(
    `${what} must be a time such as 2026-01-31T12:00:00Z or an age such as 10m, not "${text}"`,
  );
}

export function wordIn<Word extends string>(
  words: readonly Word[],
  text: string,
  what: string,
): Word {
  const word = words.find((one) => one === text);
  if (word !== undefined) return word;
  throw new UsageError(
    `${what} must be ${words.join(' or ')}, not "${text}"${suggestion(text, words)}`,
  );
}

export const yesOrNo = (text: string, what: string): boolean =>
  wordIn(['yes', 'no'], text, what) === 'yes';

export function addressIn(text: string, what: string): string {
  if (isIP(text) !== 0) return text;
  throw new UsageError(`${what} must be an IPv4 or IPv6 address, not "${text}"`);
}

export const familyOf = (address: string): Family =>
  isIP(address.replace(/\/.*/, '')) === 6 ? 'ipv6' : 'ipv4';

/**
 * An address, or a network: by its prefix, or with the mask of another option. Bits behind the prefix
 * do not count.
 */
export function networkIn(text: string, mask: string | undefined, what: string): string {
  const [address = '', prefix, ...more] = text.split('/');
  const family = familyOf(addressIn(address, what));
  if (more.length > 0) throw new UsageError(`${what} has two prefixes: "${text}"`);
  if (mask !== undefined) {
    if (familyOf(addressIn(mask, `the mask of ${what}`)) !== family) {
      throw new UsageError(`the mask of ${what} is not ${family}`);
    }
    return network(address, prefixOf(mask, what));
  }
  if (prefix === undefined) return address;
  return network(address, numberIn(prefix, family === 'ipv6' ? 128 : 32, what));
}

function network(address: string, prefix: number): string {
  const bytes = bytesOf(address).map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff << (8 - bits));
  });
  return `${addressOf(bytes)}/${prefix}`;
}

/** The number of leading ones of a mask. A filter has networks, and no mask with holes. */
function prefixOf(mask: string, what: string): number {
  const bits = bytesOf(mask)
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const ones = bits.indexOf('0') === -1 ? bits.length : bits.indexOf('0');
  if (bits.includes('1', ones)) throw new UsageError(`the mask of ${what} has a hole: "${mask}"`);
  return ones;
}

/** In groups, which every reader of addresses takes. */
function addressOf(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => {
    const [high = 0, low = 0] = bytes.slice(index * 2);
    return ((high << 8) | low).toString(16);
  });
  return groups.join(':');
}

function bytesOf(address: string): number[] {
  if (familyOf(address) === 'ipv4') return address.split('.').map(Number);
  // The URL parser writes every IPv6 address in hexadecimal groups.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const groups = (part: string | undefined) =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number(`0x${group}`));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

export interface NatValue {
  readonly address: string;
  readonly port: number | undefined;
}

/** `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
export function natIn(text: string, what: string): NatValue {
  const match =
    isIP(text) === 0
      ? (/^\[([^\]]+)\]:(.*)$/.exec(text) ?? /^([^:]+):(.*)$/.exec(text))
      : undefined;
  const [, address = text, port] = match ?? [];
  return {
    address: addressIn(address, what),
    port: port === undefined ? undefined : number16(port, `the port of ${what}`),
  };
}

export interface MarkValue {
  readonly value: number;
  readonly mask: number | undefined;
}

export function markIn(text: string): MarkValue {
  const [value = '', mask, ...more] = text.split('/');
  if (more.length > 0) throw new UsageError(`--mark has two masks: "${text}"`);
  return {
    value: number32(value, '--mark'),
    mask: mask === undefined ? undefined : number32(mask, 'the mask of --mark'),
  };
}

const NUMBERS: Readonly<Record<string, number>> = {
  ...OTHER_PROTOCOL_NUMBERS,
  ...PROTOCOL_NUMBERS,
};

/** The number of a protocol by its word, in letters of any size, or by its number. */
export function protocolNumber(texts: readonly string[]): number {
  const text = (texts.at(-1) ?? '').toLowerCase();
  const named = Object.hasOwn(NUMBERS, text) ? NUMBERS[text] : undefined;
  if (named !== undefined) return named;
  if (/^\d/.test(text)) return number8(text, '--protocol');
  throw new UsageError(`--protocol has no word "${text}"${suggestion(text, Object.keys(NUMBERS))}`);
}

/** Several, between commas. */
export function protocolNumbers(texts: readonly string[]): number | readonly number[] {
  const numbers = (texts.at(-1) ?? '').split(',').map((text) => protocolNumber([text]));
  const [first = 0, ...others] = numbers;
  return others.length === 0 ? first : numbers;
}

export const familyIn = (text: string): Family => wordIn(['ipv4', 'ipv6'], text, '--family');

const bare = (word: string) => word.replaceAll('_', '').toLowerCase();

/** In the words of the API, and of conntrack(8): `seenReply` and `SEEN_REPLY`. */
const STATUS: ReadonlyMap<string, StatusFlag | undefined> = new Map<string, StatusFlag | undefined>(
  [
    ...STATUS_FLAGS.map((flag) => [bare(flag), flag] as const),
    ['hwoffload', 'hardwareOffload'],
    ['unset', undefined],
  ],
);

/** `UNSET` is no bit. */
export function statusIn(text: string): StatusFlag[] {
  return text.split(',').flatMap((word) => {
    if (!STATUS.has(bare(word))) {
      throw new UsageError(`--status has no word "${word}"${suggestion(word, STATUS_FLAGS)}`);
    }
    return STATUS.get(bare(word)) ?? [];
  });
}

const STATES: Readonly<Record<number, readonly StateFilter[]>> = {
  [PROTOCOL_NUMBERS.tcp]: TCP_STATES,
  [PROTOCOL_NUMBERS.sctp]: SCTP_STATES,
  [PROTOCOL_NUMBERS.dccp]: DCCP_STATES,
};
const ALL_STATES: readonly StateFilter[] = [...TCP_STATES, ...SCTP_STATES, ...DCCP_STATES];

/** The tool has `LISTEN` for a state of TCP that the kernel has renamed. */
export function stateIn(text: string, protocol: number | undefined): StateFilter {
  const word = text === 'LISTEN' ? 'SYN_SENT2' : text.toUpperCase();
  const states = protocol === undefined ? ALL_STATES : (STATES[protocol] ?? []);
  const state = states.find((one) => one === word);
  if (state !== undefined) return state;
  throw new UsageError(`--state has no word "${text}"${suggestion(text, states)}`);
}

export const roleIn = (text: string): (typeof DCCP_ROLES)[number] =>
  wordIn(DCCP_ROLES, text, '--role');

/** The bits of labels by name, which stand in `connlabel.conf`. */
export type LabelBits = ReadonlyMap<string, number>;

export function labelsIn(texts: readonly string[], bits: LabelBits): bigint {
  let labels = 0n;
  for (const name of texts.flatMap((text) => text.split(','))) {
    const bit = bits.get(name) ?? (/^\d{1,3}$/.test(name) ? Number(name) : undefined);
    if (bit === undefined || bit > 127) {
      throw new UsageError(`no label is named "${name}"${suggestion(name, [...bits.keys()])}`);
    }
    labels |= 1n << BigInt(bit);
  }
  return labels;
}
