/**
 * All that the doctor finds out.
 */
import type { Finding, PressureSample } from '../../index.js';
import type { Api } from '../command.js';
import { type Attempt, attempt, resultOf } from './attempt.js';
import { type FeatureApi, type FeatureFound, findFeatures } from './features.js';
import { type Private, readPrivate } from './private.js';
import { type PrivilegeApi, type Privileges, READING, readPrivileges } from './privileges.js';
import { type JudgedSetting, judgedSettings } from './settings.js';
import { readVersions, type Versions } from './versions.js';

export interface DoctorReport {
  readonly versions: Versions;
  readonly privileges: Privileges;
  readonly features: readonly FeatureFound[];
  readonly settings: Attempt<readonly JudgedSetting[]>;
  readonly pressure: Attempt<PressureSample>;
  readonly findings: Attempt<readonly Finding[]>;
  readonly private?: Private;
}

export type DoctorApi = FeatureApi &
  PrivilegeApi &
  Pick<Api, 'diagnose' | 'readPressure' | 'readSettings' | 'streamEntries'>;

export async function examine(api: DoctorApi, isPrivate: boolean): Promise<DoctorReport> {
  const privileges = await readPrivileges(api);
  const findings = await attempt(() => api.diagnose());
  const settings = await attempt(() => api.readSettings());
  const stats = await attempt(() => api.readStats());
  const { [READING]: reading } = privileges.tried;
  const features = await findFeatures(api, settings, stats, reading);
  return {
    versions: readVersions(addonProblem(privileges)),
    privileges,
    features,
    settings: settings.works
      ? { works: true, value: judgedSettings(settings.value, resultOf(findings) ?? []) }
      : settings,
    pressure: await attempt(() => api.readPressure()),
    findings,
    ...(isPrivate && { private: await readPrivate(api) }),
  };
}

const NO_ADDON = ['ERR_CONNTRACK_ADDON', 'ERR_CONNTRACK_LAYOUT'];

/** Without the paths of its message. */
function addonProblem({ tried }: Privileges): string | undefined {
  const codes = Object.values(tried).flatMap((one) => (one.works ? [] : [one.code]));
  const code = codes.find((one) => NO_ADDON.includes(one));
  return code && `cannot be loaded (${code})`;
}
