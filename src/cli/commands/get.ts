/** Prints one entry. */
import { getEntry } from '../../index.js';
import { command, warn } from '../command.js';
import { EXIT } from '../exit.js';
import { longOf, type OptionName } from '../line/options.js';
import { EntryPrinter } from '../print/entries.js';
import { labelsFor } from '../read/labels.js';
import { keyIn } from '../read/specs.js';
import { labelsIn } from '../read/values.js';
import { UsageError } from '../usage-error.js';

export default command({ getEntry }, async (api, call) => {
  const { line, world, writer } = call;
  const { given } = line;
  const labels = await labelsFor(line);
  const wanted = given.labels === undefined ? 0n : labelsIn(given.labels, labels.bits);
  const reply = (Object.keys(given) as OptionName[]).find((name) => name.startsWith('reply'));
  if (!line.isLetter && given.source !== undefined && reply !== undefined) {
    throw new UsageError(`get takes one tuple: --${longOf(reply)} is of the other`);
  }
  const printer = new EntryPrinter(world, writer, 'get', given, labels.byBit);
  const entry = await api.getEntry(keyIn(given), {
    zeroCounters: given.zeroCounters !== undefined,
  });
  if (entry === undefined || ((entry.labels ?? 0n) & wanted) !== wanted) {
    warn(call, 'no entry has this tuple');
    return EXIT.failed;
  }
  await printer.print([entry]);
  await printer.end();
  return EXIT.done;
});
