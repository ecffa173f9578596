/**
 * Names of labels.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import { text } from '../core/check.js';
import { ConntrackError, rangeError, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { printable } from '../core/printable.js';
import { suggestion } from '../core/show-value.js';
import { labels } from './check-values.js';

/** Where Debian and others have it. */
const CONNLABEL_CONF = '/etc/xtables/connlabel.conf';

/** Labels of an entry. */
const COUNT = 128;

/**
 * The names that connlabel.conf gives to labels: `ct label set NAME` in nft, `--label NAME` in
 * iptables. A label without a name has its number: `'7'`.
 *
 * @example
 * ```ts
 * import { listEntries, readLabelNames, updateEntries } from 'conntrack';
 *
 * const labels = await readLabelNames();
 * const web = labels.bits('web');
 * await updateEntries({ port: 443 }, { labels: { set: web, clear: labels.bits('new') } });
 * for (const entry of await listEntries({ labels: { all: web } }))
 *   console.log(labels.names(entry.labels));
 * ```
 */
export class LabelNames {
  /** The names by bit, as `formatEntry` and `parseEntries` take them. */
  readonly byBit: ReadonlyMap<number, string>;
  readonly #bits: ReadonlyMap<string, number>;

  /** @internal */
  constructor(named: readonly (readonly [bit: number, name: string])[]) {
    this.byBit = new Map(named);
    this.#bits = new Map(named.map(([bit, name]) => [name, bit]));
  }

  /**
   * Returns the set of these labels, for `labels` of filters, specifications and changes.
   *
   * @throws TypeError or RangeError for what is no name and no number of a label.
   */
  bits(...names: string[]): bigint {
    return names.reduce((bits, name) => bits | (1n << BigInt(this.#bitOf(name))), 0n);
  }

  /**
   * Returns the names of the labels in a set, such as that of an entry: none for `undefined`.
   *
   * @throws TypeError or RangeError for what is no set of labels.
   */
  names(set: bigint | undefined): string[] {
    const bits = set === undefined ? 0n : labels(set, 'labels');
    return Array.from({ length: COUNT }, (_, bit) => this.byBit.get(bit) ?? String(bit)).filter(
      (_, bit) => ((bits >> BigInt(bit)) & 1n) !== 0n,
    );
  }

  #bitOf(name: unknown): number {
    const given = anyText(name, 'label');
    const bit = this.#bits.get(given) ?? (/^\d{1,3}$/.test(given) ? Number(given) : undefined);
    if (bit === undefined) {
      const hint = suggestion(given, [...this.#bits.keys()]);
      throw typeError('label', `no label is named '${given}'${hint}`);
    }
    if (bit >= COUNT) throw rangeError('label', `must be from 0 to ${COUNT - 1}, not ${given}`);
    return bit;
  }
}

const anyText = text(1, 255);

/**
 * Reads the names of labels from connlabel.conf: lines of a number and a name, and comments from
 * `#` on.
 *
 * Privileges: none, if the file can be read.
 *
 * @param path by default /etc/xtables/connlabel.conf
 * @throws {@link ConntrackError} `ENOENT` and the other errors of reading a file; `EINVAL` for a
 * line that is no label, naming it.
 *
 * @example
 * ```ts
 * import { readLabelNames } from 'conntrack';
 *
 * const labels = await readLabelNames();
 * console.log(labels.bits('eth0-in', '12').toString(2));
 * ```
 */
export async function readLabelNames(path: string = CONNLABEL_CONF): Promise<LabelNames> {
  const operation = 'readLabelNames';
  const file = text(1, 4095)(path, 'path');
  return new LabelNames(labelsIn(await contentOf(file, operation), operation, file));
}

async function contentOf(file: string, operation: string): Promise<string> {
  try {
    const status = await stat(file);
    if (!status.isFile() || status.size > LIMITS.labelFileBytes) {
      throw new ConntrackError(`${printable(file)} is no file of at most 64 KiB`, {
        code: 'EINVAL',
        operation,
      });
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof ConntrackError) throw error;
    const { code = 'EIO', errno, syscall } = error as NodeJS.ErrnoException;
    throw new ConntrackError(`could not read ${printable(file)}`, {
      code,
      operation,
      errno: errno === undefined ? undefined : Math.abs(errno),
      syscall,
      hint: code === 'ENOENT' ? 'Write it: a number from 0 to 127 and a name per line.' : undefined,
      cause: error,
    });
  }
}

/** @internal */
export function labelsIn(content: string, operation: string, file: string): [number, string][] {
  const wrong = (line: number, why: string) =>
    new ConntrackError(printable(`${file}, line ${line}: ${why}`), { code: 'EINVAL', operation });
  const named: [number, string][] = [];
  const seen = { bits: new Set<number>(), names: new Set<string>() };
  for (const [index, text] of content.split('\n').entries()) {
    const line = text.replace(/#.*/, '').trim();
    if (line === '') continue;
    const [, number = '', name = ''] = /^(\d{1,3})\s+(\S.*)$/.exec(line) ?? [];
    const bit = Number(number);
    if (name === '' || bit >= COUNT) {
      throw wrong(index + 1, `must be a number from 0 to ${COUNT - 1} and a name`);
    }
    if (seen.bits.has(bit) || seen.names.has(name)) {
      throw wrong(index + 1, 'names a label that has a name, or has a name that is taken');
    }
    seen.bits.add(bit);
    seen.names.add(name);
    named.push([bit, name]);
  }
  return named;
}
