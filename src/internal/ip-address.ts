/**
 * IP addresses: 4 or 16 bytes to text and back.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Family } from '../names.js';

const OCTETS = Array.from({ length: 256 }, (_, octet) => String(octet));

export function formatIPv4(view: DataView, offset: number): string {
  const bits = view.getUint32(offset);
  return `${OCTETS[bits >>> 24]}.${OCTETS[(bits >>> 16) & 255]}.${OCTETS[(bits >>> 8) & 255]}.${OCTETS[bits & 255]}`;
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of zero words (the
 * first of equals, two words at least) as `::`. Addresses that embed an IPv4
 * address, `::a.b.c.d` and `::ffff:a.b.c.d`, end in dotted form, as inet_ntop(3)
 * and so `conntrack -L` print them.
 */
export function formatIPv6(view: DataView, offset: number): string {
  let runStart = -1;
  let runLength = 1;
  for (let word = 0; word < 8; word++) {
    let end = word;
    while (end < 8 && view.getUint16(offset + 2 * end) === 0) end++;
    if (end - word > runLength) {
      runStart = word;
      runLength = end - word;
    }
    word = end;
  }
  const embedsIPv4 =
    runStart === 0 &&
    (runLength === 6 || (runLength === 5 && view.getUint16(offset + 10) === 0xffff));
  const words = embedsIPv4 ? 6 : 8;
  let text = '';
  for (let word = 0; word < words; word++) {
    if (word === runStart) {
      text += '::';
      word += runLength - 1;
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':';
      text += view.getUint16(offset + 2 * word).toString(16);
    }
  }
  if (!embedsIPv4) return text;
  return `${text}${text.endsWith(':') ? '' : ':'}${formatIPv4(view, offset + 12)}`;
}

/** The family of an address in text, or `undefined` when it is none. */
export function addressFamily(text: string): Family | undefined {
  if (isIPv4(text)) return 'ipv4';
  // A scope (fe80::1%eth0) is not part of what the kernel tracks.
  if (isIPv6(text) && !text.includes('%')) return 'ipv6';
  return undefined;
}

/** Writes the 4 or 16 bytes of an address that `addressFamily` knows. */
export function writeAddress(view: DataView, offset: number, text: string): void {
  if (isIPv4(text)) {
    writeIPv4(view, offset, text);
    return;
  }
  const dotted = text.lastIndexOf(':') + 1;
  const embedsIPv4 = text.includes('.');
  const [head = '', tail] = (embedsIPv4 ? `${text.slice(0, dotted)}0:0` : text).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const words = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  words.forEach((word, index) => {
    view.setUint16(offset + 2 * index, Number.parseInt(word, 16));
  });
  if (embedsIPv4) writeIPv4(view, offset + 12, text.slice(dotted));
}

function writeIPv4(view: DataView, offset: number, text: string): void {
  text.split('.').forEach((octet, index) => {
    view.setUint8(offset + index, Number(octet));
  });
}
