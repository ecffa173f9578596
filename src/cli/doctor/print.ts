/**
 * The report for a person.
 */
import { printable } from '../../core/printable.js';
import type { Cell } from '../print/columns.js';
import { tableOf, wrapped } from '../print/columns.js';
import { isWorseThanInfo, linesOfFindings } from '../print/findings.js';
import { counted } from '../print/numbers.js';
import { linesOfPressure } from '../print/pressure.js';
import { shortText, valueText } from '../print/settings.js';
import type { Paint, Style } from '../print/style.js';
import type { Failed } from './attempt.js';
import type { FeatureFound } from './features.js';
import type { Private } from './private.js';
import type { Privileges } from './privileges.js';
import type { DoctorReport } from './report.js';
import { IMPORTANT, type JudgedSetting } from './settings.js';

const INDENT = '  ';

export function linesOfReport(report: DoctorReport, columns: number, paint: Paint): string[] {
  const { versions, privileges, features, settings, pressure, findings } = report;
  const room = columns - INDENT.length;
  const section = (title: string, lines: readonly string[]) => [
    '',
    paint('bold', title),
    ...lines.map((line) => (line === '' ? '' : INDENT + line)),
  ];
  const failed = ({ message, code }: Failed) => wrapped(`${message} (${code})`, room);
  return [
    ...section('Versions', pairs(Object.entries(versions), room)),
    ...section('Privileges', linesOfPrivileges(privileges, room, paint)),
    ...section('Kernel', linesWithReasons(features, room, paint)),
    ...section(
      'Settings',
      settings.works ? linesOfSettings(settings.value, paint) : failed(settings),
    ),
    ...section(
      'Pressure',
      pressure.works ? linesOfPressure(pressure.value, room, paint) : failed(pressure),
    ),
    ...section(
      titleOfFindings(report),
      findings.works ? linesOfFindings(findings.value, room, paint) : failed(findings),
    ),
    ...(report.private === undefined
      ? []
      : section('Private', linesOfPrivate(report.private, room))),
  ].slice(1);
}

function titleOfFindings({ findings }: DoctorReport): string {
  if (!findings.works) return 'Findings';
  const bad = findings.value.filter(isWorseThanInfo).length;
  return bad === 0 ? 'Findings' : `Findings: ${counted(bad, 'warning')}`;
}

function pairs(entries: readonly (readonly [string, string])[], room: number): string[] {
  const width = Math.max(...entries.map(([name]) => name.length)) + 2;
  return entries.flatMap(([name, text]) => {
    const [first = '', ...rest] = wrapped(text, room - width);
    return [name.padEnd(width) + first, ...rest.map((line) => ' '.repeat(width) + line)];
  });
}

function linesOfPrivileges(
  { root, capabilities, userNamespace, tried }: Privileges,
  room: number,
  paint: Paint,
): string[] {
  const had = Object.entries(capabilities ?? {});
  const has = had.filter(([, is]) => is).map(([name]) => name);
  const who = `${root ? 'root' : 'an ordinary user'} in the ${userNamespace} user namespace`;
  const caps =
    capabilities === undefined ? 'unknown capabilities' : has.join(', ') || 'no capability';
  const reasons = Object.entries(tried).map(([name, attempt]) => ({
    name,
    has: attempt.works,
    detail: attempt.works ? '' : `${attempt.message} (${attempt.code})`,
  }));
  return [...wrapped(`${who}, with ${caps}`, room), '', ...linesWithReasons(reasons, room, paint)];
}

function mark(has: boolean | undefined, paint: Paint): string {
  const [text, style]: readonly [string, Style] =
    has === undefined ? ['  ?  ', 'dim'] : has ? [' yes ', 'green'] : ['  no ', 'yellow'];
  return paint(style, text);
}

/** A reason that is that of the line above is not repeated. */
function linesWithReasons(found: readonly FeatureFound[], room: number, paint: Paint): string[] {
  return found.flatMap(({ name, has, detail }, index) => {
    const isShown = has !== true && detail !== '' && detail !== found[index - 1]?.detail;
    const reason = isShown ? wrapped(detail, room - REASON.length) : [];
    return [`${mark(has, paint)} ${name}`, ...reason.map((line) => REASON + line)];
  });
}

const REASON = ' '.repeat(7);

const COLUMNS = [
  { head: 'SETTING' },
  { head: 'VALUE', isNumber: true },
  { head: '', isNumber: true },
  { head: 'JUDGEMENT' },
];

/** A number of sysctl, as settings takes it. */
function wordOf({ unit }: JudgedSetting, number: number): string {
  if (unit === 'switch') return number === 0 ? 'off' : 'on';
  return unit === 'events' ? (['off', 'on', 'auto'][number] ?? String(number)) : String(number);
}

const STYLES: Readonly<Record<JudgedSetting['judgement'], Style>> = {
  ok: 'green',
  info: 'cyan',
  warning: 'yellow',
  critical: 'red',
};

function linesOfSettings(settings: readonly JudgedSetting[], paint: Paint): string[] {
  const shown = settings.filter(
    ({ name, judgement }) => IMPORTANT.includes(name) || judgement !== 'ok',
  );
  return tableOf(
    COLUMNS,
    shown.map((setting): Cell[] => {
      const { name, judgement, finding, suggested } = setting;
      const advice = suggested === undefined ? '' : `, try ${wordOf(setting, suggested)}`;
      const text = finding === undefined ? judgement : `${finding}${advice}`;
      return [
        { text: name },
        { text: valueText(setting) },
        { text: shortText(setting), style: 'dim' },
        { text, style: STYLES[judgement] },
      ];
    }),
    paint,
  );
}

function linesOfPrivate({ hostname, execPath, addonOverride, busiest }: Private, room: number) {
  const list = (all: readonly { address: string; entries: number }[]) =>
    all.map(({ address, entries }) => `${address} (${entries})`).join(', ');
  return pairs(
    [
      ['hostname', printable(hostname)],
      ['node', printable(execPath)],
      ...(addonOverride === undefined
        ? []
        : [['CONNTRACK_ADDON', printable(addonOverride)] as const]),
      ['sources', busiest.works ? list(busiest.value.sources) : busiest.code],
      ['destinations', busiest.works ? list(busiest.value.destinations) : busiest.code],
    ],
    room,
  );
}
