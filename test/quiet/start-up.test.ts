/**
 * How long a command line takes to start: the least of many tries has the least of other programs in
 * it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { expect, it } from 'vitest';
import { EXECUTABLE } from '../support/command-line.js';
import { isEmulated } from '../support/emulation.js';
import { describeInNamespace } from '../support/requirements.js';

const TRIES = isEmulated ? 3 : 15;

function milliseconds(args: readonly string[]): number {
  const before = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  expect(status).toBe(0);
  return Number(process.hrtime.bigint() - before) / 1e6;
}

describeInNamespace()('start-up', () => {
  it('count takes less than 1.5 of what Node.js takes to do nothing', () => {
    const nothing: number[] = [];
    const count: number[] = [];
    // By turns: what slows the machine down for a moment slows both.
    for (let index = 0; index < TRIES; index++) {
      nothing.push(milliseconds(['--eval', '0']));
      count.push(milliseconds([EXECUTABLE, 'count']));
    }
    expect(Math.min(...count) / Math.min(...nothing)).toBeLessThan(1.5);
  });

  it('importing the package loads nothing of the command line', () => {
    const folder = new URL('../../dist/', import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.js') && !/^(cli|bin)\//.test(name),
    );
    expect(files).toContain('index.js');
    for (const name of files) {
      expect(readFileSync(new URL(name, folder), 'utf8'), name).not.toMatch(/['"/](cli|bin)\//);
    }
  });
});
