/**
 * --help, from the tables of commands and options.
 */
import { createRequire } from 'node:module';
import { suggestion } from '../core/show-value.js';
import { PROGRAM } from './command.js';
import { COMMAND_NAMES, type CommandName, commandOf } from './line/commands.js';
import { longOf, type OptionGroup, type OptionName, shapeOf } from './line/options.js';
import { wrapped } from './print/columns.js';
import { UsageError } from './usage-error.js';
import type { World } from './world.js';

export const VISIBLE = COMMAND_NAMES.filter((name) => commandOf(name).isHidden !== true);

const TITLES: Readonly<Record<OptionGroup, string>> = {
  conditions: 'Conditions',
  joining: 'Joining conditions',
  changes: 'Changes',
  expectation: 'Expectations',
  events: 'Events',
  acting: 'Acting',
  watching: 'Watching',
  output: 'Output',
  general: 'General',
};

const NARROWEST = 60;
const WIDEST = 100;

/** @param words The command that it is about; none: all. */
export function helpText(words: readonly string[], { out }: World): string {
  const columns = Math.min(WIDEST, Math.max(NARROWEST, out.columns ?? 80));
  const [word] = words;
  if (word === undefined) return overview(columns).join('\n');
  const command = COMMAND_NAMES.find((name) => name === word);
  if (command === undefined) {
    throw new UsageError(`unknown command "${word}"${suggestion(word, VISIBLE)}`);
  }
  return ofCommand(command, columns).join('\n');
}

export function versionText(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  return `${PROGRAM} ${version}`;
}

function overview(columns: number): string[] {
  const rows = VISIBLE.map((name): Row => {
    const { summary, old } = commandOf(name);
    return [name, old === undefined ? summary : `${summary} (${old})`];
  });
  return [
    `Usage: ${PROGRAM} COMMAND [OPTION...]`,
    '',
    'Reads and changes the connection tracking table of Linux.',
    '',
    'Commands:',
    ...listed(rows, columns),
    '',
    ...wrapped(
      'The letters and options of conntrack(8) work, too: "-L -p tcp --dport 443" is the line ' +
        '"list --protocol tcp --destination-port 443".',
      columns,
    ),
    '',
    ...wrapped(`${PROGRAM} COMMAND --help prints the options of a command.`, columns),
    ...wrapped('docs/command-line.md of the package has exit codes and examples.', columns),
  ];
}

function ofCommand(name: CommandName, columns: number): string[] {
  const { summary, operands, options, old, notes = [], examples } = commandOf(name);
  const usage = [PROGRAM, name, operands, '[OPTION...]'].filter((part) => part !== undefined);
  const groups = (Object.keys(TITLES) as OptionGroup[]).flatMap((group) => {
    const own = options.filter((option) => shapeOf(option).group === group);
    if (own.length === 0) return [];
    return ['', `${TITLES[group]}:`, ...listed(own.map(rowOfOption), columns)];
  });
  return [
    ...wrapped(`Usage: ${usage.join(' ')}`, columns, ' '.repeat(9)),
    ...(old === undefined
      ? []
      : [`       ${PROGRAM} ${old.split(', ').join(` | ${PROGRAM} `)} [OPTION...]`]),
    '',
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    ...wrapped(notes.join(' '), columns).filter((line) => line !== ''),
    ...groups,
    '',
    'Examples:',
    ...examples.map((example) => `  ${PROGRAM} ${example}`),
  ];
}

type Row = readonly [left: string, right: string];

function rowOfOption(name: OptionName): Row {
  const { letter, value, isOptional, help } = shapeOf(name);
  const long = `--${longOf(name)}`;
  const shown =
    value === undefined ? long : isOptional === true ? `${long} [${value}]` : `${long} ${value}`;
  return [letter === undefined ? `    ${shown}` : `-${letter}, ${shown}`, help];
}

/** Where the left column ends; a longer text has the right one below it. */
const LEFT = 34;

function listed(rows: readonly Row[], columns: number): string[] {
  const width = Math.min(LEFT, Math.max(...rows.map(([left]) => left.length)) + 2);
  return rows.flatMap(([left, right]) => {
    const indent = ' '.repeat(2 + width);
    const lines = wrapped(right, columns - indent.length);
    const [first = '', ...rest] = lines;
    const head = `  ${left.padEnd(width)}`;
    if (left.length > width - 1) {
      return [`  ${left}`, ...lines.map((line) => indent + line)];
    }
    return [head + first, ...rest.map((line) => indent + line)];
  });
}
