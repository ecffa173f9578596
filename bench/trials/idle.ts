import { setTimeout } from 'node:timers/promises';

/** Does nothing for a second: what the machine itself adds to the delay of an event loop. */
export async function idle(): Promise<undefined> {
  await setTimeout(1000);
}
