/**
 * Settings with a judgement.
 */
import type { Finding, SettingName, TableSettings } from '../../index.js';
import { type ShownSetting, shownSettings } from '../print/settings.js';

export interface JudgedSetting extends ShownSetting {
  readonly judgement: 'ok' | Finding['severity'];
  /** The code of the finding behind it. */
  readonly finding?: string;
  readonly suggested?: number;
}

export function judgedSettings(
  settings: TableSettings,
  findings: readonly Finding[],
): JudgedSetting[] {
  return shownSettings(settings).map((setting) => {
    const finding = findings.find((one) => one.setting === `net.netfilter.${setting.sysctl}`);
    if (finding === undefined) return { ...setting, judgement: 'ok' };
    const { severity, code, suggested } = finding;
    return {
      ...setting,
      judgement: severity,
      finding: code,
      ...(suggested !== undefined && { suggested }),
    };
  });
}

/** Those that a screen has; JSON has all. */
export const IMPORTANT: readonly SettingName[] = [
  ...(['maxEntries', 'buckets', 'maxExpectations', 'accounting', 'timestamps', 'events'] as const),
  ...(['automaticHelpers', 'checksum', 'logInvalid', 'tcpLoose', 'tcpLiberal'] as const),
  ...(['tcpEstablishedTimeout', 'udpTimeout', 'udpStreamTimeout', 'genericTimeout'] as const),
];
