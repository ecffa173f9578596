/** Shows the flows that carry most. */
import {
  deleteEntry,
  getEntry,
  readPressure,
  streamEntries,
  updateEntry,
  watchPressure,
} from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { paintOf } from '../print/style.js';
import { readLabels } from '../read/labels.js';
import { topOptionsIn } from '../top/options.js';
import { printOnAndOn } from '../top/printed.js';
import { Session } from '../top/session.js';
import { UsageError } from '../usage-error.js';

export default command(
  { deleteEntry, getEntry, readPressure, streamEntries, updateEntry, watchPressure },
  async (api, { line, world, writer }) => {
    const { given } = line;
    const labels = await readLabels();
    const options = topOptionsIn(line, labels.bits);
    const { isTTY = false, columns } = world.out;
    const isJson = given.json !== undefined;
    if (isTTY && !isJson && given.limit === undefined && world.in().isTTY === true) {
      if (world.env.TERM === 'dumb') {
        throw new UsageError('top needs a terminal with a cursor, and TERM is dumb: add --limit 1');
      }
      const paint = paintOf(world, given.noColor !== undefined);
      await new Session(api, world, options, labels, paint).run();
      return EXIT.done;
    }
    const ending = new AbortController();
    const { signal } = ending;
    const ends = world.onInterrupt(() => {
      ending.abort();
    });
    try {
      await printOnAndOn(api, options, { writer, columns, isJson }, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ends();
    }
    return EXIT.done;
  },
);
