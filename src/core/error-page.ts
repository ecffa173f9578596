/**
 * The page about errors that the package ships, and the link to it that each hint ends with.
 *
 * @module
 */

const OWN = [
  'ERR_CONNTRACK_CLOSED',
  'ERR_CONNTRACK_BUSY',
  'ERR_CONNTRACK_FULL',
  'ERR_CONNTRACK_UNSUPPORTED',
  'ERR_CONNTRACK_ADDON',
  'ERR_CONNTRACK_LAYOUT',
] as const;

const POSIX = [
  'EPERM',
  'EINVAL',
  'EEXIST',
  'ENOENT',
  'ENOSPC',
  'EOPNOTSUPP',
  'ETIME',
  'EBUSY',
  'ENOMEM',
  'ENOTDIR',
  'EACCES',
  'EROFS',
  'ENOBUFS',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'EBADMSG',
  // Of the sinks of the flow log.
  'ECONNRESET',
  'EDQUOT',
  'EMSGSIZE',
  'EPROTO',
  'EREMOTEIO',
] as const;

/** Those of the flow log's own error classes. */
const FLOW_LOG = ['ERR_FLOW_DATABASE', 'ERR_FLOW_WRITE'] as const;

/**
 * Codes of errors that the package itself detects; all others are POSIX names.
 *
 * @useDeclaredType
 */
export type ConntrackErrorCode = (typeof OWN)[number];

/** Those that docs/errors.md explains, for editors to offer; any other may come. */
export type PosixCode = (typeof POSIX)[number] | (string & Record<never, never>);

/** The codes that have a heading of their own on the page. */
export const EXPLAINED_CODES: ReadonlySet<string> = new Set([...OWN, ...POSIX, ...FLOW_LOG]);

const PAGE = 'conntrack/docs/errors.md';

/** The line that leads to the heading of a code. */
function linkTo(code: string): string {
  return `See ${PAGE}${EXPLAINED_CODES.has(code) ? `#${code.toLowerCase()}` : ''}`;
}

/** The advice, if any, and the link below it. */
export function withLink(code: string, advice: string | undefined): string {
  return advice === undefined ? linkTo(code) : `${advice}\n${linkTo(code)}`;
}

/** Not enumerable: the message has it, too, and Node.js prints an error with its properties. */
export function setHint(error: Error, hint: string): void {
  Object.defineProperty(error, 'hint', { value: hint });
}

/** A text without the link that ends it: for one that goes on, and gets a link again. */
export function withoutLink(text: string): string {
  const start = text.lastIndexOf(`See ${PAGE}`);
  return start === -1 ? text : text.slice(0, start).trimEnd();
}
