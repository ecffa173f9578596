/**
 * Files of cases, in the format of conntrack-tools' own test suite.
 *
 * A line is a command line and, behind `;`, its verdict: `OK` or `BAD`. Nothing behind it: the line is
 * input of the next command. `|SED`: what the command prints, changed by this script of sed, is input
 * of the next command. Lines that begin with `#` or a space are skipped.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `SAME`: that of the tool, in cases of our own. */
export type Verdict = 'OK' | 'BAD' | 'SAME';

/** What the next command reads. */
export type Input =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'output'; readonly words: readonly string[]; readonly script: string };

export interface Case {
  /** Such as `00create:7`. */
  readonly at: string;
  readonly words: readonly string[];
  readonly verdict: Verdict;
  readonly input: Input | undefined;
}

export const textOf = ({ words }: Case): string => words.join(' ');

/** The files of a folder in the order of their names. */
export function readFolder(folder: string): Case[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => readCases(name, readFileSync(join(folder, name), 'utf8')));
}

export function readCases(name: string, text: string): Case[] {
  const cases: Case[] = [];
  let input: Input | undefined;
  text.split('\n').forEach((line, index) => {
    if (line === '' || /^[# ]/.test(line)) return;
    const at = `${name}:${index + 1}`;
    const end = line.indexOf(';');
    if (end === -1) throw new Error(`${at}: lacks ";"`);
    const command = line.slice(0, end);
    const words = wordsOf(command);
    const rest = line.slice(end + 1).trim();
    if (rest === '') {
      const lines = input?.kind === 'lines' ? input.lines : [];
      input = { kind: 'lines', lines: [...lines, command] };
    } else if (rest.startsWith('|')) {
      input = { kind: 'output', words, script: rest.slice(1).trim() };
    } else if (rest === 'OK' || rest === 'BAD' || rest === 'SAME') {
      cases.push({ at, words, verdict: rest, input });
      input = undefined;
    } else {
      throw new Error(`${at}: "${rest}" is no verdict`);
    }
  });
  return cases;
}

/** Some lines repeat the tool's name. */
export function wordsOf(command: string): string[] {
  const words = command.split(/\s+/).filter((word) => word !== '');
  return words[0] === 'conntrack' || words[0] === 'nfct' ? words.slice(1) : words;
}

/** What such a script does; the suites have `s/this/that/g` only, of plain words. */
export function edited(lines: readonly string[], script: string): string[] {
  const steps = script
    .split(';')
    .map((step) => step.trim())
    .filter((step) => step !== '');
  return steps.reduce(
    (edited, step) => {
      const [, from, to] = /^s\/([\w -]+)\/([\w -]*)\/g$/.exec(step) ?? [];
      if (from === undefined || to === undefined) throw new Error(`"${step}" is no replacement`);
      return edited.map((line) => line.replaceAll(from, to));
    },
    [...lines],
  );
}
