/** The programs in C that CMake builds: see tools/prepare.mjs. */
import { fileURLToPath } from 'node:url';

export function native(name: string): string {
  return fileURLToPath(new URL(`../../build/bench/native/${name}`, import.meta.url));
}
