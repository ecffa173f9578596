/**
 * Handles that are opened and closed, also while their requests are under way.
 */
import { Conntrack } from 'conntrack';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const CLOSED = ['ERR_CONNTRACK_CLOSED'];

export class Handles implements Activity {
  readonly name = 'handles';
  readonly pause = 800;
  readonly #tallies: Tallies;

  constructor(tallies: Tallies) {
    this.#tallies = tallies;
  }

  async turn(): Promise<void> {
    const handle = await Conntrack.open();
    const key = {
      protocol: 'udp',
      original: { source: '10.9.0.1', destination: '10.9.0.2', sourcePort: 1, destinationPort: 2 },
    } as const;
    const stream = handle.watchEvents();
    const reading = (async () => {
      for await (const _ of stream.batches());
    })();
    const pending = [
      ...Array.from({ length: 40 }, () => handle.getEntry(key)),
      handle.listEntries(),
      handle.countEntries(),
      handle.readStats(),
      handle.mirrorTable().then((mirror) => mirror.close()),
      handle.deleteEntries({ protocol: 'udp' }, { dryRun: true }),
    ].map((promise) => this.#tallies.refusable<unknown>(promise, CLOSED));
    // At first, in the middle, or when all is done.
    const moment = Math.random();
    if (moment < 0.3) await pending[0];
    else if (moment < 0.6) await Promise.all(pending);
    await handle.close();
    await Promise.all(pending);
    await reading;
  }
}
