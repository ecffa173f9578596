/**
 * What this process holds of the system.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessState {
  /** What each open descriptor is, without its number. */
  readonly descriptors: readonly string[];
  readonly threads: readonly string[];
}

export function processState(): ProcessState {
  return {
    // Without modules: Node.js leaves those open that a worker was reading when it was terminated.
    descriptors: present('/proc/self/fd', (path) => readlinkSync(path).replace(/\[\d+\]/, ''))
      .filter((descriptor) => !/\.m?js(on)?$/.test(descriptor))
      .sort(),
    threads: present('/proc/self/task', (path) =>
      readFileSync(`${path}/comm`, 'latin1').trim(),
    ).sort(),
  };
}

/** What the entries of a folder are, but for those that are gone, such as the folder's own descriptor. */
function present(folder: string, describe: (path: string) => string): string[] {
  return readdirSync(folder).flatMap((name) => {
    try {
      return [describe(`${folder}/${name}`)];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ESRCH') return [];
      throw error;
    }
  });
}

/** What `now` has that `then` had not, and the other way round. */
export function differenceOfStates(then: ProcessState, now: ProcessState): string | undefined {
  const changes = (['descriptors', 'threads'] as const).flatMap((kind) => [
    ...without(now[kind], then[kind]).map((one) => `+${one}`),
    ...without(then[kind], now[kind]).map((one) => `-${one}`),
  ]);
  return changes.length === 0 ? undefined : changes.join(' ');
}

function without(all: readonly string[], some: readonly string[]): string[] {
  const left = [...some];
  return all.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
