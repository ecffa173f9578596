// Workers that bring operations to a step.
import { Worker } from 'node:worker_threads';

/** Starts worker.mjs. `reached` resolves when it is at the step, `ended` with how it ended. */
export function startWorker(settings) {
  const thread = new Worker(new URL('worker.mjs', import.meta.url), { workerData: settings });
  let error;
  thread.on('error', (thrown) => (error = thrown.message));
  const ended = new Promise((resolve) => thread.on('exit', (code) => resolve({ code, error })));
  const reached = new Promise((resolve, reject) => {
    thread.on('message', resolve);
    void ended.then((how) => reject(new Error(`the worker ended early: ${JSON.stringify(how)}`)));
  });
  return { thread, reached, ended };
}
