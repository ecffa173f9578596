// Packs the package once, and tries it with the package managers, runtimes, compilers and bundlers
// that people have.
//
//   npm run test:install                    everything; writes the table of docs/installing.md
//   npm run test:install -- NAME...         the cells that have one of these in their names
//   npm run test:install -- --smoke         a few cells, within a minute
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { binaries } from './binaries.mjs';
import { bundlers } from './bundlers.mjs';
import { compilers } from './compilers.mjs';

import { managers } from './managers.mjs';
import { runtimes } from './runtimes.mjs';
import { checkout, out, pack } from './workshop.mjs';

const GROUPS = {
  'package manager': managers,
  runtime: runtimes,
  compiler: compilers,
  bundler: bundlers,
  binary: binaries,
};
const { values, positionals } = parseArgs({
  options: { smoke: { type: 'boolean', default: false } },
  allowPositionals: true,
});

function isWanted(group, { name, smoke = false }) {
  if (values.smoke) return smoke;
  const title = `${group} ${name}`;
  return positionals.length === 0 || positionals.some((part) => title.includes(part));
}

/** Puts the rows below the head of the table. */
function writeTable(rows) {
  const page = join(checkout, 'docs/installing.md');
  const text = readFileSync(page, 'utf8');
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(
    page,
    text
      .replace(/(?<=^\| what \| tried \| seen)( on [\d-]+)?(?= \|$)/m, ` on ${today}`)
      .replace(/(?<=^\| what \| tried .*\n\|---\|---\|---\|\n)(\|.*\n)*/m, () => rows.join('')),
  );
}

mkdirSync(join(out, 'home'), { recursive: true });
rmSync(join(out, 'projects'), { recursive: true, force: true });
const tarball = pack();
const rows = [];
let failures = 0;
for (const [group, cells] of Object.entries(GROUPS)) {
  for (const cell of cells.filter((one) => isWanted(group, one))) {
    const start = performance.now();
    let result;
    try {
      result = cell.run({ tarball });
    } catch (error) {
      failures++;
      console.error(error.message);
      result = `FAILED: ${error.message.split('\n', 1)[0]}`;
    }
    rows.push(`| ${group} | ${cell.name} | ${result} |\n`);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${group}, ${cell.name}: ${result} (${seconds} s)`);
  }
}
if (failures === 0 && !values.smoke && positionals.length === 0) writeTable(rows);
console.log(`${rows.length - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
