/**
 * Records flows into a database of SQLite, until Ctrl-C or for so many seconds. A worker thread has the
 * recorder and the database, so that no write holds up the main thread. At the end that one answers:
 * who has the most bytes in the records of the last hour?
 *
 *   node flow-log-sqlite.ts [file] [seconds]
 */
import './support/end-of-pipe.js';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type FlowWriter, recordFlows, writeFlows } from 'conntrack/flow-log';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Prints what leaves records incomplete: settings, lost events, a time without a recorder. */
const warnings: FlowWriter = {
  async write(records) {
    for (const record of records) {
      if (record.type === 'flow') continue;
      console.warn(record.type === 'notice' ? record.message : JSON.stringify(record));
    }
  },
};

/** The worker: ends with any message. */
async function record(path: string): Promise<void> {
  const database = await openFlowDatabase({ path, keepFor: '30d', keepBytes: 2 ** 30 });
  // Refuses a second recorder, before this one calls itself ready.
  await database.history();
  const recorder = recordFlows({ interval: '60s', resume: database });
  parentPort?.once('message', () => {
    recorder.finish();
  });
  parentPort?.postMessage('ready');
  const retry = (error: unknown, failures: number) => {
    console.warn(error instanceof Error ? error.message : error);
    return Math.min(1000 * failures, MINUTE);
  };
  try {
    await writeFlows(recorder, [database, warnings], { retry });
  } finally {
    await database.close();
  }
}

async function run(path: string, seconds: number | undefined): Promise<void> {
  const recording = new Worker(new URL(import.meta.url), { workerData: path });
  const ended = once(recording, 'exit');
  await once(recording, 'message');
  const end = () => {
    recording.postMessage('end');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (seconds !== undefined) setTimeout(end, 1000 * seconds).unref();
  console.log(`recording into ${path}: Ctrl-C ends it`);
  await ended;

  const database = await openFlowDatabase({ path, readOnly: true });
  const since = Date.now() - HOUR;
  const talkers = database.topTalkers({ by: 'source', since, limit: 10 });
  if (talkers.length === 0) console.log('no flow of the last hour was recorded');
  for (const { source, parts, traffic, uncounted } of talkers) {
    const { original, reply } = traffic;
    const bytes = ['bytes sent:', original.bytes, 'got:', reply.bytes];
    // Of flows that began while the kernel counted nothing.
    const unknown = uncounted > 0 ? [`(unknown for ${uncounted} of the records)`] : [];
    console.log(source, 'records:', parts, ...bytes, ...unknown);
  }
  await database.close();
}

if (isMainThread) {
  // A line instead of a stack: no permission, no folder.
  process.once('uncaughtException', ({ message }) => {
    console.error(message);
    process.exit(1);
  });
  const [path = 'flows.db', seconds, ...others] = process.argv.slice(2);
  const length = seconds === undefined ? undefined : Number(seconds);
  // A timer of Node.js takes no more.
  const isLength = length === undefined || (length > 0 && length <= 2_147_483);
  if (path.startsWith('-') || !isLength || others.length > 0) {
    console.error('usage: flow-log-sqlite [file] [seconds, 2147483 at most]');
    process.exit(2);
  }
  await run(path, length);
} else {
  await record(workerData as string);
}
