/** Changes the entries that match. */
import {
  ConntrackError,
  type Entry,
  type EntryChanges,
  streamEntries,
  updateEntry,
} from '../../index.js';
import { type Api, command, tell, warn } from '../command.js';
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
    if (given.dryRun !== undefined) {
      await printer.print(batch);
      continue;
    }
    const updated = await Promise.all(batch.map(async (entry) => change(api, entry, changes)));
    await printer.print(updated.filter((entry) => entry !== undefined));
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

/** `undefined`: it has ended since it was read. */
async function change(
  api: Pick<Api, 'updateEntry'>,
  entry: Entry,
  changes: EntryChanges,
): Promise<Entry | undefined> {
  try {
    return await api.updateEntry(entry, changes);
  } catch (error) {
    if (error instanceof ConntrackError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
