/**
 * Counters, settings, pressure and diagnosis.
 */
import {
  diagnose,
  explainFilter,
  listNamespaceIds,
  readDefaultTimeouts,
  readPressure,
  readSettings,
  readStats,
  watchPressure,
} from 'conntrack';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

export class Health implements Activity {
  readonly name = 'health';
  readonly pause = 700;
  readonly #tallies: Tallies;

  constructor(tallies: Tallies) {
    this.#tallies = tallies;
  }

  async turn(): Promise<void> {
    const [stats, pressure, settings, findings] = await Promise.all([
      readStats(),
      readPressure(),
      readSettings(),
      diagnose(),
    ]);
    explainFilter({ mark: 1, protocol: 'tcp' });
    await Promise.all([readDefaultTimeouts('tcp'), listNamespaceIds()]);
    this.#tallies.requests += 6;
    this.#tallies.expect(
      pressure.maxEntries === stats.maxEntries && settings.events === 'on' && findings.length < 50,
      'health: readPressure(), readStats() and readSettings() disagree',
    );
    let samples = 0;
    for await (const { entries } of watchPressure({ intervalMs: 100 })) {
      this.#tallies.expect(entries >= 0, 'health: no entries in a sample');
      if (++samples === 2) break;
    }
  }
}
