import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { addonError, type LoadAttempt, layoutError, platformError } from './errors.js';
import { LAYOUT_HASH } from './layout-hash.js';
import type { NativeAddon } from './native.js';
import { isSecureExecution } from './secure-execution.js';

const require = createRequire(import.meta.url);
const packageRoot = new URL('../../', import.meta.url);

/**
 * CONNTRACK_ADDON overrides the path, for sanitizer and test builds; then a build from source,
 * then the shipped binary.
 */
function candidates(): string[] {
  const override = process.env.CONNTRACK_ADDON;
  if (override !== undefined && override !== '') {
    // Whoever set it would run code with rights that only the program file has.
    if (!isSecureExecution()) return [override];
    process.emitWarning(IGNORED, 'ConntrackWarning');
  }
  return [
    'build/Release/conntrack.node',
    `prebuilds/${process.platform}-${process.arch}/conntrack.node`,
  ].map((path) => fileURLToPath(new URL(path, packageRoot)));
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
  const attempts: LoadAttempt[] = [];
  for (const path of candidates()) {
    let addon: NativeAddon;
    try {
      addon = require(path) as NativeAddon;
    } catch (error) {
      attempts.push({ path, error });
      continue;
    }
    const { layoutHash } = addon;
    if (layoutHash !== LAYOUT_HASH) throw layoutError(path, layoutHash, LAYOUT_HASH);
    return addon;
  }
  throw addonError(attempts);
}
