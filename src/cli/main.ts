#!/usr/bin/env node
/**
 * The executable `conntrack-js`.
 */
import process from 'node:process';
import { EXIT } from './exit.js';
import { run } from './run.js';
import type { World } from './world.js';

const ignore = () => undefined;
// The write that fails reports it.
process.stdout.on('error', ignore);
process.stderr.on('error', ignore);
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => {
  if (name === 'ConntrackWarning') process.stderr.write(`conntrack-js: warning: ${message}\n`);
});

const world: World = {
  out: process.stdout,
  err: process.stderr,
  in: () => process.stdin,
  env: process.env,
  onInterrupt: (stop) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    // The second one ends the process.
    for (const signal of signals) process.once(signal, stop);
    return () => {
      for (const signal of signals) process.removeListener(signal, stop);
    };
  },
};

process.exitCode = await run(process.argv.slice(2), world);
// Of a terminal that was closed; where SIGHUP has not come, Node.js would abort: it cannot reset it.
if (process.exitCode === EXIT.brokenPipe && process.stdout.isTTY) {
  process.kill(process.pid, 'SIGHUP');
}
