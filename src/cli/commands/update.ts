/** Changes the entries that match. */
import { streamEntries, updateEntry } from '../../index.js';
import { command, tell, warn } from '../command.js';
import { EXIT } from '../exit.js';
import { EntryPrinter } from '../print/entries.js';
import { counted } from '../print/numbers.js';
import { filtersOfUpdate } from '../read/filters.js';
import { labelsFor } from '../read/labels.js';
import { changesIn } from '../read/specs.js';

export default command({ streamEntries, updateEntry }, async (api, call) => {
  const { line, world, writer } = call;
  const { given } = line;
  const labels = await labelsFor(line);
  const { changes, unchanged } = changesIn(given, labels.bits);
  const filters = filtersOfUpdate(line, labels.bits).map((filter) => {
    const others = [filter.not ?? []].flat();
    return { ...filter, not: unchanged === undefined ? others : [...others, unchanged] };
  });
  const printer = new EntryPrinter(world, writer, 'update', given, labels.byBit);
  for await (const batch of api.streamEntries(filters).batches()) {
    await printer.print(
      given.dryRun === undefined
        ? await Promise.all(batch.map((entry) => api.updateEntry(entry, changes)))
        : batch,
    );
  }
  await printer.end();
  if (printer.count === 0) {
    warn(call, 'no entry matches that is not so already');
    return EXIT.failed;
  }
  const done = given.dryRun === undefined ? 'changed' : 'would be changed';
  tell(call, `${counted(printer.count, 'entry', 'entries')} ${done}`);
  return EXIT.done;
});
