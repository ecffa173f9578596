/** Prints events as they come. */
import {
  ConntrackError,
  type EntryEventType,
  type WatchOptions,
  watchEvents,
} from '../../index.js';
import { type Call, command, warn } from '../command.js';
import { EXIT } from '../exit.js';
import { lastValue } from '../line/parse.js';
import { EventPrinter } from '../print/events.js';
import { counted, grouped } from '../print/numbers.js';
import { BrokenPipe } from '../print/writer.js';
import { filtersIn } from '../read/filters.js';
import { type Labels, labelsFor } from '../read/labels.js';
import { limitIn } from '../read/limit.js';
import { present, read } from '../read/tuples.js';
import { number32, wordIn } from '../read/values.js';

export default command({ watchEvents }, async (api, call) => {
  const { line, world, writer } = call;
  const labels = await labelsFor(line);
  const limit = limitIn(line.given);
  const printer = new EventPrinter(world, writer, line.given, labels.byBit);
  const stream = api.watchEvents(optionsIn(call, labels));
  const ends = world.onInterrupt(() => void stream.close());
  try {
    await printer.begin();
    if (limit > 0) {
      for await (const events of stream.batches()) {
        await printer.print(events, limit);
        if (printer.count >= limit) break;
      }
    }
  } catch (error) {
    // SIGINT has closed it.
    if (!(error instanceof ConntrackError) || error.code !== 'ERR_CONNTRACK_CLOSED') throw error;
  } finally {
    ends();
    await stream.close();
  }
  const { counters } = stream;
  await printer.end(counters).catch((error: unknown) => {
    // Whoever read it may have had the same SIGINT.
    if (!(error instanceof BrokenPipe)) throw error;
  });
  const { lostInKernel, lostInQueue } = counters;
  const lost = lostInKernel + lostInQueue;
  const where =
    lost === 0 ? '' : ` (kernel ${grouped(lostInKernel)}, queue ${grouped(lostInQueue)})`;
  // Behind the ^C of a terminal.
  if (world.err.isTTY === true) world.err.write('\n');
  // The kernel may have sent more than were asked for.
  const some = printer.count >= limit ? `${grouped(printer.count)} of ` : '';
  warn(call, `${some}${counted(counters.received, 'event')}, ${grouped(lost)} lost${where}`);
  return EXIT.done;
});

function optionsIn({ line }: Call, labels: Labels): WatchOptions {
  const { given, words } = line;
  const isExpectations = words[0] === 'expect';
  return present({
    events: isExpectations ? [] : eventsIn(lastValue(given, 'events') ?? 'all'),
    expectations: isExpectations || given.expectations !== undefined,
    filter: isExpectations ? undefined : filtersIn(line, labels.bits),
    reliableDestroy: given.reliableDestroy !== undefined,
    allNamespaces: given.allNamespaces !== undefined,
    receiveBufferBytes: read(given, 'receiveBufferBytes', number32),
    queueBytes: read(given, 'queueBytes', number32),
    maxDelay: read(given, 'maxDelay', number32),
  });
}

/** In the words of the API, and of the tool. */
const EVENTS: Readonly<Record<string, readonly EntryEventType[]>> = {
  all: ['new', 'update', 'destroy'],
  new: ['new'],
  update: ['update'],
  updates: ['update'],
  destroy: ['destroy'],
};

const eventsIn = (text: string): EntryEventType[] =>
  text
    .toLowerCase()
    .split(',')
    .flatMap((word) => EVENTS[wordIn(Object.keys(EVENTS), word, '--events')] ?? []);
