// A worker that brings operations to a step, says so, and ends as it was asked to.
import { parentPort, workerData } from 'node:worker_threads';
import { reach, refuseFaults } from './steps.mjs';
import { loadAll } from './world.mjs';

const ENDS = {
  exit: () => process.exit(0),
  exception() {
    setImmediate(() => {
      throw new Error('thrown on purpose');
    });
  },
};

const { paths, end, ...settings } = workerData;
const cases = await reach({ ...settings, apis: await loadAll(paths) });
refuseFaults(cases);
globalThis.cases = cases;
parentPort.postMessage('reached');
ENDS[end]?.();
