/**
 * The scenarios under fixtures/, each in a child process of its own. tools/bundle-lifecycle.mjs puts
 * them beside the package.
 */

import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { built } from '../support/built.js';
import { type Ended, runNode } from '../support/child.js';
import { run } from '../support/namespace.js';

const ENTRIES = 30_000;

/** What the bundle has: one of fixtures/, or the package. */
export const bundled = (name: string) =>
  fileURLToPath(new URL(`../../out/lifecycle/${name}.mjs`, import.meta.url));
const populate = built('test/support/native/populate');

/** Gives the namespace a table that takes some batches to read. Call it once a file. */
export function fillTable(entries = ENTRIES): void {
  beforeAll(() => {
    run(populate, 'create', '0', String(entries));
  });
}

/** Runs one scenario of fixtures/<group>.mjs, or all of them, in one process. */
export function runScenario(
  group: string,
  name?: string,
  env: NodeJS.ProcessEnv = {},
  patience?: number,
): Promise<Ended> {
  const which = name === undefined ? [group] : [group, name];
  return runNode(['--expose-gc', bundled('run'), ...which], env, patience);
}

export const WELL: Ended = { code: 0, signal: null, stdout: 'done\n', stderr: '' };

/** Tests that each scenario of fixtures/<group>.mjs comes to its end, and its process to a good one. */
export async function testScenarios(group: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { default: scenarios } = (await import(bundled(group))) as { default: object };
  for (const name of Object.keys(scenarios)) {
    test(name, async () => {
      expect(await runScenario(group, name, env)).toEqual(WELL);
    });
  }
}
