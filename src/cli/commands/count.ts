/** Prints the number of entries. */
import { countEntries } from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { jsonLine } from '../print/json.js';

export default command({ countEntries }, async (api, { line, writer }) => {
  const entries = await api.countEntries();
  await writer.line(line.given.json === undefined ? String(entries) : jsonLine({ entries }));
  await writer.flush();
  return EXIT.done;
});
