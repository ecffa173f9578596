/**
 * Runs conntrack-tools' own test suite through the command line of this package, each case beside the installed
 * tool: npm run test:peer-suite -- FOLDER
 *
 * FOLDER is a copy of conntrack-tools, which is no part of this repository: CONTRIBUTING.md has the
 * command that gets one. Without it, the cases of our own run. Exit code 1: a difference without a
 * reason, or a reason without a difference; 2: it could not run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  CONNTRACK_DIFFERENCES,
  type KnownDifference,
  NFCT_DIFFERENCES,
  shownBy,
} from './differences.js';
import { runGroup, together } from './groups.js';
import { OWN_CASES } from './own-cases.js';
import { readFolder } from './read-cases.js';
import { linesOfReport } from './report.js';
import { isClean, type Report, runSuite, type ToolName } from './suite.js';
import { NamespaceError, Twins } from './twin.js';

interface Suite {
  readonly tool: ToolName;
  readonly folder: string;
  readonly known: readonly KnownDifference[];
}

const SUITES: readonly Suite[] = [
  { tool: 'conntrack', folder: 'tests/conntrack/testsuite', known: CONNTRACK_DIFFERENCES },
  { tool: 'nfct', folder: 'tests/nfct/timeout', known: NFCT_DIFFERENCES },
];

/** Without a folder: the cases of our own, which the tests run, too. */
async function* runAll(folder: string | undefined): AsyncGenerator<[string, Report]> {
  if (folder === undefined) {
    for (const { tool, groups, known } of OWN_CASES) {
      await using twins = await Twins.create('processes');
      const reports: Report[] = [];
      for (const group of groups) reports.push(await runGroup(twins, tool, group, known));
      yield [`our own cases of ${tool}`, together(reports, known)];
    }
    return;
  }
  for (const { tool, folder: within, known } of SUITES) {
    await using twins = await Twins.create('processes');
    const shown = await shownBy(twins.ours.handle, known);
    yield [within, await runSuite(twins, tool, readFolder(join(folder, within)), shown)];
  }
}

async function main(folder: string | undefined): Promise<number> {
  const missing = folder && SUITES.find((suite) => !existsSync(join(folder, suite.folder)));
  if (missing) {
    console.error(`${folder} has no ${missing.folder}: it is no copy of conntrack-tools`);
    return 2;
  }
  let clean = true;
  let begin = performance.now();
  for await (const [name, report] of runAll(folder)) {
    for (const line of linesOfReport(name, report, performance.now() - begin)) console.log(line);
    clean &&= isClean(report);
    begin = performance.now();
  }
  return clean ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof NamespaceError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
