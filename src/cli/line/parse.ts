/**
 * A command line, from words to options: `list --protocol tcp`, and `-L -p tcp` as conntrack(8) has it.
 */
import { endianness } from 'node:os';
import { parseArgs } from 'node:util';
import { suggestion } from '../../core/show-value.js';
import { PROTOCOL_NUMBERS } from '../../index.js';
import { protocolNumber } from '../read/values.js';
import { UsageError } from '../usage-error.js';
import { COMMAND_NAMES, COMMANDS, type CommandName, commandOf } from './commands.js';
import {
  ACCEPTED,
  LETTERS,
  type LetterCommand,
  NEEDED_STATE,
  TABLES,
  type TableName,
} from './compat.js';
import { longOf, OPTION_NAMES, type OptionName, shapeOf } from './options.js';

/** The values of the options that are given, in their order; `''` for an option without one. */
export type Given = { readonly [Name in OptionName]?: readonly string[] };

/** Conditions between `--or` and the next one. */
export interface Alternative {
  readonly all: Given;
  /** Those behind each `--not`. */
  readonly not: readonly Given[];
}

export interface CommandLine {
  readonly command: CommandName | 'help' | 'version';
  /** Operands. */
  readonly words: readonly string[];
  /** All but conditions, and the conditions before the first `--or`, `--not` and `--where`. */
  readonly given: Given;
  /** The first one's `all` is `given`, unless `--where` begins it. */
  readonly alternatives: readonly Alternative[];
  /** Given by its letter: then conntrack(8) decides which options it takes. */
  readonly isLetter: boolean;
}

/** The last value of an option, which is the one that counts; `undefined`: it is not given. */
export const lastValue = (given: Given, name: OptionName): string | undefined =>
  given[name]?.at(-1);

type Meaning =
  | { readonly kind: 'command'; readonly name: LetterCommand }
  | { readonly kind: 'option'; readonly name: OptionName };

const BY_LETTER = new Map<string, Meaning>();
/** The names in the words of the API, and those of conntrack(8). */
const BY_NAME = new Map<string, Meaning>();
const BY_OLD_NAME = new Map<string, Meaning>();
for (const [name, [letter, long]] of Object.entries(LETTERS)) {
  if (name === 'help') continue;
  const meaning = { kind: 'command', name: name as LetterCommand } as const;
  BY_LETTER.set(letter, meaning);
  BY_OLD_NAME.set(long, meaning);
}
for (const name of OPTION_NAMES) {
  const { letter, old = [] } = shapeOf(name);
  const meaning = { kind: 'option', name } as const;
  if (letter !== undefined) BY_LETTER.set(letter, meaning);
  BY_NAME.set(longOf(name), meaning);
  for (const long of old) BY_OLD_NAME.set(long, meaning);
}

/** @throws UsageError for what says nothing. */
export function parseLine(argv: readonly string[]): CommandLine {
  const { args, letter } = new Canonical(argv).read();
  const { tokens } = parseArgs({
    args,
    options: Object.fromEntries(
      OPTION_NAMES.map((name) => [
        name,
        { type: shapeOf(name).value === undefined ? 'boolean' : 'string', multiple: true } as const,
      ]),
    ),
    allowPositionals: true,
    tokens: true,
  });
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const options = tokens.flatMap((token) =>
    token.kind === 'option' ? [[token.name as OptionName, token.value ?? ''] as const] : [],
  );
  if (letter !== undefined) return ofLetter(letter, words, options.map(tagAsTool));
  return ofWord(words, options);
}

type Options = readonly (readonly [name: OptionName, value: string])[];

function ofWord(words: readonly string[], options: Options): CommandLine {
  const [word, ...rest] = words;
  const wantsHelp = options.some(([name]) => name === 'help');
  if (word === undefined || word === 'help' || word === 'version') {
    if (word === undefined && !wantsHelp) throw new UsageError('no command');
    const command = word ?? 'help';
    return { command, words: rest, ...joined(options), isLetter: false };
  }
  const command = COMMAND_NAMES.find((one) => one === word);
  if (command === undefined) {
    const commands = COMMAND_NAMES.filter((name) => commandOf(name).isHidden !== true);
    throw new UsageError(`unknown command "${word}"${suggestion(word, commands)}`);
  }
  const shape = commandOf(command);
  refuseOperands(rest, shape.operands === undefined ? 0 : (shape.mostOperands ?? 1), command);
  for (const [name] of options) if (!wantsHelp) refuseOption(name, command);
  const line = { command, words: rest, ...joined(options), isLetter: false } as const;
  if (wantsHelp) return { ...line, command: 'help', words: [command] };
  return line;
}

function refuseOperands(words: readonly string[], most: number, command: string): void {
  const stray = words[most];
  if (stray !== undefined) throw new UsageError(`"${stray}" belongs to no option of ${command}`);
}

