/**
 * Settings by name, and their values as people write them.
 */
import { suggestion } from '../../core/show-value.js';
import {
  SETTINGS,
  type Setting,
  type SettingChanges,
  type SettingName,
  type SettingValues,
} from '../../index.js';
import { UsageError } from '../usage-error.js';
import { wordIn } from './values.js';

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export const settingOf = (name: SettingName): Setting => SETTINGS[name];

export const sysctlOf = (name: SettingName): string => `nf_conntrack_${settingOf(name).sysctl}`;

/** By the name in the API, or by that of the sysctl. */
export function settingNameIn(word: string): SettingName {
  const bare = word.replace(/^net\.netfilter\./, '').replace(/^nf_conntrack_/, '');
  const name = SETTING_NAMES.find((one) => one === word || settingOf(one).sysctl === bare);
  if (name !== undefined) return name;
  const known = [...SETTING_NAMES, ...SETTING_NAMES.map(sysctlOf)];
  throw new UsageError(`no setting is named "${word}"${suggestion(word, known)}`);
}

type Value = SettingValues[keyof SettingValues];

const READERS: Readonly<Record<Setting['kind'], (text: string, name: string) => Value>> = {
  count: wholeNumber,
  seconds: wholeNumber,
  bytes: wholeNumber,
  byte: wholeNumber,
  switch: (text, name) => ['on', '1', 'yes'].includes(wordIn(SWITCH, text, name)),
  events: (text, name) => EVENTS[wordIn(Object.keys(EVENTS), text, name)] ?? 'auto',
};

const SWITCH = ['on', 'off', '1', '0', 'yes', 'no'] as const;
const EVENTS: Readonly<Record<string, SettingValues['events']>> = {
  off: 'off',
  on: 'on',
  auto: 'auto',
  '0': 'off',
  '1': 'on',
  '2': 'auto',
};

function wholeNumber(text: string, name: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`${name} must be a whole number, not "${text}"`);
}

/** @param pairs Such as `accounting=on`. */
export function settingChangesIn(pairs: readonly string[]): SettingChanges {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [word = '', text = ''] = pair.split('=');
      const name = settingNameIn(word);
      return [name, READERS[settingOf(name).kind](text, name)];
    }),
  );
}
