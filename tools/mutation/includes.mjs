// Which files of this project a source includes.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const FOLDERS = ['native', 'test/support/native', 'test/support/native/kernel'];

/** Returns a function from a source to itself and all that it includes, by paths from `root`. */
export function includesBelow(root) {
  const direct = new Map();
  const included = (file) => {
    if (!direct.has(file)) {
      const text = readFileSync(join(root, file), 'utf8');
      const names = [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, name]) => name);
      const paths = names.map((name) =>
        [dirname(file), ...FOLDERS]
          .map((folder) => join(folder, name))
          .find((path) => existsSync(join(root, path))),
      );
      direct.set(file, paths.filter(Boolean));
    }
    return direct.get(file);
  };
  return (source) => {
    const all = new Set([relative(root, source)]);
    for (const file of all) for (const one of included(file)) all.add(one);
    return all;
  };
}
