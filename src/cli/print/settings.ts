/**
 * Settings with their units.
 */
import type { SettingName, TableSettings } from '../../index.js';
import { SETTING_NAMES, settingOf, sysctlOf } from '../read/settings.js';
import { shortBytes, shortSeconds } from './numbers.js';

export interface ShownSetting {
  readonly name: SettingName;
  readonly sysctl: string;
  readonly value: number | boolean | string;
  readonly unit: 'seconds' | 'bytes' | 'count' | 'switch' | 'byte' | 'events';
  /** Applies to all network namespaces. */
  readonly global: boolean;
}

export function shownSettings(settings: TableSettings): ShownSetting[] {
  return SETTING_NAMES.flatMap((name) => {
    const value = settings[name];
    if (value === undefined) return [];
    const { kind, global = false } = settingOf(name);
    return { name, sysctl: sysctlOf(name), value, unit: kind, global };
  });
}

/** As the command takes it, and readable. */
export function valueText({ value, unit }: Pick<ShownSetting, 'value' | 'unit'>): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return unit === 'count' || unit === 'byte' || typeof value === 'string'
    ? String(value)
    : `${value} ${unit === 'seconds' ? 's' : 'B'}`;
}

/** Of large numbers. */
export function shortText({ value, unit }: ShownSetting): string {
  if (typeof value !== 'number') return '';
  if (unit === 'seconds' && value >= 60) return shortSeconds(value);
  return unit === 'bytes' && value >= 1024 ? shortBytes(value) : '';
}
