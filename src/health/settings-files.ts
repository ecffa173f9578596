/**
 * Reads and writes the settings, as files of /proc/sys.
 */

import { integer, objectOf } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { settingPath } from '../core/setting-path.js';
import { settingError, untrackedError } from './errors.js';
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
const LARGEST_INT = 2 ** 31 - 1;

export async function readSettings(
  operation: string,
  netns: NetNamespaceArgument,
): Promise<TableSettings> {
  const paths = NAMES.map((name) => settingPath(SETTINGS[name].sysctl));
  const files = await loadAddon().readFiles(netns, paths);
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
    text: String(sysctlOf(SETTINGS[name].kind, given[name], `changes.${name}`)),
  }));
  const written: SettingName[] = [];
  for (const { name, text } of wanted) {
    const { sysctl } = SETTINGS[name];
    const { failure } = await loadAddon().writeFile(netns, settingPath(sysctl), text);
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
  return readSettings('writeSettings', netns);
}

function settingOf(kind: keyof SettingValues, number: number): unknown {
  if (kind === 'switch') return number !== 0;
  if (kind === 'events') return EVENTS[number];
  return number;
}

function sysctlOf(kind: keyof SettingValues, value: unknown, field: string): number {
  switch (kind) {
    case 'switch':
      if (typeof value !== 'boolean') throw typeError(field, 'must be a boolean');
      return value ? 1 : 0;
    case 'events': {
      const number = EVENTS.indexOf(value as (typeof EVENTS)[number]);
      if (number < 0) throw typeError(field, `must be one of ${EVENTS.join(', ')}`);
      return number;
    }
    case 'byte':
      return integer(value, field, 255);
    case 'bytes':
      return integer(value, field, Number.MAX_SAFE_INTEGER);
    // The kernel (6.18) takes negative seconds without a word.
    case 'seconds':
    case 'count':
      return integer(value, field, LARGEST_INT);
  }
}