function refuseOption(name: OptionName, command: CommandName): void {
  if (commandOf(command).options.includes(name)) return;
  const others = COMMAND_NAMES.filter((other) => commandOf(other).options.includes(name));
  const [first = '', ...more] = others;
  const who = more.length === 0 ? `${first} does` : `${more.join(', ')} and ${first} do`;
  throw new UsageError(`${command} does not take --${longOf(name)}; ${who}`);
}

/** A verification tag of SCTP: the tool takes the kernel's big-endian one for one of the host. */
function tagAsTool([name, value]: Options[number]): Options[number] {
  if ((name !== 'originalTag' && name !== 'replyTag') || !/^(0x[\da-f]+|\d+)$/i.test(value)) {
    return [name, value];
  }
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, Number(value), endianness() === 'LE');
  return [name, String(view.getUint32(0))];
}

interface Letter {
  readonly command: LetterCommand;
  readonly shown: string;
  readonly table: TableName;
  readonly file: string | undefined;
}

function ofLetter(
  { command, shown, table, file }: Letter,
  words: readonly string[],
  options: Options,
): CommandLine {
  refuseOperands(words, 0, shown);
  const joins = joined(command === 'add' ? [...options, ['ifAbsent', '']] : options);
  if (joins.given.help !== undefined)
    return { command: 'help', words: [], ...joins, isLetter: true };
  checkAsTool(command, table, shown, joins.given);
  const own = commandBehind(command, table);
  for (const [name] of options) {
    if (own.command !== 'version' && shapeOf(name).old === undefined) {
      refuseOption(name, own.command);
    }
  }
  return { ...own, ...(file !== undefined && { words: [file] }), ...joins, isLetter: true };
}

function commandBehind(
  command: LetterCommand,
  table: TableName,
): { command: CommandName | 'version'; words: readonly string[] } {
  if (command === 'help') throw new UsageError('no command');
  if (table === 'unconfirmed') {
    throw new UsageError('there is no table unconfirmed: newer kernels have no such list');
  }
  if (command === 'watch') return { command, words: table === 'expect' ? ['expect'] : [] };
  if (table === 'expect') return { command: 'expect', words: [command] };
  if (table === 'dying') return { command: 'list', words: ['dying'] };
  return { command: command === 'add' ? 'create' : command, words: [] };
}

/** As conntrack(8) checks: what it refuses with a letter is refused. */
function checkAsTool(command: LetterCommand, table: TableName, shown: string, given: Given): void {
  const accepted = ACCEPTED[table][command];
  if (accepted === undefined) throw new UsageError(`${shown} has no table ${table}`);
  const number = given.protocol === undefined ? undefined : protocolNumber(given.protocol);
  for (const name of Object.keys(given) as OptionName[]) {
    const { old, protocols } = shapeOf(name);
    if (old === undefined) continue;
    const option = `--${old[0] ?? longOf(name)}`;
    if (protocols === undefined && !accepted.includes(name)) {
      throw new UsageError(`${shown} does not take ${option}`);
    }
    if (protocols !== undefined && !protocols.some((one) => PROTOCOL_NUMBERS[one] === number)) {
      throw new UsageError(`${option} needs --protonum ${protocols.join(' or ')}`);
    }
  }
  if (given.labelsSet !== undefined && given.labelsClear !== undefined) {
    throw new UsageError('--label-add and --label-del exclude each other');
  }
  if (table !== 'conntrack' || (command !== 'create' && command !== 'add')) return;
  const needed = Object.entries(NEEDED_STATE).find(
    ([name]) => PROTOCOL_NUMBERS[name as keyof typeof NEEDED_STATE] === number,
  );
  for (const name of needed?.[1] ?? []) {
    if (given[name] === undefined) {
      throw new UsageError(`${shown} needs --${shapeOf(name).old?.[0] ?? longOf(name)}`);
    }
  }
}

/** Conditions go to their alternative, everything else to all of them. */
function joined(options: Options): Pick<CommandLine, 'given' | 'alternatives'> {
  type Open = { [Name in OptionName]?: string[] };
  const given: Open = {};
  let alternatives: { all: Open; not: Open[] }[] = [{ all: given, not: [] }];
  let current = given;
  for (const [name, value] of options) {
    if (name === 'or') {
      current = {};
      alternatives.push({ all: current, not: [] });
    } else if (name === 'not') {
      current = {};
      alternatives.at(-1)?.not.push(current);
    } else if (name === 'where') {
      if (current !== given) throw new UsageError('--where stands before --or and --not');
      current = {};
      alternatives = [{ all: current, not: [] }];
      given.where = [''];
    } else {
      const target = shapeOf(name).group === 'conditions' ? current : given;
      const values = target[name] ?? [];
      target[name] = values;
      values.push(value);
    }
  }
  for (const { all, not } of alternatives) {
    if ([all === given || not.length > 0 ? undefined : all, ...not].some(isEmpty)) {
      throw new UsageError('no condition stands behind --or, --not or --where');
    }
  }
  return { given, alternatives };
}

