/**
 * Records flows into a database of SQLite. A worker thread has the recorder and the database, so that
 * no write holds up the main thread, which answers: who talked most in the last minute?
 *
 *   node out/examples/flow-log-sqlite.js [file] [seconds]
 */
import './support/end-of-pipe.js';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { recordFlows, writeFlows } from 'conntrack/flow-log';
import { openFlowDatabase } from 'conntrack/flow-log/sqlite';

const MINUTE = 60_000;

/** The worker: ends with any message. */
async function record(path: string): Promise<void> {
  await using database = await openFlowDatabase({ path, keepFor: '30d', keepBytes: 2 ** 30 });
  const recorder = recordFlows({ interval: '1s', resume: database });
  parentPort?.once('message', () => {
    recorder.finish();
  });
  parentPort?.postMessage('ready');
  const retry = (error: unknown, failures: number) => {
    console.warn(error instanceof Error ? error.message : error);
    return Math.min(1000 * failures, MINUTE);
  };
  await writeFlows(recorder, database, { retry });
}

async function answer(path: string, seconds: number): Promise<void> {
  const recording = new Worker(new URL(import.meta.url), { workerData: path });
  const ended = once(recording, 'exit');
  await once(recording, 'message');
  await using database = await openFlowDatabase({ path, readOnly: true });
  await sleep(1000 * seconds);
  for (const talker of database.topTalkers({
    by: 'source',
    since: Date.now() - MINUTE,
    limit: 10,
  })) {
    const { source, parts, traffic } = talker;
    console.log(source, parts, 'records', traffic.original.bytes, traffic.reply.bytes, 'bytes');
  }
  recording.postMessage('end');
  await ended;
}

if (isMainThread) await answer(process.argv[2] ?? 'flows.db', Number(process.argv[3] ?? 10));
else await record(workerData as string);
