/**
 * A complete file becomes a compressed one: at each moment one of them is whole.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { HALF_COMPRESSED } from './names.js';

export async function compressFile(directory: string, name: string): Promise<void> {
  const plain = join(directory, `${name}.ndjson`);
  const half = join(directory, name + HALF_COMPRESSED);
  try {
    await pipeline(
      createReadStream(plain),
      createGzip(),
      createWriteStream(half, { mode: 0o640, flush: true }),
    );
  } catch (error) {
    await unlink(half).catch(() => undefined);
    throw error;
  }
  await rename(half, `${plain}.gz`);
  await syncDirectory(directory);
  await unlink(plain);
}

/** What was renamed stays so after a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
