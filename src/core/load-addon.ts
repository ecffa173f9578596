import Module from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { addonError, cutOffError, type LoadAttempt, layoutError } from './addon-errors.js';
import { isCutOff } from './elf.js';
import { platformError } from './errors.js';
import { LAYOUT_HASH } from './layout-hash.js';
import { libcsOfProcess } from './libc.js';
import type { NativeAddon } from './native.js';
import { isOwnFile } from './own-file.js';
import { isSecureExecution } from './secure-execution.js';

/** This file, or the bundle that has it. A bundle of CommonJS has no import.meta. */
const here = (import.meta.url as string | undefined) ?? pathToFileURL(__filename).href;
// webpack takes a function that is named createRequire for its own.
const requireFile = Module.createRequire(here);
/** A bundle may be anywhere, and nothing outside its folder belongs to it. */
const packageRoot = isOwnFile(here) ? new URL('../../', here) : undefined;

/** The path of CONNTRACK_ADDON, which sanitizer and test builds set, and packed programs may. */
function overridingPath(): string | undefined {
  const path = process.env.CONNTRACK_ADDON;
  if (path === undefined || path === '') return undefined;
  // Whoever set it would run code with rights that only the program file has.
  if (!isSecureExecution()) return path;
  process.emitWarning(IGNORED, 'ConntrackWarning');
  return undefined;
}

/** A build from source, then the shipped binary. Of a bundle: the file of that name beside it. */
function candidates(): string[] {
  const names = libcsOfProcess().map((libc) => `conntrack.${libc}.node`);
  const folder = `prebuilds/${process.platform}-${process.arch}/`;
  const paths =
    packageRoot === undefined
      ? names
      : ['build/Release/conntrack.node', ...names.map((name) => folder + name)];
  return paths.map((path) => fileURLToPath(new URL(path, packageRoot ?? here)));
}

const IGNORED =
  'the environment variable CONNTRACK_ADDON is ignored: this process may have rights that whoever ' +
  'set the variable lacks (AT_SECURE in /proc/self/auxv is not 0, or cannot be read)';

let loaded: NativeAddon | undefined;

/**
 * Returns the addon, which the first call loads. Importing the package loads nothing, so it
 * works on every platform.
 */
export function loadAddon(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  if (process.platform !== 'linux') throw platformError();
  const override = overridingPath();
  const location = { here, packageRoot, isOverridden: override !== undefined };
  const attempts: LoadAttempt[] = [];
  for (const path of override === undefined ? candidates() : [override]) {
    let addon: NativeAddon;
    try {
      // Deno asks its user before it reads the file.
      if (process.versions.deno === undefined && isCutOff(path)) throw cutOffError();
      addon = requireFile(path) as NativeAddon;
    } catch (error) {
      attempts.push({ path, error });
      continue;
    }
    const { layoutHash } = addon;
    if (layoutHash !== LAYOUT_HASH) throw layoutError(path, layoutHash, location);
    return addon;
  }
  throw addonError(attempts, location);
}
