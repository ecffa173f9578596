/** Prints the number of entries that match. */
import { deleteEntries, streamEntries } from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { jsonLine } from '../print/json.js';
import { countOf } from '../read/count-of.js';
import { filtersIn, hasConditions } from '../read/filters.js';
import { labelsFor } from '../read/labels.js';
import { read } from '../read/tuples.js';
import { familyIn } from '../read/values.js';

export default command({ deleteEntries, streamEntries }, async (api, { line, writer }) => {
  const labels = await labelsFor(line);
  const filters = filtersIn(line, labels.bits);
  const family = read(line.given, 'family', familyIn);
  // A whole family is nothing that the API deletes by a filter.
  const entries = hasConditions(line)
    ? (await api.deleteEntries(filters, { dryRun: true })).matched
    : await countOf(api, family === undefined ? {} : { family });
  const { given } = line;
  await writer.line(given.json === undefined ? String(entries) : jsonLine({ entries }));
  await writer.flush();
  return EXIT.done;
});
