/**
 * Reads and writes the settings, as files of /proc/sys.
 */

import { boolean, type Check, integer, objectOf, uint8, word } from '../core/check.js';
import { codeOf } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { readProcFiles } from '../core/proc-files.js';
import { settingPath } from '../core/setting-path.js';
import { note } from '../core/trace.js';
import { settingError, unreadSettingsError, untrackedError } from './errors.js';
import { numberIn } from './proc-number.js';
import {
  SETTINGS,
  type SettingChanges,
  type SettingName,
  type SettingValues,
  type TableSettings,
} from './settings.js';

const NAMES = Object.keys(SETTINGS) as SettingName[];
const EVENTS = ['off', 'on', 'auto'] as const;
const eventsWord = word(EVENTS);
const LARGEST_INT = 2 ** 31 - 1;

export function readSettings(operation: string, netns: NetNamespaceArgument): TableSettings {
  const paths = NAMES.map((name) => settingPath(SETTINGS[name].sysctl));
  const files = readProcFiles(operation, netns, paths);
  const settings: Record<string, unknown> = {};
  for (const [index, name] of NAMES.entries()) {
    const number = numberIn(files[index]?.text);
    const value = number === undefined ? undefined : settingOf(SETTINGS[name].kind, number);
    if (value !== undefined) settings[name] = value;
  }
  if (Object.keys(settings).length === 0) throw untrackedError(operation, files[0]?.failure);
  return settings;
}

export async function writeSettings(
  changes: SettingChanges,
  netns: NetNamespaceArgument,
): Promise<TableSettings> {
  const given = objectOf(changes, 'changes', NAMES);
  const wanted = NAMES.filter((name) => given[name] !== undefined).map((name) => ({
    name,
    text: String(sysctlOf[SETTINGS[name].kind](given[name], `changes.${name}`)),
  }));
  const written: SettingName[] = [];
  for (const { name, text } of wanted) {
    const { sysctl } = SETTINGS[name];
    const { failure } = await loadAddon().writeFile(netns, settingPath(sysctl), text);
    note(
      'writeSettings',
      () => `${settingPath(sysctl)} = ${text}: ${failure ? codeOf(failure.errno) : 'ok'}`,
    );
    if (failure !== undefined) {
      throw settingError(failure, {
        sysctl: `net.netfilter.nf_conntrack_${sysctl}`,
        isGlobal: 'global' in SETTINGS[name],
        isTimeout: SETTINGS[name].kind === 'seconds',
        text,
        written,
      });
    }
    written.push(name);
  }
  try {
    return readSettings('writeSettings', netns);
  } catch (error) {
    throw unreadSettingsError(error, written);
  }
}

function settingOf(kind: keyof SettingValues, number: number): unknown {
  if (kind === 'switch') return number !== 0;
  if (kind === 'events') return EVENTS[number];
  return number;
}

/** The number that the kernel takes. */
const sysctlOf: Readonly<Record<keyof SettingValues, Check<number>>> = {
  switch: (value, path) => Number(boolean(value, path)),
  events: (value, path) => EVENTS.indexOf(eventsWord(value, path)),
  byte: uint8,
  bytes: integer(0, Number.MAX_SAFE_INTEGER),
  // The kernel (6.18) accepts negative seconds.
  seconds: integer(0, LARGEST_INT),
  count: integer(0, LARGEST_INT),
};
