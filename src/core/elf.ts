/**
 * What the header of a program file says: elf.h, for 64 bits, little-endian.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = 0x7f454c46; // big-endian, as are class and byte order: ELFCLASS64, ELFDATA2LSB
const KIND = { offset: 4, value: 0x0201 } as const;
const HEADER = {
  bytes: 64,
  segments: { offset: 32, size: 54, count: 56 },
  sections: { offset: 40, size: 58, count: 60 },
} as const;
const SEGMENT = { type: 0, offset: 8, fileSize: 32 } as const;
const PT_INTERP = 3;

/** Reads so many bytes, or those up to the end of the file. */
function readAt(fd: number, position: number, size: number): DataView {
  const bytes = new Uint8Array(size);
  return new DataView(bytes.buffer, 0, readSync(fd, bytes, 0, size, position));
}

/** `undefined`: the file cannot be read, or is none of these. */
function inspect<T>(path: string, look: (fd: number, header: DataView) => T): T | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const header = readAt(fd, 0, HEADER.bytes);
      const isKnown = header.getUint32(0) === MAGIC && header.getUint16(KIND.offset) === KIND.value;
      return isKnown ? look(fd, header) : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** The path of a program's dynamic loader, such as `/lib/ld-musl-x86_64.so.1`. */
export function interpreterOf(program: string): string | undefined {
  return inspect(program, (fd, header) => {
    const at = Number(header.getBigUint64(HEADER.segments.offset, true));
    const size = header.getUint16(HEADER.segments.size, true);
    const segments = readAt(fd, at, size * header.getUint16(HEADER.segments.count, true));
    for (let segment = 0; segment < segments.byteLength; segment += size) {
      if (segments.getUint32(segment + SEGMENT.type, true) !== PT_INTERP) continue;
      const from = Number(segments.getBigUint64(segment + SEGMENT.offset, true));
      const length = Number(segments.getBigUint64(segment + SEGMENT.fileSize, true));
      return new TextDecoder().decode(readAt(fd, from, length)).replace(/\0+$/, '');
    }
  });
}

/**
 * Whether the end of a shared object is missing. It ends with the table of its sections. Loading
 * one that is cut off ends the process with SIGBUS.
 */
export function isCutOff(path: string): boolean {
  const missing = inspect(path, (fd, header) => {
    const at = Number(header.getBigUint64(HEADER.sections.offset, true));
    const size = header.getUint16(HEADER.sections.size, true);
    return at + size * header.getUint16(HEADER.sections.count, true) > fstatSync(fd).size;
  });
  return missing === true;
}
