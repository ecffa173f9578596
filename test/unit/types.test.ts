import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runNode } from '../support/child.js';

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

it('the types are what test/types says', async () => {
  const compiler = fromRoot('node_modules/typescript/bin/tsc');
  const { code, stdout } = await runNode([compiler, '-p', fromRoot('test/types')]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});
