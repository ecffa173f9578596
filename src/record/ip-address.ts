/**
 * IP addresses: 4 or 16 bytes to text and back.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Family } from '../core/names.js';
import { bytes, uint8 } from './words.js';

/**
 * Caches the texts of recent addresses. The addresses of a table repeat (each is in both
 * tuples, a server is in most entries), and a cached text costs neither time nor garbage. Each
 * slot has one address: at most some 600 KiB, if every slot has an IPv6 address.
 */
const CACHE_BITS = 12;

const slotOf = (hash: number) => Math.imul(hash, 0x9e3779b1) >>> (32 - CACHE_BITS);

const ipv4Keys = new Uint32Array(1 << CACHE_BITS);
// Address 0 falls into slot 0; no other slot matches its key 0.
const ipv4Texts: string[] = Array<string>(1 << CACHE_BITS).fill('0.0.0.0');

/** The address at a word of a record. */
export function formatIPv4(words: Uint32Array, at: number): string {
  const key = words[at] as number;
  const slot = slotOf(key);
  return ipv4Keys[slot] === key ? (ipv4Texts[slot] as string) : rememberIPv4(words, at, slot);
}

function rememberIPv4(words: Uint32Array, at: number, slot: number): string {
  const [a, b] = [uint8(words, at, 0), uint8(words, at, 1)];
  const text = `${a}.${b}.${uint8(words, at, 2)}.${uint8(words, at, 3)}`;
  ipv4Keys[slot] = words[at] as number;
  ipv4Texts[slot] = text;
  return text;
}

const ipv6Keys = new Uint32Array(4 << CACHE_BITS);
const ipv6Texts: string[] = Array<string>(1 << CACHE_BITS).fill('::');

/** The address in four words of a record. */
export function formatIPv6(words: Uint32Array, at: number): string {
  const a = words[at] as number;
  const b = words[at + 1] as number;
  const c = words[at + 2] as number;
  const d = words[at + 3] as number;
  const slot = slotOf(slotOf(a ^ Math.imul(b, 3)) ^ Math.imul(c, 5) ^ Math.imul(d, 7));
  const key = 4 * slot;
  if (
    ipv6Keys[key] !== a ||
    ipv6Keys[key + 1] !== b ||
    ipv6Keys[key + 2] !== c ||
    ipv6Keys[key + 3] !== d
  ) {
    ipv6Keys.set([a, b, c, d], key);
    ipv6Texts[slot] = ipv6Text(bytes(words, at, 0, 16));
  }
  return ipv6Texts[slot] as string;
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of zero words (the first of equals,
 * two words at least) as `::`. Addresses that embed an IPv4 address, `::a.b.c.d` and
 * `::ffff:a.b.c.d`, end in dotted form, as inet_ntop(3) and so `conntrack -L` print them.
 */
function ipv6Text(address: Buffer): string {
  let runStart = -1;
  let runLength = 1;
  for (let word = 0; word < 8; word++) {
    let end = word;
    while (end < 8 && address.readUInt16BE(2 * end) === 0) end++;
    if (end - word > runLength) {
      runStart = word;
      runLength = end - word;
    }
    word = end;
  }
  const embedsIPv4 =
    runStart === 0 && (runLength === 6 || (runLength === 5 && address.readUInt16BE(10) === 0xffff));
  const words = embedsIPv4 ? 6 : 8;
  let text = '';
  for (let word = 0; word < words; word++) {
    if (word === runStart) {
      text += '::';
      word += runLength - 1;
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':';
      text += address.readUInt16BE(2 * word).toString(16);
    }
  }
  if (!embedsIPv4) return text;
  return `${text}${text.endsWith(':') ? '' : ':'}${address.subarray(12).join('.')}`;
}

/** The family of an address in text, or `undefined` when it is none. */
export function addressFamily(text: string): Family | undefined {
  if (isIPv4(text)) return 'ipv4';
  // A scope (fe80::1%eth0) is not part of what the kernel tracks.
  if (isIPv6(text) && !text.includes('%')) return 'ipv6';
  return undefined;
}

/** The family of an address or a network that was checked. */
export function familyOf(text: string): Family {
  // Within five characters one has a dot, or the other a colon.
  for (let index = 1; index < 4; index++) {
    if (text.charCodeAt(index) === DOT) return text.charCodeAt(0) === COLON ? 'ipv6' : 'ipv4';
  }
  return 'ipv6';
}

/**
 * The IPv4 address that an IPv4-mapped IPv6 address stands for (RFC 4291, 2.5.5.2), such as
 * `::ffff:192.0.2.1`, which `socket.remoteAddress` has for IPv4 clients of a dual-stack server:
 * the kernel tracks their packets as IPv4. `undefined` for every other address.
 */
export function mappedIPv4(text: string): string | undefined {
  if (!/^[0:]+:ffff:/i.test(text) || addressFamily(text) !== 'ipv6') return undefined;
  const words = new Uint32Array(4);
  const view = new DataView(words.buffer);
  writeAddress(view, 0, text);
  const isMapped = view.getBigUint64(0) === 0n && view.getUint32(8) === 0xffff;
  return isMapped ? Array.from(new Uint8Array(words.buffer, 12)).join('.') : undefined;
}

/** Whether two addresses that `addressFamily` knows are one, however they are written. */
export function sameAddress(one: string, other: string): boolean {
  if (one === other) return true;
  if (familyOf(one) !== familyOf(other)) return false;
  return bytesOf(one).equals(bytesOf(other));
}

function bytesOf(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  writeAddress(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, text);
  return bytes;
}

/** The IPv4 address that begins at `index`. */
function writeIPv4(view: DataView, offset: number, text: string, index: number): void {
  let at = offset;
  let octet = 0;
  for (; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === DOT) {
      view.setUint8(at++, octet);
      octet = 0;
    } else {
      octet = 10 * octet + digitOf(character);
    }
  }
  view.setUint8(at, octet);
}

/** Writes the 4 or 16 bytes of an address that `addressFamily` knows. */
export function writeAddress(view: DataView, offset: number, text: string): void {
  const end = offset + 16;
  let at = offset;
  /** Where `::` is. */
  let gap = end;
  let word = 0;
  let digits = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === DOT) {
      writeIPv4(view, at, text, index - digits);
      at += 4;
      digits = 0;
      break;
    }
    if (character !== COLON) {
      word = 16 * word + digitOf(character);
      digits++;
    } else if (digits === 0) {
      gap = at;
    } else {
      view.setUint16(at, word);
      at += 2;
      word = digits = 0;
    }
  }
  if (digits > 0) {
    view.setUint16(at, word);
    at += 2;
  }
  // What is behind the gap ends where the address does; an IPv4 address has no gap.
  for (let to = end; to > gap; ) {
    to -= 2;
    at -= 2;
    view.setUint16(to, at >= gap ? view.getUint16(at) : 0);
  }
}

const DOT = 0x2e;
const COLON = 0x3a;

/** The value of 0-9, a-f or A-F. */
function digitOf(character: number): number {
  return character < COLON ? character - 0x30 : (character & 0xf) + 9;
}
