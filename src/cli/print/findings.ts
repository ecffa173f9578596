/**
 * Findings, with what to do.
 */
import type { Finding, FindingSeverity } from '../../index.js';
import { wrapped } from './columns.js';
import type { Paint, Style } from './style.js';

const STYLES: Readonly<Record<FindingSeverity, Style>> = {
  critical: 'red',
  warning: 'yellow',
  info: 'cyan',
};

const INDENT = '  ';

export function linesOfFindings(
  findings: readonly Finding[],
  columns: number,
  paint: Paint,
): string[] {
  if (findings.length === 0) return [paint('green', 'Nothing to report.')];
  return findings.flatMap((finding, index) => [
    ...(index === 0 ? [] : ['']),
    ...linesOf(finding, columns, paint),
  ]);
}

function linesOf({ severity, code, message, ...rest }: Finding, columns: number, paint: Paint) {
  const { setting, current, suggested } = rest;
  const now = current === undefined ? '' : `  (now ${current})`;
  return [
    `${paint(STYLES[severity], severity.toUpperCase())} ${paint('bold', code)}`,
    ...wrapped(message, columns - INDENT.length).map((line) => INDENT + line),
    ...(setting === undefined || suggested === undefined
      ? []
      : [`${INDENT}${paint('bold', `sysctl -w ${setting}=${suggested}`)}${now}`]),
  ];
}

export const isWorseThanInfo = ({ severity }: Finding): boolean => severity !== 'info';
