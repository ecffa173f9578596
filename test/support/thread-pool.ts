/**
 * libuv's pool of threads, held by a test as others hold it: no other job runs until it is
 * released.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4);

/** Runs `work` while each thread opens a FIFO that nobody writes to. */
export async function withHeldPool<T>(work: () => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'conntrack-pool-'));
  const fifos = Array.from({ length: THREADS }, (_, index) => join(folder, String(index)));
  execFileSync('mkfifo', fifos);
  const held = fifos.map((fifo) => open(fifo, 'r'));
  try {
    return await work();
  } finally {
    // Does not wait for a thread that has not come to it yet.
    const writers = fifos.map((fifo) => openSync(fifo, constants.O_RDWR));
    for (const file of await Promise.all(held)) await file.close();
    writers.forEach(closeSync);
    await rm(folder, { recursive: true });
  }
}
