/** Creates an entry. */
import {
  ConntrackError,
  createEntry,
  type Entry,
  type EntrySpec,
  type ReplySpec,
  upsertEntry,
} from '../../index.js';
import { type Api, command, tell } from '../command.js';
import { EXIT } from '../exit.js';
import type { Given } from '../line/parse.js';
import { EntryPrinter } from '../print/entries.js';
import { labelsFor } from '../read/labels.js';
import { specIn } from '../read/specs.js';
import { UsageError } from '../usage-error.js';

interface Created {
  readonly did: 'created' | 'changed' | 'left';
  /** Absent if it was left alone. */
  readonly entry?: Entry;
}

export default command({ createEntry, upsertEntry }, async (api, call) => {
  const { line, world, writer } = call;
  const { given } = line;
  const labels = await labelsFor(line);
  const printer = new EntryPrinter(world, writer, 'create', given, labels.byBit);
  const { did, entry } = await create(api, given, specIn(given, labels.bits));
  const isWanted = given.output !== undefined || given.json !== undefined;
  if (entry !== undefined && isWanted) await printer.print([entry]);
  await printer.end();
  tell(call, entry === undefined ? 'one is there already: left alone' : `${did}: ${String(entry)}`);
  return EXIT.done;
});

async function create(
  api: Pick<Api, 'createEntry' | 'upsertEntry'>,
  given: Given,
  spec: EntrySpec | ReplySpec,
): Promise<Created> {
  if (given.orUpdate !== undefined) {
    if (given.ifAbsent !== undefined) {
      throw new UsageError('--if-absent and --or-update exclude each other');
    }
    const { entry, created } = await api.upsertEntry(spec);
    return { did: created ? 'created' : 'changed', entry };
  }
  try {
    return { did: 'created', entry: await api.createEntry(spec) };
  } catch (error) {
    const exists = error instanceof ConntrackError && error.code === 'EEXIST';
    if (given.ifAbsent === undefined || !exists) throw error;
    return { did: 'left' };
  }
}
