/** docs/command-line.md has the tables of the command line. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit.js';
import { COMMAND_NAMES, commandOf } from '../../src/cli/line/commands.js';
import { longOf, OPTION_NAMES, shapeOf } from '../../src/cli/line/options.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { SHOWN_KEYS } from '../../src/cli/top/keys.js';
import { tableRows } from './documents.js';

const document = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');

it('every exit code, and no other', () => {
  const rows = tableRows(document, '| code | means |');
  const codes = rows.map(([code, means = '']) => [means.split(/[:,]/)[0], Number(code)]);
  expect(Object.fromEntries(codes)).toEqual(EXIT);
});

it('every command, with its summary', () => {
  const rows = tableRows(document, '| command | does |');
  const commands = COMMAND_NAMES.filter((name) => commandOf(name).isHidden !== true);
  expect(rows).toEqual(
    commands.map((name) => {
      const { summary, old } = commandOf(name);
      const letters = old?.split(', ').map((letter) => `\`${letter}\``) ?? [];
      return [`\`${name}\``, summary, letters.join(', ')];
    }),
  );
});

it('every option of conntrack(8), with its name here', () => {
  const rows = tableRows(document, '| conntrack(8) | here |');
  expect(rows).toEqual(
    OPTION_NAMES.flatMap((name) => {
      const { old, letter } = shapeOf(name);
      if (old === undefined) return [];
      const names = [
        ...(letter === undefined ? [] : [`-${letter}`]),
        ...old.map((one) => `--${one}`),
      ];
      return [[names.map((one) => `\`${one}\``).join(', '), `\`--${longOf(name)}\``]];
    }),
  );
});

it('every key of top', () => {
  const rows = tableRows(document, '| key | does |');
  expect(rows).toEqual(SHOWN_KEYS.map(({ shown, help }) => [`\`${shown}\``, help]));
});

it('the lines of its examples are lines', () => {
  const lines = Array.from(document.matchAll(/^(?:conntrack-js|npx conntrack) (.*?)(?: +#.*)?$/gm));
  expect(lines.length).toBeGreaterThan(3);
  for (const [, line = ''] of lines) expect(() => parseLine(line.split(' '))).not.toThrow();
});
