// Runs programs one after the other, in this process: those that the documents show. Prints how each
// of them ended, as JSON.
//
//   node run-code-blocks.mjs [--endless] program...
//
// Before each of them there are the flows and the policy that the documents write about. One that follows
// `--endless` is asked to end by SIGTERM after a moment, and then left alone.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTimeoutPolicy, deleteTimeoutPolicy, upsertEntry } from 'conntrack';
import { register } from 'prom-client';

/** An endless program that fails does so by then. */
const MOMENT_MS = 250;
const PATIENCE_MS = 10_000;

const FLOWS = [
  {
    protocol: 'tcp',
    original: {
      source: '10.0.0.5',
      destination: '198.51.100.7',
      sourcePort: 50000,
      destinationPort: 443,
    },
    timeout: 300,
    tcp: { state: 'ESTABLISHED' },
  },
  {
    protocol: 'udp',
    original: {
      source: '10.0.0.5',
      destination: '198.51.100.53',
      sourcePort: 50000,
      destinationPort: 53,
    },
    timeout: 30,
  },
];

const POLICY = {
  name: 'web',
  family: 'ipv4',
  protocol: 'tcp',
  timeouts: { established: 3600 },
};

const print = process.stdout.write.bind(process.stdout);
for (const name of ['log', 'warn', 'error', 'table', 'info']) console[name] = () => undefined;

/** What no program has caught, and no promise of its own reports. */
let uncaught;
const keep = (error) => {
  uncaught ??= error;
};

const textOf = (error) => `${error?.code ?? error?.name}: ${error?.message ?? error}`;

/** `ended`, `open`, or the error. */
async function run(program, isEndless) {
  const running = import(program).then(
    () => 'ended',
    (error) => textOf(error),
  );
  const within = (ms) => Promise.race([running, sleep(ms, 'open')]);
  if (!isEndless) return within(PATIENCE_MS);
  const outcome = await within(MOMENT_MS);
  if (outcome !== 'open' || !process.emit('SIGTERM')) return outcome;
  return within(PATIENCE_MS);
}

let isEndless = false;
for (const program of process.argv.slice(2)) {
  if (program === '--endless') {
    isEndless = true;
    continue;
  }
  for (const flow of FLOWS) await upsertEntry(flow);
  await deleteTimeoutPolicy('web');
  if (!readFileSync(program, 'utf8').includes('createTimeoutPolicy')) {
    await createTimeoutPolicy(POLICY);
  }
  uncaught = undefined;
  process.on('uncaughtException', keep).on('unhandledRejection', keep);
  const outcome = await run(program, isEndless);
  print(
    `${JSON.stringify({ program, outcome: uncaught === undefined ? outcome : textOf(uncaught) })}\n`,
  );
  for (const name of ['uncaughtException', 'unhandledRejection', 'SIGTERM']) {
    process.removeAllListeners(name);
  }
  register.clear();
  isEndless = false;
}
process.exit();
