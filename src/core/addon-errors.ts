/**
 * Why the addon does not load, and what to do about it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConntrackError } from './errors.js';
import { LAYOUT_HASH } from './layout-hash.js';
import { printable } from './printable.js';

export interface LoadAttempt {
  path: string;
  error: unknown;
}

/** Where the addon was looked for. */
export interface AddonLocation {
  /** CONNTRACK_ADDON names the path. */
  isOverridden: boolean;
  /** The file that loads the addon. */
  here: string;
  /** `undefined`: the file is a bundle. */
  packageRoot: URL | undefined;
}

const BUILD =
  '"npm explore conntrack -- npm run build:gyp", which needs a C++17 compiler, make and Python 3';
const REINSTALL =
  'The installation is incomplete: delete node_modules/conntrack, and install the package again.';
const OVERRIDDEN = 'The environment variable CONNTRACK_ADDON names it: correct or unset it.';

export function addonError(
  attempts: readonly LoadAttempt[],
  location: AddonLocation,
): ConntrackError {
  const tried = attempts.map(({ path, error }) => {
    if (isMissingModule(error)) return `  ${printable(path)}: does not exist`;
    return `  ${printable(path)}\n    ${printable(reasonOf({ path, error }))}`;
  });
  const cause = attempts.findLast(({ error }) => !isMissingModule(error))?.error;
  const last = attempts.at(-1);
  const isUsable =
    last !== undefined &&
    !isMissingModule(last.error) &&
    !isForeign(last) &&
    textOf(last.error) !== CUT_OFF;
  return new ConntrackError(`cannot load the native addon. Tried:\n${tried.join('\n')}`, {
    code: 'ERR_CONNTRACK_ADDON',
    operation: 'load',
    hint: adviceAbout(cause, location) ?? adviceAt(location, isUsable),
    cause,
  });
}

/** A candidate is a file that requires no other: only the file itself can be missing. */
function isMissingModule(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? '';
}

const CUT_OFF = 'the end of the file is missing';

export function cutOffError(): Error {
  return new Error(CUT_OFF);
}

/** What glibc says of a file that is for another processor, or needs another libc. */
function isForeign({ error }: LoadAttempt): boolean {
  return textOf(error).includes('cannot open shared object file');
}

function reasonOf(attempt: LoadAttempt): string {
  const text = textOf(attempt.error);
  if (!isForeign(attempt)) return text;
  return text.startsWith(attempt.path)
    ? `is for another processor than ${process.arch}`
    : `is for another libc (${text})`;
}

/** What helps wherever the addon is. */
function adviceAbout(cause: unknown, { isOverridden }: AddonLocation): string | undefined {
  if (isOverridden) return OVERRIDDEN;
  const reason = cause === undefined ? '' : textOf(cause);
  // Of mmap(), where the file system is mounted with noexec.
  if (reason.includes('failed to map segment')) {
    return 'The file system forbids programs (noexec): install the package on another.';
  }
  if (reason.includes('--allow-ffi')) return 'Run deno with --allow-ffi.';
  return undefined;
}

function adviceAt({ here, packageRoot }: AddonLocation, isUsable: boolean): string {
  const target = `${process.platform}-${process.arch}`;
  if (packageRoot === undefined || !existsSync(new URL('package.json', packageRoot))) {
    const bundle = here.startsWith('file:') ? fileURLToPath(here) : here;
    return (
      `${printable(bundle)} is a bundle, and the addon is no part of it. Keep the package external, ` +
      `or copy its file prebuilds/${target}/conntrack.<libc>.node beside the bundle: docs/installing.md.`
    );
  }
  const targets = shippedTargets(packageRoot);
  if (targets.includes(target)) return isUsable ? `Build it here with ${BUILD}.` : REINSTALL;
  if (targets.length === 0) return `${REINSTALL} A clone builds it with "npm run build".`;
  return `The package has binaries for ${targets.join(' and ')}, not ${target}. Build one with ${BUILD}.`;
}

function shippedTargets(packageRoot: URL): string[] {
  try {
    return readdirSync(new URL('prebuilds/', packageRoot)).filter((name) => name.includes('-'));
  } catch {
    return [];
  }
}

/** `found`: the hash of the addon's record layout. */
export function layoutError(
  path: string,
  found: string | undefined,
  location: AddonLocation,
): ConntrackError {
  return new ConntrackError(
    `the native addon at ${printable(path)} belongs to another version of this package: ` +
      `the hash of its record layout is ${printable(String(found))}, that of the package is ${LAYOUT_HASH}`,
    { code: 'ERR_CONNTRACK_LAYOUT', operation: 'load', hint: adviceAboutLayout(path, location) },
  );
}

function adviceAboutLayout(path: string, { isOverridden, packageRoot }: AddonLocation): string {
  if (isOverridden) return OVERRIDDEN;
  if (packageRoot === undefined) return 'Copy that of this version beside the bundle.';
  if (path.endsWith('/build/Release/conntrack.node')) {
    return `Delete it to use the shipped binary, or rebuild it with ${BUILD}.`;
  }
  return REINSTALL;
}
