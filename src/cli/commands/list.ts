/** Prints the entries of the table. */
import { streamEntries } from '../../index.js';
import { command, tell } from '../command.js';
import { EXIT } from '../exit.js';
import type { Given } from '../line/parse.js';
import { EntryPrinter } from '../print/entries.js';
import { counted } from '../print/numbers.js';
import { filtersIn, hasConditions } from '../read/filters.js';
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
  const isWhole = table === undefined && !hasConditions(line) && !isPart(given);
  if (printer.count === 0 && isWhole) tell(call, '`npx conntrack doctor` looks for the reason');
  return EXIT.done;
});

/** The doctor examines the whole table, and that of this network namespace. */
const isPart = ({ family, limit, netns }: Given) => (family ?? limit ?? netns) !== undefined;