const isEmpty = (given: Given | undefined) =>
  given !== undefined && Object.keys(given).length === 0;

/**
 * Words with the names of this table, each with its value attached. Reads options as getopt_long does:
 * letters may stand together, long names of conntrack(8) may be cut short.
 */
class Canonical {
  readonly #argv: readonly string[];
  readonly #args: string[] = [];
  #at = 0;
  #letter: Letter | undefined;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  read(): { args: readonly string[]; letter: Letter | undefined } {
    for (let word = this.#next(); word !== undefined; word = this.#next()) {
      if (word === '--') {
        this.#args.push('--', ...this.#argv.slice(this.#at));
        break;
      }
      if (word.startsWith('--')) this.#readLong(word.slice(2));
      else if (/^-./.test(word)) this.#readLetters(word.slice(1));
      else this.#args.push(word);
    }
    return { args: this.#args, letter: this.#letter };
  }

  #next(): string | undefined {
    return this.#argv[this.#at++];
  }

  #readLong(word: string): void {
    const [name = '', ...rest] = word.split('=');
    const attached = rest.length === 0 ? undefined : rest.join('=');
    this.#take(longNamed(name), `--${name}`, attached);
  }

  #readLetters(letters: string): void {
    for (let at = 0; at < letters.length; at++) {
      const letter = letters.charAt(at);
      const meaning = BY_LETTER.get(letter);
      if (meaning === undefined) throw new UsageError(`unknown option -${letter}`);
      const takesValue = meaning.kind === 'command' || shapeOf(meaning.name).value !== undefined;
      const attached = takesValue ? letters.slice(at + 1) || undefined : undefined;
      this.#take(meaning, `-${letter}`, attached);
      if (attached !== undefined) return;
    }
  }

  #take(meaning: Meaning, shown: string, attached: string | undefined): void {
    if (meaning.kind === 'command') {
      this.#takeCommand(meaning.name, shown, attached);
      return;
    }
    const { name } = meaning;
    const { value, isOptional = false } = shapeOf(name);
    if (value === undefined) {
      if (attached !== undefined) throw new UsageError(`${shown} takes no value`);
      this.#args.push(`--${name}`);
    } else if (isOptional) {
      this.#args.push(`--${name}=${attached ?? this.#following() ?? ''}`);
    } else {
      this.#args.push(`--${name}=${attached ?? this.#needed(shown, value)}`);
    }
  }

  #takeCommand(command: LetterCommand, shown: string, attached: string | undefined): void {
    if (this.#letter !== undefined) throw new UsageError(`${shown} beside another command`);
    if (command === 'load') {
      const file = attached ?? this.#needed(shown, 'FILE');
      this.#letter = { command, shown, table: 'conntrack', file };
      return;
    }
    const word = attached ?? this.#following() ?? 'conntrack';
    const table = TABLES.find((one) => one === word);
    if (table === undefined) {
      throw new UsageError(`unknown table "${word}"${suggestion(word, TABLES)}`);
    }
    this.#letter = { command, shown, table, file: undefined };
  }

  /** The next word, unless that is an option. */
  #following(): string | undefined {
    const word = this.#argv[this.#at];
    if (word === undefined || word.startsWith('-')) return undefined;
    this.#at++;
    return word;
  }

  #needed(shown: string, value: string): string {
    const word = this.#next();
    if (word === undefined) throw new UsageError(`${shown} lacks its value: ${value}`);
    return word;
  }
}

function longNamed(name: string): Meaning {
  const exact = BY_NAME.get(name) ?? BY_OLD_NAME.get(name);
  if (exact !== undefined) return exact;
  for (const names of [BY_OLD_NAME, BY_NAME]) {
    const meanings = [...names].filter(([long]) => name !== '' && long.startsWith(name));
    const [first, ...others] = meanings.map(([, meaning]) => meaning);
    if (first === undefined) continue;
    if (others.every((other) => other.name === first.name)) return first;
    const candidates = meanings.map(([long]) => `--${long}`).join(', ');
    throw new UsageError(`--${name} may be any of ${candidates}`);
  }
  const meant = suggestion(name, [...BY_NAME.keys(), ...BY_OLD_NAME.keys()]);
  throw new UsageError(`unknown option --${name}${meant.replace("'", "'--")}`);
}

/** Whether a word is a command of this program. */
export const isCommand = (word: string): word is CommandName => Object.hasOwn(COMMANDS, word);
