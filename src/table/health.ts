/**
 * Statistics, settings, pressure and diagnosis.
 *
 * @module
 */

import { openReader } from '../entry/read.js';
import { EntryStream, type ReadOptions } from '../entry/stream.js';
import { type Finding, findingsOf } from '../health/diagnose.js';
import { gatherEvidence } from '../health/evidence.js';
import {
  type PressureOptions,
  type PressureSample,
  samplePressure,
  type WatchPressureOptions,
  watchPressureOf,
} from '../health/pressure.js';
import { readLoad } from '../health/read-load.js';
import { readStats as readStatsOf } from '../health/read-stats.js';
import type { SettingChanges, TableSettings } from '../health/settings.js';
import {
  readSettings as readSettingsOf,
  writeSettings as writeSettingsOf,
} from '../health/settings-files.js';
import type { TableStats } from '../health/stats.js';
import { atMost, type Context, contextOf, within } from '../request/context.js';

/**
 * Returns the kernel's counters, per processor and in total, and the size and limit of the
 * table. Without CAP_NET_ADMIN it reads them from /proc; `source` names the origin.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is not
 * loaded.
 *
 * @example
 * ```ts
 * import { readStats } from 'conntrack';
 *
 * const { entries, maxEntries, total } = await readStats();
 * console.log(`${entries} of ${maxEntries}, ${total.drop} packets dropped`);
 * ```
 */
export async function readStats(this: unknown): Promise<TableStats> {
  atMost(0, arguments);
  return within(this, 'readStats', async (context) => readStatsOf(context.requests, context.netns));
}

/**
 * Returns the settings (`net.netfilter.nf_conntrack_*`) of the network namespace, typed.
 * Settings that this kernel lacks are absent. Needs no privileges.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is not
 * loaded, or /proc/sys is hidden.
 *
 * @example
 * ```ts
 * import { readSettings } from 'conntrack';
 *
 * const { maxEntries, accounting, tcpEstablishedTimeout } = await readSettings();
 * console.log(maxEntries, accounting, tcpEstablishedTimeout);
 * ```
 */
export async function readSettings(this: unknown): Promise<TableSettings> {
  atMost(0, arguments);
  return within(this, 'readSettings', async (context) =>
    readSettingsOf('readSettings', context.netns),
  );
}

/**
 * Writes settings and returns all of them, read back. It checks every value before it writes
 * the first one. When the kernel refuses one, the error names the settings written before.
 *
 * A reboot, or the end of the network namespace, resets them; sysctl.d(5) makes them permanent.
 *
 * Privileges: root of the user namespace that owns the network namespace; for `maxEntries`,
 * `buckets` and `maxExpectations`, root in the initial network namespace.
 *
 * @throws {@link ConntrackError} `EACCES` for a read-only setting, `EROFS` where /proc/sys is
 * mounted read-only, `EINVAL` when the kernel refuses the value, `ERR_CONNTRACK_UNSUPPORTED`
 * for a setting that this kernel lacks.
 * @throws TypeError or RangeError for a wrong name or value, naming the field; nothing was
 * written.
 *
 * @example
 * ```ts
 * import { writeSettings } from 'conntrack';
 *
 * await writeSettings({ accounting: true, tcpEstablishedTimeout: 86_400 });
 * ```
 */
export async function writeSettings(
  this: unknown,
  changes: SettingChanges,
): Promise<TableSettings> {
  atMost(1, arguments);
  return within(this, 'writeSettings', async (context) => writeSettingsOf(changes, context.netns));
}

/**
 * Returns how full the table is. With a `previous` sample it also returns rates, and applies
 * hysteresis to the level. Needs no privileges.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is not
 * loaded.
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { readPressure } from 'conntrack';
 *
 * const { level, entries, maxEntries } = await readPressure();
 * if (level !== 'normal') console.warn(`conntrack table ${level}: ${entries} of ${maxEntries}`);
 * ```
 */
export async function readPressure(
  this: unknown,
  options?: PressureOptions,
): Promise<PressureSample> {
  atMost(1, arguments);
  return within(this, 'readPressure', async (context) =>
    samplePressure(sourceOf(context), options),
  );
}

/**
 * Samples the pressure at an interval, the first time at once, with rates since the previous
 * sample. Leaving the loop ends it. Needs no privileges.
 *
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { watchPressure } from 'conntrack';
 *
 * for await (const { level, secondsUntilFull, dropped } of watchPressure({ intervalMs: 5000 })) {
 *   if (level === 'critical') console.error('full in', secondsUntilFull, 's; dropped', dropped?.delta);
 * }
 * ```
 */
export function watchPressure(
  this: unknown,
  options?: WatchPressureOptions,
): AsyncGenerator<PressureSample, undefined, undefined> {
  atMost(1, arguments);
  const context = contextOf(this, 'watchPressure');
  return watchPressureOf(context, sourceOf(context), options);
}

/**
 * Checks the counters, the settings and, in one pass, the whole table, and returns its
 * findings, the most severe first. It takes at least 500 ms, to see which counters move, and
 * changes nothing.
 *
 * Privileges: CAP_NET_ADMIN to read the table; without it a finding reports that, and the
 * others use counters and settings only.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where connection tracking is not
 * loaded.
 *
 * @example
 * ```ts
 * import { diagnose } from 'conntrack';
 *
 * for (const { severity, code, message, setting, suggested } of await diagnose())
 *   console.log(severity, code, message, setting, suggested);
 * ```
 */
export async function diagnose(this: unknown): Promise<Finding[]> {
  atMost(0, arguments);
  return within(this, 'diagnose', async (context) =>
    findingsOf(await gatherEvidence(sourceOf(context), context.netns)),
  );
}

const sourceOf = (context: Context) => ({
  readLoad: () => readLoad(context.requests, context.netns),
  readStats: () => readStatsOf(context.requests, context.netns),
  readSettings: async () => readSettingsOf('readSettings', context.netns),
  streamEntries: (filter?: undefined, options?: ReadOptions) =>
    new EntryStream('streamEntries', openReader(context, 'streamEntries', filter, options)),
});
