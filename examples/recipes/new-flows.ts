/**
 * Writes the flows of a network that begin within some seconds into a new file, a line of JSON
 * each.
 *
 *   node new-flows.ts <address or network> [seconds] [new file]
 */
import '../support/end-of-pipe.js';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { networkMatcher, watchEvents } from 'conntrack';

const USAGE = `usage: new-flows <address or network> [seconds] [new file]
defaults: 60 seconds, new-flows.jsonl`;
/** A timer of Node.js takes no more milliseconds than a signed integer of 32 bits has. */
const MOST_SECONDS = 2_147_483;

function fail(code: number, error: unknown, ...more: string[]): never {
  console.error([(error as Error).message, ...more].join('\n'));
  process.exit(code);
}

function checkedArguments() {
  try {
    const { positionals } = parseArgs({ allowPositionals: true });
    const [network = '', time = '60', file = 'new-flows.jsonl', ...surplus] = positionals;
    const seconds = Number(time);
    if (network === '') throw new TypeError('no address and no network is named');
    networkMatcher([network]); // throws if this is no address and no network
    if (!(seconds >= 0.001 && seconds <= MOST_SECONDS))
      throw new RangeError(`seconds: ${time} is not from 0.001 to ${MOST_SECONDS}`);
    if (surplus.length > 0) throw new TypeError(`unknown arguments: ${surplus.join(' ')}`);
    if (existsSync(file)) throw new Error(`${file} exists: name another file, or remove it`);
    return { network, seconds, file };
  } catch (error) {
    return fail(2, error, USAGE);
  }
}

const { network, seconds, file } = checkedArguments();
try {
  const stream = watchEvents({ events: ['new'], filter: { address: network } });
  // The flag x refuses a file that exists by now.
  const output = (await open(file, 'wx')).createWriteStream();
  let flows = 0;

  async function* lines(): AsyncGenerator<string> {
    for await (const events of stream.batches()) {
      const entries = events.flatMap((event) => (event.type === 'new' ? [event.entry] : []));
      flows += entries.length;
      yield entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    }
  }

  /** Ends the loop once it has the events of all that happened before. */
  const end = () => {
    clearTimeout(timer);
    // A stream that has ended already has nothing to wait for.
    void stream.caughtUp().then(
      () => stream.close(),
      () => undefined,
    );
  };
  const timer = setTimeout(end, 1000 * seconds);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  console.log(`recording for ${seconds} s: new flows of ${network} into ${file}`);

  // While the disk is slow the loop waits, and events gather in the queue of the stream (64 MiB).
  await pipeline(lines, output);
  const { lostInKernel, lostInQueue } = stream.counters;
  console.log(`flows: ${flows}, events lost: ${lostInKernel + lostInQueue}`);
} catch (error) {
  // Such as a missing permission, or a full disk.
  fail(1, error);
}
