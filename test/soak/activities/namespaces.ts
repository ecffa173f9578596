/**
 * Namespaces that come and go, also under open handles.
 */
import { Conntrack } from 'conntrack';
import { OwnedPlace } from '../place.js';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const FLOWS = 20;

export class Namespaces implements Activity {
  readonly name = 'namespaces';
  readonly pause = 4000;
  readonly #tallies: Tallies;

  constructor(tallies: Tallies) {
    this.#tallies = tallies;
  }

  async turn(): Promise<void> {
    const place = await OwnedPlace.create();
    const netns = { pid: place.pid as number };
    const handle = await Conntrack.open({ netns });
    await handle.writeSettings({ events: 'on' });
    const stream = handle.watchEvents({ events: ['new', 'destroy'] });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { type } of stream) seen.push(type);
    })();
    const mirror = await handle.mirrorTable();
    const flows = handle.createEntries(Array.from({ length: FLOWS }, (_, index) => flow(index)));
    // Its process ends while the requests are under way: the handle keeps the namespace.
    const gone = place[Symbol.asyncDispose]();
    const results = await flows;
    await mirror.caughtUp();
    const counts = [results.filter(({ entry }) => entry).length, mirror.size];
    counts.push((await handle.listEntries()).length, await handle.countEntries());
    await gone;
    const { deleted } = await handle.deleteEntries({ protocol: 'udp' });
    await Promise.all([mirror.caughtUp(), stream.caughtUp()]);
    counts.push(deleted, seen.filter((type) => type === 'new').length);
    counts.push(seen.filter((type) => type === 'destroy').length);
    this.#tallies.requests += FLOWS + deleted + 2;
    this.#tallies.expect(
      counts.every((count) => count === FLOWS) && mirror.size === 0,
      `namespaces: ${counts.join(' ')} of ${FLOWS}`,
    );
    await handle.close();
    await reading;
    await this.#tallies.refusable(Conntrack.open({ netns }), ['ENOENT']);
  }
}

function flow(index: number) {
  return {
    protocol: 'udp',
    original: {
      source: `10.8.0.${index}`,
      destination: '10.8.1.1',
      sourcePort: 1000,
      destinationPort: 53,
    },
    timeout: 600,
  } as const;
}
