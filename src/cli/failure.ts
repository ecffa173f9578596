/**
 * What a person reads of an error, and its exit code.
 */
import { withoutLink } from '../core/error-page.js';
import { printableLines } from '../core/printable.js';
import type { ConntrackError } from '../index.js';
import { PROGRAM } from './command.js';
import { EXIT, type ExitCode } from './exit.js';
import { isCommand } from './line/parse.js';

export interface Failure {
  readonly code: ExitCode;
  /** Lines; none for what ends in silence. */
  readonly text: string;
}

/**
 * Looks at the name of an error, and not at its class: two files of the executable have one each.
 *
 * @throws the error itself if it is a fault of the program.
 */
export function failureOf(error: unknown, words: readonly string[]): Failure {
  if (!(error instanceof Error)) throw error;
  const { name, message } = error;
  switch (name) {
    case 'BrokenPipe':
      return { code: EXIT.brokenPipe, text: '' };
    case 'UsageError':
      return failure(EXIT.usage, `${message}\nSee ${PROGRAM} ${helpFor(words)}`);
    case 'ConntrackError':
      return failureOfKernel(error as unknown as KernelError);
    case 'OutputError':
    case 'Refused':
      return failure(EXIT.failed, message);
    // What the API finds wrong in an argument begins with its name.
    case 'TypeError':
    case 'RangeError':
      if (!/^\w[\w.[\]]*: /.test(message)) throw error;
      return failure(EXIT.usage, withCommand(withOption(message)));
    default:
      return failureOfSystem(error);
  }
}

/** The first line of it, for a place that has no room for more. */
export function firstLineOf(error: unknown): string {
  const [line = ''] = failureOf(error, []).text.split('\n');
  return line.slice(`${PROGRAM}: `.length);
}

/** A field of an argument of the API is the option that has its name. */
function withOption(message: string): string {
  const long = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return message
    .replace(
      /^(?:spec|key|changes|filters?)(?:\[\d+\])?\.(?:original\.|(reply)\.)?(\w+): /,
      (_, reply: string | undefined, name: string) =>
        `--${reply === undefined ? '' : 'reply-'}${long(name)}: `,
    )
    .replace(/\boptions\.(\w+)/g, (_, name: string) => `--${long(name)}`)
    .replace(/^(--[\w-]+): (?:must be .*, not undefined|is missing, as .*)$/, '$1 is missing');
}

/** A function that an error advises to call is the command that calls it. */
function withCommand(text: string): string {
  return text
    .replace(
      /\b(create|update|delete|get|list|flush|count)(?:Entry|Entries)\(\)/g,
      `"${PROGRAM} $1"`,
    )
    .replace(/\b(create|delete|get|list|flush|count)Expectations?\(\)/g, `"${PROGRAM} expect $1"`)
    .replace(/\b(?:create|update|get)TimeoutPolicy\(\)/g, `"${PROGRAM} timeouts"`);
}

function failureOfSystem(error: NodeJS.ErrnoException): Failure {
  const { code, path, syscall } = error;
  if (code === undefined || syscall === undefined) throw error;
  const what = path === undefined ? '' : ` ${path}`;
  return failure(EXIT.failed, `${syscall}${what} failed: ${REASONS[code] ?? code}`);
}

const failure = (code: ExitCode, text: string): Failure => ({
  code,
  text: `${PROGRAM}: ${printableLines(text)}`,
});

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file (ENOENT)',
  EACCES: 'this user may not open it (EACCES)',
  EISDIR: 'it is a folder (EISDIR)',
  ENOSPC: 'the disk is full (ENOSPC)',
};

const CODES: Readonly<Record<string, ExitCode>> = {
  EPERM: EXIT.privileges,
  EACCES: EXIT.privileges,
  EROFS: EXIT.privileges,
  ERR_CONNTRACK_UNSUPPORTED: EXIT.unsupported,
  ERR_CONNTRACK_ADDON: EXIT.unsupported,
  ERR_CONNTRACK_LAYOUT: EXIT.unsupported,
};

type KernelError = Pick<ConntrackError, 'code' | 'message' | 'operation'>;

/** Neither the name of the function nor its page is for a person who has typed a command. */
function failureOfKernel({ code, message, operation }: KernelError): Failure {
  const prefix = `${operation}: `;
  const said = withoutLink(message);
  const text = withCommand(said.startsWith(prefix) ? said.slice(prefix.length) : said);
  // An entry with a fixed timeout is EPERM, too, and nobody may change it.
  if (code === 'EPERM' && !text.includes('CAP_')) return failure(EXIT.failed, text);
  const sudo = code === 'EPERM' ? '\nOr run this command with sudo.' : '';
  return failure(CODES[code] ?? EXIT.failed, text + sudo);
}

function helpFor(words: readonly string[]): string {
  const [word = ''] = words;
  return isCommand(word) ? `${word} --help` : '--help';
}
