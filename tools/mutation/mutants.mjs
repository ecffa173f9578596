// The mutants of native/: one change of one place each.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from './code.mjs';
import { changesOf } from './patterns.mjs';

export const RINGS = ['wire', 'os', 'addon'];

const oneLine = (text) => text.replace(/\s+/g, ' ').trim();

/**
 * All mutants, in the order of files and places. `line` and `becomes` are the lines around the
 * change, before and after it: they name a mutant wherever the lines move to.
 */
export function mutantsOf(root) {
  const files = RINGS.flatMap((ring) =>
    readdirSync(join(root, 'native', ring))
      .sort()
      .map((name) => `native/${ring}/${name}`),
  );
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return changesOf(text, codeOf(text)).map(({ pattern, from, to, by }) => {
      const before = text.slice(0, from);
      const start = before.lastIndexOf('\n') + 1;
      const end = (text.indexOf('\n', to) + 1 || text.length + 1) - 1;
      return {
        file,
        ring: file.split('/')[1],
        pattern,
        place: `${file}:${before.split('\n').length}:${from - start + 1}`,
        above: oneLine(before.slice(0, start).trimEnd().split('\n').at(-1)),
        line: oneLine(text.slice(start, end)),
        becomes: oneLine(text.slice(start, from) + by + text.slice(to, end)),
        text: text.slice(0, from) + by + text.slice(to),
      };
    });
  });
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function* numbers(seed) {
  for (let state = seed >>> 0; ; ) {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    yield ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** So many of them, chosen by a seed, in their order. */
export function sampleOf(mutants, count, seed) {
  const random = numbers(seed);
  const ranked = mutants.map((mutant, index) => ({ mutant, index, rank: random.next().value }));
  ranked.sort((a, b) => a.rank - b.rank);
  return ranked
    .slice(0, count)
    .sort((a, b) => a.index - b.index)
    .map(({ mutant }) => mutant);
}
