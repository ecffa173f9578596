/**
 * Ends a test whose main thread is blocked, for example by a deadlock of threads in the addon.
 * Nothing on that thread can notice it: the runner's own limit is a timer there. So another
 * thread looks whether this one still turns, and names the test before it kills the process.
 */

import { Worker } from 'node:worker_threads';
import { beforeEach } from 'vitest';
import { isSlow } from './emulation.js';

const LIMIT_SECONDS = isSlow ? 400 : 40;
const NAME_BYTES = 512;

/** Files may share a process: this one runs again for each of them. */
declare global {
  var watchdog: { readonly state: Int32Array; readonly name: Uint8Array } | undefined;
}

const program = `
const { writeSync } = require('node:fs');
const { workerData: { state, name, limit } } = require('node:worker_threads');
let turns = -1;
let blocked = 0;
for (;;) {
  Atomics.wait(state, 0, turns, 1000);
  const now = Atomics.load(state, 0);
  blocked = now === turns ? blocked + 1 : 0;
  turns = now;
  if (blocked < limit) continue;
  const test = Buffer.from(name.slice(0, Atomics.load(state, 1))).toString();
  writeSync(2, '\\nThe main thread has been blocked for ' + limit + ' s, in the test\\n  ' + test + '\\n');
  process.kill(process.pid, 'SIGKILL');
}
`;

function start() {
  /** How often the event loop has turned; then the length of the test's name. */
  const state = new Int32Array(new SharedArrayBuffer(8));
  const name = new Uint8Array(new SharedArrayBuffer(NAME_BYTES));
  new Worker(program, {
    eval: true,
    workerData: { state, name, limit: LIMIT_SECONDS },
    execArgv: [],
  }).unref();
  setInterval(() => Atomics.add(state, 0, 1), 1000).unref();
  return { state, name };
}

globalThis.watchdog ??= start();
const { state, name } = globalThis.watchdog;

beforeEach(({ task }) => {
  const { written } = new TextEncoder().encodeInto(`${task.file.name} > ${task.name}`, name);
  Atomics.store(state, 1, written);
  Atomics.add(state, 0, 1);
});
