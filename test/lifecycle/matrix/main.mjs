// node main.mjs JSON: brings operations to a step, and ends. The JSON has
//   paths         of the copies of the package, and `copies`: how many are loaded
//   way           of ENDINGS or SURVIVED
//   steps         those of which each is tried; one, where the process ends
//   cells         of steps.mjs, for this thread, and `workerCells` for a worker beside it; without
//                 them: all that come to the step
//   first         the first of 1,000 numbers that make its addresses its own
//   microseconds  how long after the step
// It prints "done" when it has come to the end
// that was asked for.
import { ENDINGS } from './endings.mjs';
import { cellsOf, reach, refuseFaults } from './steps.mjs';
import { SURVIVED } from './survived.mjs';
import { startWorker } from './workers.mjs';
import { loadAll } from './world.mjs';

const { way, steps, copies, ...settings } = JSON.parse(process.argv[2]);
settings.paths = settings.paths.slice(0, copies);
const apis = await loadAll(settings.paths);

async function endAt(step) {
  const { run, cells: choose = (cells) => cells } = ENDINGS[way];
  const cells = settings.cells ?? cellsOf(step);
  const workerCells = settings.workerCells ?? cellsOf(step);
  const { first } = settings;
  const worker = startWorker({ ...settings, step, cells: workerCells, first: first + 500 });
  const [cases] = await Promise.all([
    reach({ ...settings, apis, step, cells: choose(cells, step) }),
    worker.reached,
  ]);
  refuseFaults(cases);
  // Held until the process is gone.
  globalThis.cases = cases;
  run({ apis, step, cells, cases, worker, first: first + 300 });
}

if (way in SURVIVED) {
  await SURVIVED[way]({ ...settings, steps, apis });
  console.log('done');
} else await endAt(steps[0]);
