/** Prints the entries of the table. */
import { streamEntries } from '../../index.js';
import { command, tell } from '../command.js';
import { EXIT } from '../exit.js';
import { EntryPrinter } from '../print/entries.js';
import { counted } from '../print/numbers.js';
import { filtersIn } from '../read/filters.js';
import { labelsFor } from '../read/labels.js';
import { limitIn } from '../read/limit.js';
import { UsageError } from '../usage-error.js';

export default command({ streamEntries }, async (api, call) => {
  const { line, world, writer } = call;
  const { given, words } = line;
  const [table] = words;
  if (table !== undefined && table !== 'dying') {
    throw new UsageError(`"${table}" is no table: dying is one`);
  }
  const labels = await labelsFor(line);
  const filters = filtersIn(line, labels.bits);
  const limit = limitIn(given);
  const printer = new EntryPrinter(world, writer, 'list', given, labels.byBit);
  const stream = api.streamEntries(filters, {
    zeroCounters: given.zeroCounters !== undefined,
    ...(table !== undefined && { table }),
  });
  for await (const batch of stream.batches()) {
    await printer.print(batch.slice(0, limit - printer.count));
    if (printer.count >= limit) break;
  }
  await printer.end();
  tell(call, counted(printer.count, 'entry', 'entries'));
  return EXIT.done;
});
