/** Prints findings. */
import { diagnose } from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { isWorseThanInfo, linesOfFindings } from '../print/findings.js';
import { jsonLine } from '../print/json.js';
import { paintOf } from '../print/style.js';

export default command({ diagnose }, async (api, { line, world, writer }) => {
  const { given } = line;
  const findings = await api.diagnose();
  const { columns = 80 } = world.out;
  if (given.json !== undefined) await writer.lines(findings.map((one) => jsonLine(one)));
  else {
    const paint = paintOf(world, given.noColor !== undefined);
    await writer.lines(linesOfFindings(findings, Math.min(columns, 100), paint));
  }
  await writer.flush();
  return given.check !== undefined && findings.some(isWorseThanInfo) ? EXIT.checked : EXIT.done;
});
