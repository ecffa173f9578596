/**
 * The report as text or Markdown.
 */
import { costFigures, delayFigures, type Report, type TableResult } from './results.js';
import { type Cell, renderTable } from './table.js';
import type { Target } from './targets.js';

export function renderReport(report: Report, targets: Target[], markdown: boolean): string {
  const { machine, rounds, missing, tooLarge } = report;
  const heading = (text: string) => (markdown ? `### ${text}` : text.toUpperCase());
  const table = (head: string[], rows: Cell[][]) => renderTable(head, rows, markdown);
  const notes = [
    ...missing.map(({ name, source }) => `Not there: ${name} (needs: ${source}).`),
    ...tooLarge.map(
      (size) =>
        `Not measured: ${count(size)} entries; net.netfilter.nf_conntrack_max is lower, and only ` +
        'root in the initial network namespace can raise it.',
    ),
  ];
  const sections = [
    [
      `Linux ${machine.kernel}, ${machine.cpus} x ${machine.cpu}, Node.js ${machine.node}, ` +
        `${machine.date}.`,
      `Medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}; ratios are medians of each ` +
        "round's ratio to the floor of that round.",
    ].join('\n'),
    ...report.tables.flatMap((result) => [
      `${heading(`${count(result.entries)} entries`)}\n\n${describeTable(result, report)}`,
      table(COST_HEAD, costRows(result)),
      table(DELAY_HEAD, delayRows(result)),
    ]),
    heading('Targets'),
    table(TARGET_HEAD, targets.map(targetRow)),
    ...notes,
  ];
  return sections.join('\n\n');
}

function describeTable({ entries, messageBytes }: TableResult, { machine }: Report): string {
  // Each entry hangs in two chains, one a direction.
  const chain = (2 * entries) / machine.buckets;
  return (
    `${count(machine.buckets)} buckets, ${chain.toFixed(1)} tuples a bucket; ` +
    `${messageBytes.toFixed(0)} bytes of messages an entry.`
  );
}

const COST_HEAD = [
  'reader',
  'rounds',
  'read, s',
  'ns/entry',
  'read/floor',
  'process, s',
  'process/floor',
  'main thread, ns/entry',
  'growth, MiB',
];

function costRows(table: TableResult): Cell[][] {
  return table.costs.map(({ key, name }) => {
    const figures = costFigures(table, key);
    return [
      name,
      fixed(figures?.rounds, 0),
      fixed(figures?.seconds, 3),
      fixed(figures?.nanosecondsAnEntry, 0),
      fixed(figures?.readRatio, 2),
      fixed(figures?.processSeconds, 3),
      fixed(figures?.processRatio, 2),
      fixed(figures?.mainThreadNanosecondsAnEntry, 0),
      fixed(figures?.residentGrowthMiB, 1),
    ];
  });
}

const DELAY_HEAD = ['delay of the event loop during', 'rounds', 'p99, ms', 'max, ms'];

function delayRows(table: TableResult): Cell[][] {
  return table.delays.map(({ key, name }) => {
    const figures = delayFigures(table, key);
    return [
      name,
      fixed(figures?.rounds, 0),
      fixed(figures?.delayP99, 1),
      fixed(figures?.delayMax, 1),
    ];
  });
}

const TARGET_HEAD = ['target', 'entries', 'at most', 'measured', 'result'];

function targetRow({ what, entries, limit, value, met }: Target): Cell[] {
  const digits = limit < 2 ? 2 : 1;
  const verdict = { true: 'met', false: 'missed', undefined: 'not measured' }[`${met}`];
  return [what, count(entries), String(limit), fixed(value, digits), verdict];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits);
}
