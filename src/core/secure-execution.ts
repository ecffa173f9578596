/**
 * Whether the environment of this process is that of somebody with fewer rights.
 */
import { readFileSync } from 'node:fs';

/** linux/auxvec.h */
const AT_SECURE = 23n;

/**
 * Whether the program file gave this process rights (AT_SECURE): capabilities of `setcap`, or those
 * of another user. Node.js knows, and exports it nowhere. The kernel may keep such a process from
 * reading the file (it is not dumpable), so what cannot be read counts as yes.
 */
export function isSecureExecution(path = '/proc/self/auxv', arch: string = process.arch): boolean {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(readFileSync(path));
  } catch {
    return true;
  }
  // Pairs of a C unsigned long.
  const is32Bit = arch === 'arm' || arch === 'ia32';
  const words = is32Bit
    ? Array.from(new Uint32Array(bytes.buffer), BigInt)
    : new BigUint64Array(bytes.buffer);
  const at = words.findIndex((word, index) => index % 2 === 0 && word === AT_SECURE);
  return words[at + 1] !== 0n;
}
