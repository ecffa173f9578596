/**
 * A command line of conntrack(8), from words to options.
 */
import { PROTOCOL_NUMBERS } from 'conntrack';
import {
  ACCEPTED,
  COMMANDS,
  type CommandName,
  NEEDED_STATE,
  OPTIONS,
  type OptionName,
  shapeOf,
  TABLES,
  type TableName,
} from './options.js';
import { UsageError } from './usage-error.js';
import { protocolNumber } from './values.js';

/** The values of the options that are given, in their order; `''` for an option without one. */
export type Given = { readonly [Name in OptionName]?: readonly string[] };

export interface CommandLine {
  readonly command: CommandName;
  readonly table: TableName;
  /** Of `-R`. */
  readonly file: string | undefined;
  readonly given: Given;
}

/** The last value of an option, which is the one that counts; `undefined`: it is not given. */
export const lastValue = (given: Given, name: OptionName): string | undefined =>
  given[name]?.at(-1);

/**
 * Reads options as getopt_long does: letters may stand together, long names may be cut short.
 *
 * @throws UsageError for what the command does not take.
 */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const reader = new Reader(words);
  const line = reader.read();
  checkOptions(line);
  return line;
}

type Meaning =
  | { readonly kind: 'command'; readonly name: CommandName }
  | { readonly kind: 'option'; readonly name: OptionName };

const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];
const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

const BY_LETTER = new Map<string, Meaning>();
const BY_NAME = new Map<string, Meaning>();
for (const name of COMMAND_NAMES) {
  BY_LETTER.set(COMMANDS[name][0], { kind: 'command', name });
  BY_NAME.set(COMMANDS[name][1], { kind: 'command', name });
}
for (const name of OPTION_NAMES) {
  const { letter, names } = shapeOf(name);
  if (letter !== undefined) BY_LETTER.set(letter, { kind: 'option', name });
  for (const long of names) BY_NAME.set(long, { kind: 'option', name });
}

class Reader {
  readonly #words: readonly string[];
  #at = 0;
  #command: CommandName | undefined;
  #table: TableName = 'conntrack';
  #file: string | undefined;
  readonly #given: { [Name in OptionName]?: string[] } = {};

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  read(): CommandLine {
    for (let word = this.#next(); word !== undefined; word = this.#next()) {
      if (word.startsWith('--')) this.#readLong(word.slice(2));
      else if (/^-./.test(word)) this.#readLetters(word.slice(1));
      else throw new UsageError(`"${word}" belongs to no option`);
    }
    if (this.#command === undefined) throw new UsageError('no command');
    return {
      command: this.#command,
      table: this.#table,
      file: this.#file,
      given: this.#given,
    };
  }

  #next(): string | undefined {
    return this.#words[this.#at++];
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
      const takesValue = meaning.kind === 'command' || shapeOf(meaning.name).value !== 'none';
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
    const { value } = shapeOf(meaning.name);
    if (value === 'none' && attached !== undefined) {
      throw new UsageError(`${shown} takes no value`);
    }
    const values = this.#given[meaning.name] ?? [];
    this.#given[meaning.name] = values;
    if (value === 'none') values.push('');
    else if (value === 'optional') values.push(attached ?? this.#following() ?? '');
    else values.push(attached ?? this.#needed(shown));
  }

  #takeCommand(name: CommandName, shown: string, attached: string | undefined): void {
    if (this.#command !== undefined) throw new UsageError(`${shown} beside another command`);
    this.#command = name;
    if (name === 'load') {
      this.#file = attached ?? this.#needed(shown);
      return;
    }
    const table = attached ?? this.#following();
    if (table === undefined) return;
    const known = TABLES.find((one) => one === table);
    if (known === undefined) throw new UsageError(`unknown table "${table}"`);
    this.#table = known;
  }

  /** The next word, unless that is an option. */
  #following(): string | undefined {
    const word = this.#words[this.#at];
    if (word === undefined || word.startsWith('-')) return undefined;
    this.#at++;
    return word;
  }

  #needed(shown: string): string {
    const word = this.#next();
    if (word === undefined) throw new UsageError(`${shown} lacks its value`);
    return word;
  }
}

function longNamed(name: string): Meaning {
  const exact = BY_NAME.get(name);
  if (exact !== undefined) return exact;
  const meanings = [...BY_NAME].filter(([long]) => long.startsWith(name));
  const [first, ...others] = meanings.map(([, meaning]) => meaning);
  if (first === undefined) throw new UsageError(`unknown option --${name}`);
  if (others.some((other) => other.name !== first.name)) {
    const candidates = meanings.map(([long]) => `--${long}`).join(', ');
    throw new UsageError(`--${name} may be any of ${candidates}`);
  }
  return first;
}

function checkOptions({ command, table, given }: CommandLine): void {
  const accepted = ACCEPTED[table][command];
  const [, shown] = COMMANDS[command];
  if (accepted === undefined) throw new UsageError(`--${shown} has no table ${table}`);
  const number = given.protocol === undefined ? undefined : protocolNumber(given.protocol);
  for (const name of Object.keys(given) as OptionName[]) {
    const { names, protocols } = shapeOf(name);
    const option = `--${names[0] ?? name}`;
    if (protocols === undefined && !accepted.includes(name)) {
      throw new UsageError(`--${shown} does not take ${option}`);
    }
    if (protocols !== undefined && !protocols.some((one) => PROTOCOL_NUMBERS[one] === number)) {
      throw new UsageError(`${option} needs --protonum ${protocols.join(' or ')}`);
    }
  }
  if (table === 'conntrack' && (command === 'create' || command === 'add')) {
    const needed = Object.entries(NEEDED_STATE).find(
      ([name]) => PROTOCOL_NUMBERS[name as keyof typeof NEEDED_STATE] === number,
    );
    for (const name of needed?.[1] ?? []) {
      if (given[name] === undefined) {
        throw new UsageError(`--${shown} needs --${OPTIONS[name].names[0]}`);
      }
    }
  }
}
