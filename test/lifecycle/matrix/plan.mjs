// The cells of the matrix, gathered into processes.
import { ENDINGS } from './endings.mjs';
import { cellsOf, STEPS } from './steps.mjs';
import { SURVIVED } from './survived.mjs';

/** How many addresses of its own a process may use. */
const NUMBERS = 1000;

const MAY_SAY = { 'an uncaught exception of a worker': 'thrown on purpose' };

/** How many copies of the package are in a process: the other one costs as much again. */
const copiesIn = (way) =>
  ['process.exit()', 'the end of another copy of the package'].includes(way) ? 2 : 1;

/**
 * All cells of a way and a step in one process: half of them on the main thread, half in a worker,
 * and the other way round for the next way to end. What leaves the process alive has two
 * processes for all steps.
 */
export function processes() {
  let first = 0;
  const next = (numbers) => {
    first += numbers;
    return first - numbers;
  };
  const ending = Object.entries(ENDINGS).flatMap(([way, { steps = STEPS, ended }], index) =>
    steps.map((step) => {
      const half = (which) => cellsOf(step).filter((_, at) => at % 2 === which);
      return {
        name: `${way}: ${step}`,
        ended,
        settings: {
          way,
          steps: [step],
          copies: copiesIn(way),
          cells: half(index % 2),
          workerCells: half((index + 1) % 2),
          first: next(NUMBERS),
        },
      };
    }),
  );
  const survived = Object.keys(SURVIVED).flatMap((way) =>
    [STEPS.slice(0, 3), STEPS.slice(3)].map((steps) => ({
      name: `${way}: ${steps.join(', ')}`,
      // deno prints the exception of a worker although its parent listens for it.
      ended: { code: 0, signal: null, stdout: 'done\n', maySay: MAY_SAY[way] },
      settings: { way, steps, copies: copiesIn(way), first: next(2 * NUMBERS) },
    })),
  );
  return [...ending, ...survived];
}

/** A process of each way to end; one after the other of them with the next seed. */
export function sampleOf(all, seed) {
  const ways = [...new Set(all.map(({ settings }) => settings.way))];
  return ways.map((way, index) => {
    const ofWay = all.filter(({ settings }) => settings.way === way);
    return ofWay[(index + seed) % ofWay.length];
  });
}

/** How many cells a process has: an operation, its caller, a step and a way to end. */
export const sizeOf = ({ settings: { steps, cells, workerCells } }) =>
  cells === undefined
    ? steps.reduce((sum, step) => sum + cellsOf(step).length, 0)
    : cells.length + workerCells.length;

/** The same process for each cell of it alone, with addresses of its own. */
export function* cellByCell({ name, ended, settings }) {
  let first = settings.first;
  for (const step of settings.steps) {
    for (const cell of cellsOf(step)) {
      yield {
        name: `${name}: ${cell.operation}, as a ${cell.caller}, ${step}`,
        ended,
        settings: { ...settings, steps: [step], cells: [cell], workerCells: [cell], first },
      };
      first += settings.copies;
    }
  }
}

/** What is wrong with how a process ended; `undefined`: nothing. */
export function faultOf({ ended: { says = '', maySay = '', ...wanted } }, { stderr, ...seen }) {
  const isAsWanted = Object.entries(wanted).every(([name, value]) => seen[name] === value);
  const isSilent = stderr === '' || (maySay !== '' && stderr.includes(maySay));
  const isHeard = says === '' ? isSilent : stderr.includes(says);
  if (isAsWanted && isHeard) return undefined;
  return `${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}\n${stderr}`;
}
