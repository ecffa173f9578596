// What the machines said, as people read it.
import { readFileSync } from 'node:fs';

/** The sums of a run, and what there is to explain. */
export function summaryOf({ seconds, results }, console) {
  if (results === undefined) {
    return {
      seconds,
      isGood: false,
      problem: `no results; the end of ${console}:\n${tail(console)}`,
    };
  }
  const tests = results.testResults.flatMap(({ name, message, assertionResults }) => {
    // A file that could not be read has no tests.
    if (assertionResults.length === 0) return [{ name, status: 'failed', why: message }];
    return assertionResults.map(({ fullName, status, failureMessages }) => ({
      name: `${name.replace(/^.*\//, '')}: ${fullName}`,
      ...outcomeOf(fullName, status, failureMessages),
    }));
  });
  const of = (wanted) => tests.filter(({ status }) => status === wanted);
  const failed = of('failed');
  return {
    seconds,
    passed: of('passed').length,
    failed,
    skipped: of('skipped'),
    isGood: failed.length === 0,
  };
}

/** A test that did not run and names no reason is one whose preparation has failed. */
function outcomeOf(name, status, messages) {
  if (status === 'passed' || status === 'failed') return { status, why: messages?.[0] };
  if (name.includes('[skipped: ')) return { status: 'skipped' };
  return { status: 'failed', why: 'it did not run: the preparation of its file failed' };
}

export function printTable(rows, isMarkdown) {
  const cells = rows.map(({ name, passed, failed, skipped, seconds, problem }) =>
    problem === undefined
      ? [name, passed, failed.length, skipped.length, seconds.toFixed(0)]
      : [name, '-', '-', '-', seconds?.toFixed(0) ?? '-'],
  );
  const table = [
    ['kernel', 'passed', 'failed', 'skipped', 'seconds'],
    ...cells.map((row) => row.map(String)),
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => cell.padEnd(widths[column])).join(isMarkdown ? ' | ' : '  ');
  for (const [index, row] of table.entries()) {
    console.log(isMarkdown ? `| ${line(row)} |` : line(row).trimEnd());
    if (isMarkdown && index === 0)
      console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  }
  for (const { name, problem, failed = [], skipped = [] } of rows) {
    if (problem !== undefined) console.log(`\n${name}: ${problem}`);
    for (const test of failed)
      console.log(`\n${name} failed: ${test.name}\n  ${firstLines(test.why)}`);
    if (skipped.length > 0) console.log(`\n${name} skipped:`);
    for (const test of skipped) console.log(`  ${test.name}`);
  }
}

function firstLines(text = '') {
  return text.split('\n').slice(0, 6).join('\n  ');
}

function tail(path) {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(-20).join('\n');
  } catch (error) {
    return error.message;
  }
}
