/**
 * The result of a run, for people.
 */
import { textOf } from './read-cases.js';
import type { Found, Report } from './suite.js';

export function linesOfReport(name: string, report: Report, milliseconds: number): string[] {
  const { cases, equal, found, unused } = report;
  const seconds = (milliseconds / 1000).toFixed(1);
  const reasons = [...new Set(found.map(({ reason }) => reason))];
  return [
    `${name}: ${cases} cases, ${equal} equal, ${cases - equal} not, ${seconds} s`,
    ...reasons.flatMap((reason) => [
      `  ${reason ?? 'WITHOUT A REASON'}`,
      ...found.filter((one) => one.reason === reason).flatMap(linesOfFound),
    ]),
    ...unused.map(
      ({ command, aspect, reason }) => `  NO CASE SHOWS ${aspect} of ${String(command)}: ${reason}`,
    ),
  ];
}

const linesOfFound = ({ case: one, aspect, detail }: Found): string[] => [
  `    ${one.at}: ${textOf(one)}`,
  ...detail.split('\n').map((line) => `      ${aspect}: ${line}`),
];
