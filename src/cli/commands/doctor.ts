/** Prints what a report of a fault needs. */
import {
  countEntries,
  diagnose,
  explainFilter,
  listExpectations,
  listTimeoutPolicies,
  readDefaultTimeouts,
  readPressure,
  readSettings,
  readStats,
  streamEntries,
  watchEvents,
} from '../../index.js';
import { command } from '../command.js';
import { linesOfReport } from '../doctor/print.js';
import { examine } from '../doctor/report.js';
import { EXIT } from '../exit.js';
import { isWorseThanInfo } from '../print/findings.js';
import { jsonLine } from '../print/json.js';
import { paintOf } from '../print/style.js';

const FUNCTIONS = {
  countEntries,
  diagnose,
  explainFilter,
  listExpectations,
  listTimeoutPolicies,
  readDefaultTimeouts,
  readPressure,
  readSettings,
  readStats,
  streamEntries,
  watchEvents,
};

export default command(FUNCTIONS, async (api, { line, world, writer }) => {
  const { given } = line;
  const report = await examine(api, given.private !== undefined);
  const { columns = 80 } = world.out;
  if (given.json !== undefined) await writer.line(jsonLine(report));
  else {
    const paint = paintOf(world, given.noColor !== undefined);
    await writer.lines(linesOfReport(report, Math.min(columns, 100), paint));
  }
  await writer.flush();
  const isBad = report.findings.works && report.findings.value.some(isWorseThanInfo);
  return given.check !== undefined && isBad ? EXIT.checked : EXIT.done;
});
