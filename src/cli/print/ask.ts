/**
 * Asks before more than a screenful of entries is deleted.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Given } from '../line/parse.js';
import type { World } from '../world.js';
import { grouped } from './numbers.js';
import { Refused } from './refused.js';

/**
 * Asks a person, and does not ask a script: where neither output is a terminal, nobody looks.
 *
 * @param count Counts what would go; called only where the answer matters.
 */
export async function confirm(
  { out, err, in: input }: World,
  given: Given,
  what: string,
  count: () => Promise<number>,
): Promise<void> {
  if (given.yes !== undefined || (out.isTTY !== true && err.isTTY !== true)) return;
  const screen = out.rows ?? err.rows ?? 24;
  const entries = await count();
  if (entries < screen) return;
  const question = `${what} would delete ${grouped(entries)} entries`;
  const source = input();
  if (source.isTTY !== true) {
    throw new Refused(`${question}: add --yes to do so, or --dry-run to print them`);
  }
  err.write(`${question}. Go on? [y/N] `);
  if (!/^y(es)?$/i.test((await firstLine(source)).trim())) throw new Refused('nothing was deleted');
}

async function firstLine(source: ReturnType<World['in']>): Promise<string> {
  const lines = createInterface({ input: source });
  try {
    const [line = ''] = (await Promise.race([
      once(lines, 'line'),
      once(lines, 'close').then(() => []),
    ])) as [string?];
    return line;
  } finally {
    lines.close();
  }
}
