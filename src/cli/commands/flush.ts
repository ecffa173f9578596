/** Empties the table. */
import { flushEntries, streamEntries } from '../../index.js';
import { command, tell } from '../command.js';
import { EXIT } from '../exit.js';
import { confirm } from '../print/ask.js';
import { EntryPrinter } from '../print/entries.js';
import { counted } from '../print/numbers.js';
import { countOf } from '../read/count-of.js';
import { read } from '../read/tuples.js';
import { familyIn } from '../read/values.js';

export default command({ flushEntries, streamEntries }, async (api, call) => {
  const { line, world, writer } = call;
  const { given, isLetter } = line;
  const family = read(given, 'family', familyIn);
  const only = family === undefined ? {} : { family };
  const printer = new EntryPrinter(world, writer, 'flush', given, new Map());
  if (given.dryRun !== undefined) {
    for await (const batch of api.streamEntries(only).batches()) await printer.print(batch);
    await printer.end();
    tell(call, `${counted(printer.count, 'entry', 'entries')} would be deleted`);
    return EXIT.done;
  }
  await confirm(world, given, 'flush', async () => countOf(api, only));
  // Entry by entry: only who asks for them waits for that. Of conntrack(8), -F prints none.
  if (!isLetter && (given.json ?? given.output) !== undefined) {
    const { entries } = await api.flushEntries({ ...only, entries: true });
    await printer.print(entries);
    await printer.end();
  } else {
    await api.flushEntries(only);
  }
  tell(call, family === undefined ? 'the table is empty' : `no entry of ${family} is left`);
  return EXIT.done;
});
