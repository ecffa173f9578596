// The ends that leave the process alive: it gives back all that the operations held.
import assert from 'node:assert/strict';
import { checkClones, checkErrors, checkExports } from './clones.mjs';
import { givesBack, ownState, processState } from './held.mjs';
import { cellsOf, isCollected, keepsAlive, reach, refuseFaults } from './steps.mjs';
import { startWorker } from './workers.mjs';

/** Node.js opens and starts nothing of its own meanwhile. */
const isNode = process.versions.bun === undefined && process.versions.deno === undefined;
const state = isNode ? processState : ownState;
const collectGarbage = globalThis.gc ?? (() => globalThis.Bun.gc(true));

/** What the process holds when each copy has its socket, and libuv its threads. */
async function atRest(apis) {
  for (const api of apis) {
    await Promise.all([api.countEntries(), ...Array.from({ length: 4 }, () => api.listEntries())]);
  }
  return state();
}

/** Runs it; an error names the step. */
async function named(step, run) {
  try {
    await run();
  } catch (error) {
    throw new Error(`${step}: ${error.message}`, { cause: error });
  }
}

/** Runs `one` for each step; what it held goes back. */
function atEachStep(one) {
  return async ({ steps, apis, cells, first: start, ...settings }) => {
    const before = await atRest(apis);
    for (const [index, step] of steps.entries()) {
      const first = start + 140 * index;
      const wanted = cells ?? cellsOf(step);
      await named(step, async () => {
        await one({ ...settings, apis, step, cells: wanted, first });
        await givesBack(before, state);
      });
    }
  };
}

/** A worker comes to the step, and then to its end. */
const inWorker = (end, ended, choose = () => true) =>
  atEachStep(async ({ apis: _, step, cells, ...settings }) => {
    const chosen = cells.filter((cell) => choose(step, cell));
    const { thread, reached, ended: how } = startWorker({ ...settings, step, cells: chosen, end });
    await reached;
    if (end === 'terminate') await thread.terminate();
    assert.deepEqual(await how, ended);
  });

async function release(cases) {
  await Promise.all(cases.map((one) => one.release()));
  refuseFaults(cases);
}

export const SURVIVED = {
  'worker.terminate()': inWorker('terminate', { code: 1, error: undefined }),
  'process.exit() of a worker': inWorker('exit', { code: 0, error: undefined }),
  'an uncaught exception of a worker': inWorker('exception', {
    code: 1,
    error: 'thrown on purpose',
  }),
  "the end of a worker's script": inWorker(
    'nothing',
    { code: 0, error: undefined },
    (step, cell) => !keepsAlive(step, cell),
  ),

  'garbage collection': async ({ steps, ...settings }) => {
    const before = await atRest(settings.apis);
    const forget = async (step, first) => {
      const cells = (settings.cells ?? cellsOf(step)).filter((cell) => isCollected(step, cell));
      refuseFaults(await reach({ ...settings, step, cells, first }));
    };
    for (const [index, step] of steps.entries()) {
      await forget(step, settings.first + 140 * index);
      const collected = () => {
        collectGarbage();
        return state();
      };
      await named(step, () => givesBack(before, collected));
    }
  },

  'the end of another copy of the package': atEachStep(async ({ apis, ...settings }) => {
    const [ending, going] = await Promise.all(
      apis.map((api, index) =>
        reach({ ...settings, apis: [api], first: settings.first + 1000 * index }),
      ),
    );
    await release(ending);
    for (const { row, iterator, self, at, pending } of going) {
      // Those of a handle that is closed settle so.
      if (iterator === undefined || ['closed', 'settled'].includes(settings.step)) continue;
      await row.stir?.(self, at);
      if (settings.step === 'aborted') continue;
      const last = await pending;
      assert.ok(last === undefined || last.done !== true || !row.endless);
    }
    await release(going);
  }),

  structuredClone: async (settings) => {
    checkExports(settings.apis[0]);
    await checkErrors(settings.apis[0]);
    await atEachStep(async (one) => {
      const cases = await reach(one);
      for (const each of cases) await checkClones(each, one.step);
      await release(cases);
    })(settings);
  },
};
