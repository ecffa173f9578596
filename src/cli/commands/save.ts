/** Writes the table as lines of JSON. */
import { open, rename, unlink } from 'node:fs/promises';
import { writeEntries } from '../../index.js';
import { type Api, type Call, command, tell } from '../command.js';
import { EXIT } from '../exit.js';
import { ascii } from '../print/json.js';
import { counted } from '../print/numbers.js';
import { outputError } from '../print/writer.js';
import { filtersIn } from '../read/filters.js';
import { labelsFor } from '../read/labels.js';

export default command({ writeEntries }, async (api, call) => {
  const [file = '-'] = call.line.words;
  const entries = file === '-' ? await toOutput(api, call) : await toFile(api, call, file);
  tell(call, `${counted(entries, 'entry', 'entries')} saved`);
  return EXIT.done;
});

type SaveApi = Pick<Api, 'writeEntries'>;

async function toOutput(api: SaveApi, { line, world: { out } }: Call): Promise<number> {
  const labels = await labelsFor(line);
  let failure: Error | undefined;
  const ignored = () => undefined;
  const sink = {
    write: (text: string, done: (error?: Error | null) => void) =>
      out.write(ascii(text), (error) => {
        failure ??= error ?? undefined;
        done(error);
      }),
    on: ignored,
    removeListener: ignored,
  };
  try {
    const { entries } = await api.writeEntries(sink, filtersIn(line, labels.bits));
    return entries;
  } catch (error) {
    throw failure === undefined ? error : outputError(failure);
  }
}

/** Beside the file, and then in its place. */
async function toFile(api: SaveApi, { line }: Call, file: string): Promise<number> {
  const labels = await labelsFor(line);
  const filters = filtersIn(line, labels.bits);
  const beside = `${file}.new`;
  const handle = await open(beside, 'w', 0o600);
  try {
    const stream = handle.createWriteStream({ autoClose: false });
    const { entries } = await api.writeEntries(stream, filters);
    await handle.sync();
    await handle.close();
    await rename(beside, file);
    return entries;
  } catch (error) {
    await handle.close();
    await unlink(beside);
    throw error;
  }
}
