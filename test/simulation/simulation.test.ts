/**
 * Runs some thousand seeds of the simulation: README.md. `npm run simulate` runs as many as there
 * is time for.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { built, sanitized } from '../support/built.js';

it.each([
  ['plain', built('test/simulation/simulate'), 2000],
  ['sanitized', sanitized('test/simulation/simulate'), 200],
] as const)(
  'keeps its invariants, whatever the kernel does: %s',
  async (_tree, program, runs) => {
    // It rejects with the seed, and with what did not hold.
    const { stdout } = await promisify(execFile)(program, ['--runs', String(runs)]);
    expect(stdout).toContain(`${runs} runs`);
  },
  300_000,
);
