/**
 * Waits for what a table at rest comes to.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** The garbage collector of the kernel looks at a large table within a minute and a half. */
const PATIENCE = 120_000; // milliseconds

/** Asks until nothing is wrong, or returns what still is when the time is over. */
export async function eventually(
  wrong: () => Promise<string | undefined> | string | undefined,
  patience = PATIENCE,
): Promise<string | undefined> {
  const end = performance.now() + patience;
  for (;;) {
    const problem = await wrong();
    if (problem === undefined || performance.now() > end) return problem;
    await sleep(100);
  }
}
