/** Deletes the entries that match. */
import { deleteEntries, flushEntries, streamDeletes, streamEntries } from '../../index.js';
import { type Api, type Call, command, tell, warn } from '../command.js';
import { EXIT } from '../exit.js';
import { confirm } from '../print/ask.js';
import { EntryPrinter } from '../print/entries.js';
import { counted } from '../print/numbers.js';
import { countOf } from '../read/count-of.js';
import { filtersIn, hasConditions } from '../read/filters.js';
import { labelsFor } from '../read/labels.js';
import { read } from '../read/tuples.js';
import { familyIn } from '../read/values.js';
import { UsageError } from '../usage-error.js';

type DeleteApi = Pick<Api, 'deleteEntries' | 'flushEntries' | 'streamDeletes' | 'streamEntries'>;

export default command(
  { deleteEntries, flushEntries, streamDeletes, streamEntries },
  async (api, call) => {
    const { line, world, writer } = call;
    const { given } = line;
    const labels = await labelsFor(line);
    const printer = new EntryPrinter(world, writer, 'delete', given, labels.byBit);
    if (hasConditions(line)) await deleteSome(api, call, printer, labels.bits);
    else await deleteAll(api, call, printer);
    await printer.end();
    if (printer.count === 0) {
      warn(call, 'no entry matches');
      return EXIT.failed;
    }
    const done = given.dryRun === undefined ? 'deleted' : 'would be deleted';
    tell(call, `${counted(printer.count, 'entry', 'entries')} ${done}`);
    return EXIT.done;
  },
);

async function deleteSome(
  api: DeleteApi,
  { line, world }: Call,
  printer: EntryPrinter,
  bits: ReadonlyMap<string, number>,
): Promise<void> {
  const { given } = line;
  const filters = filtersIn(line, bits);
  if (given.dryRun !== undefined) {
    for await (const batch of api.streamEntries(filters).batches()) await printer.print(batch);
    return;
  }
  await confirm(world, given, 'delete', async () => {
    const { matched } = await api.deleteEntries(filters, { dryRun: true });
    return matched;
  });
  for await (const batch of api.streamDeletes(filters).batches()) await printer.print(batch);
}

/** To the API that is a flush; of conntrack(8) `-D` alone does so. */
async function deleteAll(api: DeleteApi, call: Call, printer: EntryPrinter): Promise<void> {
  const { line, world } = call;
  const { given, isLetter } = line;
  if (!isLetter) {
    throw new UsageError('delete needs a condition beside --family: flush empties the table');
  }
  const family = read(given, 'family', familyIn);
  const only = family === undefined ? {} : { family };
  if (given.dryRun !== undefined) {
    for await (const batch of api.streamEntries(only).batches()) await printer.print(batch);
    return;
  }
  await confirm(world, given, '-D', async () => countOf(api, only));
  const { entries } = await api.flushEntries({ ...only, entries: true });
  await printer.print(entries);
}
